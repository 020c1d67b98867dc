"""A terminal's screen, made from the bytes that a program sends: enough of one for what Textual sends."""

import codecs
import re

from rich.cells import get_character_cell_size

SEQUENCE = re.compile(
    r"\x1b\[([0-9;?<>=]*)[ -/]*([@-~])"  # CSI: its parameters and what it does
    r"|\x1bP(?:[^\x1b]|\x1b\x1b)*\x1b\\"  # DCS, in which tmux is handed sequences with each escape doubled
    r"|\x1b[\]_^X][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC and the like
    r"|\x1b[()][0-9A-B]|\x1b[=>78cDEHM]"
)


class Emulator:
    """Knows the characters of each cell; not their colours. A character of two cells leaves "" in the second."""

    def __init__(self, width: int, height: int) -> None:
        self.rows = [[" "] * width for _ in range(height)]
        self._x = self._y = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    @property
    def text(self) -> str:
        return "\n".join("".join(row) for row in self.rows)

    def feed(self, data: bytes) -> None:
        text = self._rest + self._decoder.decode(data)
        self._rest = ""
        at = 0
        while at < len(text):
            if text[at] != "\x1b":
                self._put(text[at])
                at += 1
            elif found := SEQUENCE.match(text, at):
                self._obey(found[1] or "", found[2] or "")
                at = found.end()
            else:
                self._rest = text[at:]  # the rest of a sequence is still to come
                return

    def _obey(self, parameters: str, command: str) -> None:
        if command in ("H", "f"):
            y, _, x = parameters.partition(";")
            self._y, self._x = int(y or 1) - 1, int(x or 1) - 1
        elif command == "J" and parameters == "2":
            self.rows = [[" "] * len(row) for row in self.rows]

    def _put(self, character: str) -> None:
        if character == "\r":
            self._x = 0
        elif character == "\n":
            self._y += 1
        elif character >= " " and self._y < len(self.rows) and self._x < len(self.rows[0]):
            cells = get_character_cell_size(character)
            self.rows[self._y][self._x] = character
            if cells == 2 and self._x + 1 < len(self.rows[0]):
                self.rows[self._y][self._x + 1] = ""
            self._x += cells
