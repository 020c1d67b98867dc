"""Where reports lie: in the cache, named after the content of all they are made of."""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from core.cache import cache_folder

EDITION = 5
"""Raise it when what is written changes."""

KEPT = 16
"""Reports; one takes some megabytes."""

SCRATCH = ".making-"


class Store:
    """The files of one report. Making the object touches nothing on disk."""

    def __init__(self, content: Sequence[str]) -> None:
        """`content` are digests, and whatever else the report depends on."""
        digest = hashlib.blake2b(repr((EDITION, *content)).encode(), digest_size=12)
        self.folder = _reports() / digest.hexdigest()
        self.report = self.folder / "report.json"
        self.rows = self.folder / "rows.parquet"
        self.pieces = self.folder / "pieces.parquet"
        self.progress = self.folder / "progress.json"
        """The last word of the child that made it."""

    @property
    def is_complete(self) -> bool:
        return self.progress.is_file()

    @contextmanager
    def making(self) -> Iterator[Path]:
        """A scratch folder that becomes the report's when the block ends well, and goes when it does not."""
        _reports().mkdir(parents=True, exist_ok=True)
        made = sorted((path for path in _reports().glob("*") if path.is_dir()), key=lambda path: -path.stat().st_mtime)
        for old in made[KEPT - 1 :]:
            shutil.rmtree(old, ignore_errors=True)
        scratch = Path(mkdtemp(prefix=SCRATCH, dir=_reports()))
        try:
            yield scratch
            try:
                scratch.rename(self.folder)
            except OSError:
                if not self.is_complete:  # else another process has put its equal copy there
                    raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _reports() -> Path:
    return cache_folder() / "reports"
