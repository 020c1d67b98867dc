"""How runs ended, kept in the cache: a record that has not grown since need not be read again."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from core import files
from core.cache import cache_folder
from core.runs.access import UNDECODABLE
from core.runs.events import Step
from core.runs.folder import RunFolder
from core.runs.state import RunState, Status
from core.runs.steps import Steps

EDITION = 7
"""Raise it when a record folds to another state than before, or more is kept of a run."""

Stamp = tuple[int, int]
"""Size and time of change, in nanoseconds, of a record."""


class Ending(Struct, frozen=True):
    """A run that is over. `state` holds the last step and the last evaluation only."""

    stamp: Stamp
    state: RunState
    status: Status
    unreadable: int
    nodes: int


def _as_list(steps: object) -> list[Step]:
    assert isinstance(steps, Steps)
    return list(steps)


def _as_steps(_: type, steps: object) -> Steps:
    return Steps(msgspec.convert(steps, list[Step]))


_encoder = msgspec.msgpack.Encoder(enc_hook=_as_list)
_decoder = msgspec.msgpack.Decoder(dict[bytes, Ending], dec_hook=_as_steps)


class Endings:
    """Those of the runs in one folder, by id: its bytes, which need not be text."""

    def __init__(self, runs: Path) -> None:
        name = hashlib.blake2b(repr((EDITION, str(runs))).encode(), digest_size=12).hexdigest()
        self._path = cache_folder() / "runs" / f"{name}.msgpack"
        self._known: dict[bytes, Ending] = {}
        self._is_saved = True
        # It can be had again from the records, so a cache that is damaged or missing is begun anew.
        with suppress(OSError, *UNDECODABLE):
            self._known = _decoder.decode(self._path.read_bytes())

    def get(self, run: RunFolder) -> Ending | None:
        """How the run ended, None if that is not known or its record is another one now."""
        known = self._known.get(os.fsencode(run.id))
        return known if known and known.stamp == stamp(run) else None

    def add(self, run: RunFolder, ending: Ending) -> None:
        self._known[os.fsencode(run.id)] = ending
        self._is_saved = False

    def save(self, runs: list[RunFolder]) -> None:
        """Keep those of `runs`, for the next console."""
        if self._is_saved:
            return
        ids = {os.fsencode(run.id) for run in runs}
        self._known = {run_id: ending for run_id, ending in self._known.items() if run_id in ids}
        self._is_saved = True
        with suppress(OSError):  # then the records are read once more next time
            self._path.parent.mkdir(parents=True, exist_ok=True)
            files.write_whole(self._path, _encoder.encode(self._known))


def stamp(run: RunFolder) -> Stamp | None:
    """Tells whether a record has grown; None where there is none. It is kept longer than an inode: a mount may give
    the same file another."""
    found = files.stamp(run.events)
    return None if found is None else found[1:3]
