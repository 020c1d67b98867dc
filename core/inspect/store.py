"""Where inspections lie: in the cache, named after the content of file and tokenizer, and how the text is made."""

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec
from msgspec.structs import replace

from core.cache import cache_folder, made_in_place_of_oldest
from core.data.files import files_of, read_records
from core.profile.settings import Profile

EDITION = 6
"""Raise it when what is written of a row changes."""

KEPT = 8
"""Inspections; one of a Kaggle file takes about 100 MB."""


class Store:
    """The files of one inspection. Making the object touches nothing on disk."""

    def __init__(self, content: str, tokenizer: str, profile: Profile) -> None:
        """`content` and `tokenizer` are digests; `profile` says how the rows are read, and how their text is made."""
        reading = replace(profile.data, train="", eval=None, drop_leaks=False, test="")
        known_by = repr((EDITION, profile.text, content, tokenizer, reading, profile.model.outcomes))
        self.folder = _inspections() / hashlib.blake2b(known_by.encode(), digest_size=12).hexdigest()
        self.sample = self.folder / "sample.parquet"
        self.whole = self.folder / "rows.parquet"
        self.about = self.folder / "about.json"
        self.pieces = _inspections() / f"pieces-{tokenizer}.parquet"

    @property
    def is_complete(self) -> bool:
        return self.about.is_file()

    def making(self) -> AbstractContextManager[Path]:
        """A folder that becomes the inspection's when the block ends well; the oldest others make room for it."""
        return made_in_place_of_oldest(self.folder, lambda: self.is_complete, KEPT)


def digest_of_all(train: Sequence[str], evaluation: str | None) -> str:
    """A digest of the content of all sources of a run's rows, in their order."""
    digests = [digest_of(source) for source in train]
    digests += [f"eval {digest_of(evaluation)}"] if evaluation else []
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def digest_of(source: str) -> str:
    """A digest of the content of the source's files, or of a data set's rows.

    A gigabyte takes 0.7 s with SHA-256 where the processor has instructions for it, and 1.3 s with BLAKE2b.
    """
    if files := files_of(source):
        digests = []
        for known in files:
            with known.path.open("rb") as file:
                digests.append(hashlib.file_digest(file, "sha256").hexdigest() + known.member)
        return "-".join(digests) if len(files) < 2 else hashlib.sha256("".join(digests).encode()).hexdigest()
    digest = hashlib.blake2b()
    for _, _, record in read_records(source):
        digest.update(msgspec.json.encode(record))
    return digest.hexdigest()


def _inspections() -> Path:
    return cache_folder() / "inspections"
