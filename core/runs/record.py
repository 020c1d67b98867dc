"""The record of a run on disk: events, one JSON object a line, appended by the child and by nothing else."""

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from core.runs.access import UNDECODABLE, open_for_append, open_for_reading, opened
from core.runs.events import AnyEvent, Last, Phase, PhaseName

MOST_BYTES = 1 << 30
"""Of a record; a step takes some 300 bytes."""
ROOM = ".room"
ROOM_BYTES = 64 << 10
REQUEST = ".stop"
MOST_LINE_BYTES = 1 << 20
"""No event is nearly as long."""

log = logging.getLogger(__name__)

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyEvent)


class Record:
    """The writing end. Each event is one write of one whole line, so a reader never waits for a flush.

    A little room on the disk is held for the last event, which may have to say that the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self._file = open_for_append(path)
        self._gap = b""
        """What ends a line that was left half done."""
        if self._file.tell():
            self._file.seek(-1, os.SEEK_END)
            self._gap = b"" if self._file.read(1) == b"\n" else b"\n"
        with opened(path.parent) as folder:
            self._folder = os.dup(folder)  # which may be moved meanwhile
        with suppress(OSError):  # there is none to hold; the first event will tell
            self._leave_room()
            with open_for_append(path.with_name(ROOM)) as room:
                room.write(bytes(ROOM_BYTES))

    def write(self, event: AnyEvent) -> None:
        """Raises OSError where the disk has no room for it."""
        if isinstance(event, Last):
            self._leave_room()
        line = self._gap + _encoder.encode(event) + b"\n"
        if self._file.write(line) != len(line):
            self._gap = b"\n"
            raise OSError(errno.ENOSPC, "no room for an event", self._file.name)
        self._gap = b""

    def takes_request(self) -> bool:
        """Whether the user has asked for an end since this was last called: `request_stop` leaves word beside it."""
        try:
            os.unlink(REQUEST, dir_fd=self._folder)
        except OSError:
            return False
        return True

    def begin(self, phase: PhaseName, detail: str) -> None:
        """Say what begins now and what it waits for: in the record, and in the log, which is empty else for so long."""
        log.info(detail)
        self.write(Phase(phase=phase, detail=detail))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._leave_room()
        os.close(self._folder)

    def _leave_room(self) -> None:
        with suppress(FileNotFoundError):
            os.unlink(ROOM, dir_fd=self._folder)


class Tail:
    """The reading end: remembers its place in the file, and gives what has come since.

    `unreadable` counts lines that are no event of this version, or longer than any; they are passed over.
    """

    CHUNK = 1 << 20

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.unreadable = 0
        self._is_in_long_line = False

    def read(self) -> list[AnyEvent]:
        """All of `batches` at once."""
        return [event for batch in self.batches() for event in batch]

    def batches(self) -> Iterator[list[AnyEvent]]:
        """Events of whole lines written since the last call, some thousand at a time; none while the file is missing.

        A line without its end is left for later, and so is what is written meanwhile: a writer may be faster.
        """
        rest = b""
        try:
            with open_for_reading(self.path, MOST_BYTES) as file:
                size = os.fstat(file.fileno()).st_size
                if size < self.offset:
                    self.offset, self._is_in_long_line = 0, False  # replaced by a shorter file
                file.seek(self.offset)
                while chunk := file.read(min(self.CHUNK, size - file.tell())):
                    whole, end, rest = (rest + chunk).rpartition(b"\n")
                    self.offset += len(whole + end)
                    if self._is_in_long_line and end:
                        whole, self._is_in_long_line = whole.partition(b"\n")[2], False
                    if self._is_in_long_line or len(rest) > MOST_LINE_BYTES:
                        self.unreadable += not self._is_in_long_line
                        self.offset, self._is_in_long_line, rest = self.offset + len(rest), True, b""
                    yield self._decode_lines(whole)
        except FileNotFoundError:
            return

    def _decode_lines(self, lines: bytes) -> list[AnyEvent]:
        try:
            events: list[AnyEvent] = _decoder.decode_lines(lines)
        except UNDECODABLE:  # one of them at least: each by itself, which takes twice as long
            return [event for line in lines.split(b"\n") if line and (event := self._decode(line))]
        return events

    def _decode(self, line: bytes) -> AnyEvent | None:
        try:
            event: AnyEvent = _decoder.decode(line)
        except UNDECODABLE:
            self.unreadable += 1
            return None
        return event
