"""Standard input, output and error, made fit to use: closed ones, encodings that lack characters, full disks."""

import codecs
import os
import sys
import unicodedata
from contextlib import suppress
from typing import Any, TextIO, cast

from arena_tui.format.sanitize import SUSPECT, is_obeyed, without_controls

ALIKE = {
    "●": "*", "◆": "#", "◷": "@", "◇": "&", "◌": "o", "◑": "/", "◍": "%", "✓": "+", "■": "=", "✗": "x",
    "·": ".", "•": "*", "…": "~", "−": "-", "–": "-", "—": "-", "×": "x", "±": "~", "✂": "|",
    "“": '"', "”": '"', "‘": "'", "’": "'", "▲": "^", "▼": "v", "←": "<", "→": ">", "↑": "^", "↓": "v", "⏎": "<",
    "━": "=", "▶": ">", "◀": "<", "▁": "_", "▂": "_", "▃": "_",
    "▄": "=", "▅": "=", "▆": "=", "▇": "#", "█": "#", "▔": "-", "▀": "-",
    "░": ".", "▒": "+", "▓": "%",
}  # fmt: skip
UPPER_DOTS = 0b0001_1011
"""Of a braille character's eight dots, by the bits of its code, those in its upper half."""


def alike(character: str) -> str:
    """What looks most like `character`; "" where nothing does."""
    code = ord(character)
    if character in ALIKE:
        return ALIKE[character]
    if 0x2500 <= code < 0x2580:  # box drawing
        name = unicodedata.name(character)
        return "-" if name.endswith("HORIZONTAL") else "|" if name.endswith("VERTICAL") else "+"
    if 0x2580 <= code < 0x25A0:  # what is left of the block elements
        return "|"
    if 0x2800 <= code < 0x2900:
        dots = code - 0x2800
        upper, lower = dots & UPPER_DOTS, dots & ~UPPER_DOTS
        return ":" if upper and lower else "'" if upper else "." if lower else " "
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()


CLEAR_LINE = "\r\x1b[K"

READABLE = "arena-tui.readable"
"""The name by which codecs know how we write what an encoding lacks."""


def settle_streams() -> None:
    """Let nothing fail for want of a stream or of a character.

    In place of a closed stdout there is one that cannot be written to: the command fails as with a full disk. And no
    file that is opened later takes the number of a stream that was closed.
    """
    for number, name, mode, flags in (
        (0, "stdin", "r", os.O_RDONLY),
        (1, "stdout", "w", os.O_RDONLY),
        (2, "stderr", "w", os.O_WRONLY),
    ):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115  (open as long as we are)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
    # Where no locale is chosen Python takes UTF-8, and we with it; but whoever chooses C chooses ASCII.
    chosen = os.environ.get("LC_ALL") or os.environ.get("LANG")
    is_ascii = chosen in ("C", "POSIX") and not {"PYTHONUTF8", "PYTHONIOENCODING"} & set(os.environ)
    # What children print is read by us, or lies in a log that is read as UTF-8, whatever the terminal's encoding.
    os.environ |= {"PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8:surrogateescape"}
    codecs.register_error(READABLE, _readable)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a test's need not have it
            stream.reconfigure(encoding="ascii" if is_ascii else stream.encoding, errors=READABLE)
    # sys.__stderr__ stays as it is: Textual draws there, and cleans what it draws.
    sys.stdout, sys.stderr = _harmless(sys.stdout), _harmless(sys.stderr)


class Harmless:
    """A stream that shows what a terminal would obey in place of sending it; else the stream that it is made of.

    Newlines and tabs stay. `raw` is for codes of our own.
    """

    def __init__(self, stream: TextIO) -> None:
        self.raw = stream

    def write(self, text: str) -> int:
        self.raw.write(without_controls(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


def _harmless(stream: TextIO) -> TextIO:
    return stream if isinstance(stream, Harmless) else cast(TextIO, Harmless(stream))


def can_draw(stream: TextIO) -> bool:
    """Whether what is written there goes to a terminal that obeys codes. Without TERM, nothing is known of it."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")


def send_codes(codes: str, stream: TextIO) -> None:
    """Send a terminal what it is to obey. Nothing from outside may be in it that has not been cleaned."""
    raw = stream.raw if isinstance(stream, Harmless) else stream
    raw.write(codes)
    raw.flush()


def tell_progress(words: str) -> None:
    """Show what is being done on one line of stderr, over what was told before; "" clears it. Nothing where no line can
    be cleared."""
    if can_draw(sys.stderr):
        send_codes(CLEAR_LINE, sys.stderr)
        print(words, end="", flush=True, file=sys.stderr)


def print_path(path: str) -> None:
    """Print a path for other programs: byte for byte in a pipe, harmless in a terminal."""
    if sys.stdout.isatty():
        print(path, flush=True)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(os.fsencode(path) + b"\n")
        sys.stdout.flush()


def print_json(text: str | bytes) -> None:
    """Print JSON, which is UTF-8 whatever the locale's encoding. What a terminal would obey can only stand in its
    strings, and is escaped there: it means the same."""
    _print_utf8(SUSPECT.sub(lambda found: _in_json(found[0]), text if isinstance(text, str) else text.decode()))


def print_toml(text: str) -> None:
    """The same for TOML, where it stands in strings and in comments."""
    _print_utf8(SUSPECT.sub(lambda found: _in_toml(found[0]), text))


def _in_json(character: str) -> str:
    if not is_obeyed(character):
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _in_toml(character: str) -> str:
    code = ord(character)
    if not is_obeyed(character):
        return character
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _print_utf8(text: str) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode() + b"\n")
    sys.stdout.flush()


def unwritable(error: OSError) -> str:
    """What is to be told of a file or a stream that could not be read or written; "" if its reader has just left."""
    give_up(sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return ""
    why = error.strerror or str(error)
    return f"{error.filename}: {why}" if error.filename else f"the output cannot be written: {why}"


def give_up(number: int) -> None:
    """Let what is left in a stream's buffer go nowhere: at exit Python would try to write it once more."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)


def _readable(error: UnicodeError) -> tuple[str | bytes, int]:
    """A byte of a file's name as that byte, other characters as something like them in ASCII, else as an escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    if all("\udc80" <= character <= "\udcff" for character in lacking):
        return lacking.encode("ascii", "surrogateescape"), error.end
    return "".join(map(_likeness, lacking)), error.end


def _likeness(character: str) -> str:
    return alike(character) or character.encode("ascii", "backslashreplace").decode()
