"""The queue: runs that wait for cards, each an ordinary run folder with a place in `runs/.queue/`.

An entry is one file, named after its run, written by whoever queues it and deleted by the runner once the run has
begun. Whoever changes the queue holds its lock. Each user has a runner of their own, which starts what they have queued
themselves. Starts nothing.
"""

import hashlib
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import replace

from core.machine.gpus import visible_gpus
from core.profile.errors import SettingError
from core.profile.settings import Profile
from core.runs.access import (
    Damaged,
    delete,
    have_folder,
    make_folder,
    open_for_append,
    read_json,
    read_whole,
    remove_tree,
    write_whole,
)
from core.runs.allotment import SEPARATOR, Queued, allot, demand_startable
from core.runs.entry import Entry, Removed, Standing, sealed, standing
from core.runs.folder import RunFolder, create_run, list_runs, run_in
from core.runs.lock import holder, locked

Where = Literal["first", "up", "down", "last"] | int
"""A place in the line, counted from 1, or one in words."""
QUEUED_FILES = frozenset({"profile.toml", "resolved.toml", "notes.toml", ".lock"})
"""What a run that waits may hold."""


class QueueError(Exception):
    """What was asked for cannot be done to the queue; the message says why."""


class Queue:
    """The queue of one runs folder. Making the object touches nothing on disk."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs.absolute()
        self.folder = self.runs / ".queue"
        self.runner_lock = self.folder / f"runner-{os.getuid()}.lock"
        self.runner_log = self.folder / f"runner-{os.getuid()}.log"
        self._lock = self.folder / "lock"
        self._paused = self.folder / "paused"

    @property
    def is_paused(self) -> bool:
        return self._paused.exists()

    def entries(self) -> list[Queued]:
        """Every run that is here and has not begun, with its entry, in order, whoever wrote it.

        Files that hold no entry are passed over: `unreadable` tells them.
        """
        found = []
        for path in self.folder.glob("*.json"):
            run, entry = self._run(path), _read(path)
            if entry and run and not _has_begun(run):
                found.append((run, entry))
        return sorted(found, key=lambda one: (one[1].place, one[0].id))

    def waiting(self) -> list[Queued]:
        """The runs that wait, the next one first."""
        return [(run, entry) for run, entry in self.entries() if entry.taken is None]

    def ours(self) -> list[Queued]:
        """Those entries that this user has written here, and whose runs are as they were then: what may be started."""
        return [(run, entry) for run, entry in self.entries() if standing(run, entry) is Standing.OURS]

    def others(self) -> list[RunFolder]:
        """The runs of the folder that are not queued, newest first."""
        return [run for run in list_runs(self.runs) if _has_begun(run) or not self._path(run).exists()]

    def place(self, run: RunFolder) -> int | None:
        """Where in the line the run is, counted from 1; None for one that does not wait."""
        if not self._path(run).exists():
            return None
        ids = [waiting.id for waiting, _ in self.waiting()]
        return ids.index(run.id) + 1 if run.id in ids else None

    def unreadable(self) -> list[Path]:
        """Files where an entry should be and is none: their runs are never started."""
        return [path for path in sorted(self.folder.glob("*.json")) if _read(path) is None]

    def add(self, profile: Profile, *, text: str, name: str) -> RunFolder:
        """Make the folder of a run as `create_run` does, last in the queue. Raises QueueError and OSError."""
        gpus = list(visible_gpus())  # which takes a while, and nobody is to wait for it
        try:
            demand_startable(profile, gpus)
        except SettingError as error:
            raise QueueError(str(error)) from None
        entry = Entry(place=0, gpus=gpus, wanted=profile.run.gpus, working_directory=str(Path.cwd()))
        with self._changing():
            last = max((entry.place for _, entry in self.entries()), default=0)
            run = create_run(self.runs, profile, text=text, name=name)
            try:
                entry = sealed(run, replace(entry, place=last + 1))
            except OSError:  # no place for the user's secret
                remove_tree(run.path)
                raise
            self._write(run, entry)
        return run

    def adopt(self, run: RunFolder, shown: bytes) -> None:
        """Let a run that waits be started, here and as this user's own.

        `shown` is the resolved.toml that they have seen. Raises QueueError where it does not wait (any more) or holds
        another one by now, and OSError.
        """
        gpus = list(visible_gpus())
        with self._changing():
            entry = {one.id: entry for one, entry in self.waiting()}.get(run.id)
            if entry is None:
                raise QueueError(f"{run.id} no longer waits in the queue")
            adopted = sealed(run, replace(entry, gpus=gpus, working_directory=str(Path.cwd())))
            if adopted.resolved != hashlib.sha256(shown).hexdigest():
                raise QueueError(f"the settings of {run.id} have changed in the meantime")
            self._write(run, adopted)

    def move(self, run: RunFolder, where: Where) -> int:
        """Give the run another place, and return the one that it had, counted from 1.

        Raises QueueError where it does not wait (any more), and OSError.
        """
        with self._changing():
            waiting = {one.id: (one, entry) for one, entry in self.waiting()}
            if run.id not in waiting:
                raise QueueError(f"{run.id} no longer waits in the queue")
            order = list(waiting)
            before = order.index(run.id)
            named = {"first": 0, "up": max(0, before - 1), "down": before + 1, "last": len(order)}
            after = where - 1 if isinstance(where, int) else named[where]
            order.insert(after, order.pop(before))
            for place, run_id in enumerate(order, 1):
                one, entry = waiting[run_id]
                if entry.place != place:
                    self._write(one, replace(entry, place=place))
            return before + 1

    def remove(self, run: RunFolder) -> Removed:
        """Take the run out of the queue, and delete its folder if it holds no more than its profile.

        Raises QueueError where it does not wait (any more), and OSError.
        """
        with self._changing():
            entry = {waiting.id: entry for waiting, entry in self.waiting()}.get(run.id)
            if entry is None:
                raise QueueError(f"{run.id} no longer waits in the queue")
            is_ours = standing(run, entry) is Standing.OURS
            names = {path.name for path in run.path.iterdir()}
            files = {name: read_whole(run.path / name) for name in names} if names <= QUEUED_FILES else None
            delete(self._path(run))
            if files is not None:
                remove_tree(run.path)
        return Removed(run, entry, is_ours, files)

    def put_back(self, removed: Removed) -> None:
        """Let a run that was taken out wait again. Raises QueueError, and OSError, also for another folder there."""
        run, entry = removed.run, removed.entry
        with self._changing():
            if removed.files is not None:
                make_folder(run.path)
                for name, content in removed.files.items():
                    write_whole(run.path / name, content)
            # The seal is on the very folder: it is made anew, but only by its maker, and on what it was made on.
            anew = sealed(run, entry)
            is_same = (anew.resolved, anew.profile) == (entry.resolved, entry.profile)
            self._write(run, anew if removed.is_ours and is_same else entry)

    def pause(self) -> None:
        """Nothing is started until `unpause`; what runs goes on. Raises QueueError and OSError."""
        with self._changing():
            open_for_append(self._paused).close()

    def unpause(self) -> None:
        """Raises QueueError and OSError. What waits is started once there is a runner."""
        with self._changing():
            delete(self._paused)

    def take(self, free: Collection[str]) -> tuple[RunFolder, Entry, list[str]] | None:
        """The next run of `ours` that gets cards of those that are free, marked as taken, and the cards; None if none
        gets any, or the queue is paused. Entries of ours that are of no use any more are deleted. Raises QueueError and
        OSError."""
        with self._changing():
            kept = {run.id for run, _ in self.entries()}
            for path in self.folder.glob("*.json"):
                if path.stem not in kept and _read(path) and path.lstat().st_uid == os.getuid():
                    delete(path)
            if self.is_paused or not (given := allot(self.ours(), free).given):
                return None
            run, entry, cards = given[0]
            os.utime(run.resolved, follow_symlinks=False)  # since when it starts is told from this file's time
            entry = replace(entry, taken=SEPARATOR.join(cards))
            self._write(run, entry)
        return run, entry, cards

    def drop(self, run: RunFolder) -> None:
        """Delete the entry of a run that has begun, or could not. Raises OSError."""
        delete(self._path(run))

    def _run(self, path: Path) -> RunFolder | None:
        """Whose place the file is: a name that is no run's, as of `...json`, is not believed."""
        try:
            return run_in(self.runs, path.stem)
        except LookupError:
            return None

    def _path(self, run: RunFolder) -> Path:
        return self.folder / f"{run.id}.json"

    def _write(self, run: RunFolder, entry: Entry) -> None:
        write_whole(self._path(run), msgspec.json.encode(entry))

    @contextmanager
    def _changing(self) -> Iterator[None]:
        self.runs.mkdir(parents=True, exist_ok=True)
        have_folder(self.folder)
        with locked(self._lock) as is_ours:
            if not is_ours:
                raise QueueError(f"the queue is being changed by somebody else; try again{holder(self._lock)}")
            yield


def queue_of(run: RunFolder) -> Queue:
    """The queue in which the run waits, if it does."""
    return Queue(run.path.parent)


def _has_begun(run: RunFolder) -> bool:
    return run.info.exists() or run.events.exists()


def _read(path: Path) -> Entry | None:
    try:
        return read_json(path, Entry)
    except (OSError, Damaged):
        return None
