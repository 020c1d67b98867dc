"""Whether the run's folder is still where the run was started in it: one that is renamed or deleted is noticed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from core.runs.access import opened
from core.runs.folder import RunFolder


class HomeMoved(Exception):
    """The folder has another name now, and `RunFolder.path` is that."""


class HomeLost(Exception):
    """The folder was deleted, or lies where it cannot be told. What is not in it yet has no place any more."""


class Home:
    """Holds a handle on the folder, which stays the folder's own whatever becomes of its name."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        with opened(folder.path) as handle:
            self._handle = os.dup(handle)

    def demand(self) -> None:
        """Raises HomeMoved once the folder lies elsewhere, and HomeLost."""
        before = self._folder.path
        if self._is(before):
            return
        found = self._place()
        if found is None:
            raise HomeLost(f"{before} was deleted or moved away while the run was at work in it")
        self._folder.path = found
        raise HomeMoved(f"{before} was moved to {found} while the run was at work in it")

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Within it an error of the system is told as what `demand` raises, if that is its reason."""
        try:
            yield
        except OSError:
            self.demand()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._handle)

    def _place(self) -> Path | None:
        """Where the folder lies now, as the kernel tells (proc(5), fd); None where it tells no place that is it."""
        try:
            place = Path(f"/proc/self/fd/{self._handle}").readlink()
        except OSError:
            return None
        return place if self._is(place) else None

    def _is(self, path: Path) -> bool:
        try:
            return os.path.samestat(path.lstat(), os.fstat(self._handle))
        except OSError:
            return False
