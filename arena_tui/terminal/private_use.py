"""Lets a text widget hold any text and give it back byte for byte.

Textual splits lines at more than line breaks, and a terminal obeys control characters. So each invisible character is
held as one of private use that stands for it, one for one, and drawn as a picture one cell wide.
"""

import re
import unicodedata

from arena_tui.format.sanitize import printable

_INVISIBLE = {"Cc", "Cf", "Zl", "Zp"}
_OFFSET = 0x10_0000
"""Plane 16, for private use, is as large as plane 0, where all of these characters lie that a terminal heeds."""


MOST_CHARACTERS, MOST_LINES, LONGEST_LINE = 100_000, 5_000, 60_000
"""Of a text to type in: in a line of that length a key takes half a second."""

_STAND_INS = re.compile("[\U00100000-\U0010fffd]")


def held(text: str) -> str:
    """`text` as the widget holds it. CRLF stays where it ends every line; elsewhere CR is a character to be seen."""
    eol = "\r\n" if text.count("\r\n") == text.count("\n") else "\n"
    return eol.join("".join(map(_stand_in, line)) for line in text.split(eol))


def restored(text: str) -> str:
    """The text that `held` was given."""
    return _STAND_INS.sub(lambda found: _original(found[0]), text)


def can_be_held(text: str) -> bool:
    """False for a text that itself uses the stand-ins' characters, which would not come back the same; and for one so
    long, or with so long a line, that each key would take long."""
    lines = text.split("\n")
    if len(text) > MOST_CHARACTERS or len(lines) > MOST_LINES or max(map(len, lines)) > LONGEST_LINE:
        return False
    return restored(held(text)) == text


def pictured(line: str) -> str:
    """A line that is held, as it is drawn: as many characters, none of which a terminal obeys."""
    return _STAND_INS.sub(lambda found: _picture(found[0]), line)


def _stand_in(character: str) -> str:
    is_held = character != "\t" and ord(character) < 0x1_0000 and unicodedata.category(character) in _INVISIBLE
    return chr(ord(character) + _OFFSET) if is_held else character


def _original(character: str) -> str:
    original = chr(ord(character) - _OFFSET)
    return original if unicodedata.category(original) in _INVISIBLE else character


def _picture(character: str) -> str:
    shown = printable(_original(character))
    return shown if len(shown) == 1 else "\N{REPLACEMENT CHARACTER}"
