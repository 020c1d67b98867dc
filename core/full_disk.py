"""Tells a full disk, or a quota that is used up, from other errors, and that of a cache from that of a run."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.cache import CACHE_VARIABLE, cache_folder

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
SIGNS = (
    *(f"(os error {number})" for number in sorted(NO_ROOM)),  # safetensors, and others that are written in Rust
    "Not enough disk space",  # datasets, which looks first
    "inline_container.cc",  # torch's writer of archives
    "PytorchStreamWriter failed",
)
"""How libraries tell it that have no error of their own for it."""


class CacheFull(OSError):
    """The disk of a cache has no room. `folder` is the cache, `variable` what names another."""

    def __init__(self, folder: Path, variable: str) -> None:
        self.cause = f"no space is left on the disk of the cache, {folder}"
        self.advice = f"Free some there, or let {variable} name a folder on another disk; then start it again."
        super().__init__(f"{self.cause}. {self.advice}")


def is_full_disk(error: BaseException) -> bool:
    """Whether the disk was too small, or what this user may have of it."""
    if isinstance(error, CacheFull) or (isinstance(error, OSError) and error.errno in NO_ROOM):
        return True
    text = str(error)
    return any(sign in text for sign in SIGNS) and "PytorchStreamReader" not in text  # that one cannot read


def links(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it, the root first: it says most."""
    if (before := error.__cause__ or error.__context__) is not None:
        yield from links(before)
    yield error


@contextmanager
def filling_the_cache() -> Iterator[None]:
    """Of what writes into this program's cache: a disk that is full then is the cache's. Raises CacheFull."""
    try:
        yield
    except Exception as error:
        if is_full_disk(error) and not isinstance(error, CacheFull):
            raise CacheFull(cache_folder(), CACHE_VARIABLE) from error
        raise
