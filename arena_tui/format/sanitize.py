"""Makes text from outside harmless to show: what a terminal would obey becomes something to read."""

import re
import unicodedata
from pathlib import Path

SUSPECT = re.compile(r"[^\n\t -~]")
"""What a terminal might do something else with than show it, or a character that is not ASCII."""
_C1_BYTES = range(0xDC80, 0xDCA0)
_BYTES = range(0xDCA0, 0xDD00)
"""How Python holds bytes of a file's name that are no text: those that a terminal of 8 bits obeys, and the others."""
_ESCAPED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Control, format (the bidirectional ones reorder a whole line), lone surrogates, line separators."""


def printable(text: str) -> str:
    """`text` on one line, with control characters as pictures (␛ ␊) and other invisible ones as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible, text))


def printable_lines(text: str) -> list[str]:
    """The lines of `text`, each of them printable; tabs become spaces."""
    return [printable(line.expandtabs(4)) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]


def without_controls(text: str) -> str:
    """`text` as the streams of a command write it: its lines and tabs stay, and bytes that are no text and no control
    character."""
    return SUSPECT.sub(lambda found: _streamed(found[0]), text)


def is_obeyed(character: str) -> bool:
    """Whether a terminal might do something else with it than show it."""
    return unicodedata.category(character) in _ESCAPED


def place(path: Path) -> str:
    """A path as one would type it here: relative where it lies below the working directory."""
    here = Path.cwd()
    return printable(str(path.relative_to(here) if path.is_relative_to(here) else path))


def utf8(text: str) -> str:
    """`text` as JSON can hold it: bytes of a file's name that are no UTF-8 become escapes, as in \\xff."""
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


def shortened(text: str, length: int) -> str:
    """`text`, or as much of its start as fits into `length` characters with a mark of what is missing."""
    if len(text) <= length:
        return text
    mark = f"… (+{len(text) - length:,} characters)"
    return text[:length] + mark


MOST_CHARACTERS = 50_000
LONGEST_LINE = 2_000
FEWEST_CHARACTERS = 50
"""A pane breaks this much into lines in a moment, a shorter line counting as much as one of the fewest; a million
characters in one line keep it for seconds."""


def beginning(text: str) -> str:
    """As much of `text` as a pane can show without delay, printable, with marks of what is missing."""
    lines, room = printable_lines(text[: 2 * MOST_CHARACTERS]), MOST_CHARACTERS
    shown = []
    for line in lines:
        room -= max(FEWEST_CHARACTERS, min(len(line), LONGEST_LINE))
        if room < 0:
            break
        shown.append(shortened(line, LONGEST_LINE))
    if len(text) > 2 * MOST_CHARACTERS or len(shown) < len(lines):
        shown.append(f"… (of {len(text):,} characters in total)")
    return "\n".join(shown)


def _streamed(character: str) -> str:
    code = ord(character)
    if code in _C1_BYTES:
        return f"\\x{code - 0xDC00:02x}"
    return character if code in _BYTES else _visible(character)


def _visible(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if is_obeyed(character):
        return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return character
