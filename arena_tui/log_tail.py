"""Reads the growing end of a text file in bounded pieces. Knows nothing of what is written in it."""

import os
from pathlib import Path

from arena_tui.plain import printable, shortened

MOST_BYTES = 256 << 10
LONGEST_LINE = 2000


class LogTail:
    """Gives the lines that were added since the last call, harmless to show.

    Of what comes faster than MOST_BYTES a call, the start is passed over with a word about it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._rest = b""

    def read(self) -> list[str]:
        try:
            with self.path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size < self._offset:
                    self._offset, self._rest = 0, b""  # replaced by a shorter file
                passed_over = max(0, size - self._offset - MOST_BYTES)
                file.seek(self._offset + passed_over)
                new = file.read(MOST_BYTES)
        except OSError:
            return []
        self._offset += passed_over + len(new)
        lines: list[str] = []
        if passed_over:
            lines.append(f"… {passed_over:,} bytes passed over; all of it is in {self.path.name}")
            self._rest = b""
        # A progress bar writes over itself with carriage returns: here each is a line.
        *whole, rest = (self._rest + new).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        if not new or len(rest) > MOST_BYTES:
            whole, rest = [*whole, *filter(None, [rest])], b""  # nothing more comes soon: show what is there
        self._rest = rest
        for line in whole:
            lines.append(_readable(line))
        return lines


def _readable(line: bytes) -> str:
    # Cut first: cleaning is the slow part. No character takes more than four bytes.
    cut, more = line[: 4 * LONGEST_LINE], len(line) - 4 * LONGEST_LINE
    text = shortened(printable(cut.decode(errors="replace").expandtabs(4)), LONGEST_LINE)
    return f"{text}… (+{more:,} bytes)" if more > 0 else text
