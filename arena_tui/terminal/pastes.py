"""What is pasted stays text, whatever it holds: Textual's parser takes an escape in it for the start of keys."""

from collections.abc import Iterable

from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.drivers import linux_driver
from textual.message import Message

ESC = "\x1b"
SEEN = "␛"
"""Stands for an escape in what is pasted."""


def keep_pastes_whole() -> None:
    """From now on. The driver makes its parser by this name, and asks nobody."""
    linux_driver.XTermParser = Parser  # type: ignore[attr-defined]


class Parser(XTermParser):
    def __init__(self, debug: bool = False) -> None:
        super().__init__(debug)
        self._is_pasting = False
        self._before = ""
        """The last characters outside of a paste: the sign of its beginning may come in parts."""
        self._held = ""
        """What may be the beginning of the sign of its end."""

    def feed(self, data: str) -> Iterable[Message]:
        told = self._harmless(data)
        return super().feed(told) if told or not data else ()  # nothing at all would mean that no more comes

    def _harmless(self, data: str) -> str:
        """`data` without the escapes of a paste that do not end it. What may end it is held until the rest is there."""
        parts = []
        while data:
            if not self._is_pasting:
                known = self._before + data
                at = known.find(BRACKETED_PASTE_START)
                end = len(data) if at < 0 else at + len(BRACKETED_PASTE_START) - len(self._before)
                parts.append(data[:end])
                self._is_pasting, self._before = at >= 0, "" if at >= 0 else known[-len(BRACKETED_PASTE_START) + 1 :]
                data = data[end:]
                continue
            inside, sign, after = (self._held + data).partition(BRACKETED_PASTE_END)
            kept = 0 if sign else _beginning(inside)
            self._held = inside[len(inside) - kept :]
            parts.append(inside[: len(inside) - kept].replace(ESC, SEEN) + sign)
            self._is_pasting, data = not sign, after
        return "".join(parts)


def _beginning(text: str) -> int:
    """How many characters at its end may be the first ones of the sign that ends a paste."""
    sizes = range(len(BRACKETED_PASTE_END) - 1, 0, -1)
    return next((size for size in sizes if text.endswith(BRACKETED_PASTE_END[:size])), 0)
