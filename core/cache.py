"""The folder for what this machine makes once and uses again; and whose disk is full, that of the cache or of a run."""

import errno
import os
import shutil
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from core.files import write_whole
from core.user import home

CACHE_VARIABLE = "ARENA_TUI_CACHE"


def cache_folder() -> Path:
    """$ARENA_TUI_CACHE, else arena-tui in the user's cache folder. It may not exist yet."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or home() / ".cache") / "arena-tui"


def keep_traceback(error: BaseException) -> Path:
    """Write where `error` came from into the cache's traceback.txt, for programs whose stderr nobody reads."""
    path = cache_folder() / "traceback.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, "".join(traceback.format_exception(error)).encode(errors="backslashreplace"))
    return path


SCRATCH = ".making-"
SECONDS_IN_A_DAY = 86_400
PRIVATE = 0o700


@contextmanager
def made_aside(folder: Path, is_complete: Callable[[], bool]) -> Iterator[Path]:
    """A path to make a folder at, which takes the place of `folder` once the block ends well, and else goes.

    Of several processes that make the same at once the first wins: the copies of the others are as good as its own.
    Raises OSError where the folder can neither be put there nor `is_complete` already.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=SCRATCH, dir=folder.parent, ignore_cleanup_errors=True) as scratch:
        aside = Path(scratch) / folder.name
        yield aside
        try:
            aside.rename(folder)
        except OSError:
            if not is_complete():
                raise


@contextmanager
def made_in_place_of_oldest(folder: Path, is_complete: Callable[[], bool], most: int) -> Iterator[Path]:
    """As `made_aside`, a folder that is there already and this user's alone: it holds rows. The oldest folders beside
    `folder` go before, so that `most` stay."""
    _make_room(folder.parent, most)
    with made_aside(folder, is_complete) as aside:
        aside.mkdir(PRIVATE)
        yield aside


def _make_room(folder: Path, most: int) -> None:
    """Delete the folders in `folder` that were made longest ago, so that with one more there are `most`, and what
    killed processes left behind a day ago."""
    folders = [path for path in folder.glob("*") if path.is_dir()]
    made = sorted((path for path in folders if not path.name.startswith(SCRATCH)), key=_age)
    left_behind = [path for path in folders if path.name.startswith(SCRATCH) and _age(path) > SECONDS_IN_A_DAY]
    for path in (*made[most - 1 :], *left_behind):
        shutil.rmtree(path, ignore_errors=True)


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


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
