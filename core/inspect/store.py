"""Where inspections lie: in the cache, named after the content of file, tokenizer and template."""

import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import msgspec

from core.cache import cache_folder
from core.data.files import read_records
from core.data.template import TAGS

EDITION = 1
"""Raise it when what is written of a row changes."""

KEPT = 8
"""Inspections; one of a Kaggle file takes about 100 MB."""

SCRATCH = ".making-"
SECONDS_IN_A_DAY = 86_400


class Store:
    """The files of one inspection. Making the object touches nothing on disk."""

    def __init__(self, content: str, tokenizer: str, limit: int | None) -> None:
        """`content` and `tokenizer` are digests; `limit` is how many of the rows are read."""
        known_by = repr((EDITION, TAGS, content, tokenizer, limit))
        self.folder = _inspections() / hashlib.blake2b(known_by.encode(), digest_size=12).hexdigest()
        self.sample = self.folder / "sample.parquet"
        self.whole = self.folder / "rows.parquet"
        self.about = self.folder / "about.json"
        self.pieces = _inspections() / f"pieces-{tokenizer}.parquet"

    @property
    def is_complete(self) -> bool:
        return self.about.is_file()

    def keep(self, made: Path) -> None:
        """Put the finished folder `made` in its place. Another process may have put its equal copy there first."""
        try:
            made.rename(self.folder)
        except OSError:
            if not self.is_complete:
                raise


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder beside the inspections, gone afterwards unless it was renamed."""
    _inspections().mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix=SCRATCH, dir=_inspections()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_room() -> None:
    """Delete the inspections that were made longest ago, and what killed processes left behind a day ago."""
    folders = [path for path in _inspections().glob("*") if path.is_dir()]
    made = sorted((path for path in folders if not path.name.startswith(SCRATCH)), key=_age)
    left_behind = [path for path in folders if path.name.startswith(SCRATCH) and _age(path) > SECONDS_IN_A_DAY]
    for folder in (*made[KEPT - 1 :], *left_behind):
        shutil.rmtree(folder, ignore_errors=True)


def digest_of(source: str) -> str:
    """A digest of a file's content, or of a data set's rows.

    A gigabyte takes 0.7 s with SHA-256 where the processor has instructions for it, and 1.3 s with BLAKE2b.
    """
    path = Path(source)
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.blake2b()
    for _, record in read_records(source):
        digest.update(msgspec.json.encode(record))
    return digest.hexdigest()


def _inspections() -> Path:
    return cache_folder() / "inspections"


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime
