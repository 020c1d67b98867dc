"""What a terminal is sent beside what it shows: text for its clipboard, and the word that a run has ended.

Both are escape sequences that it may obey or not (OSC 52, OSC 9). It answers neither, so nobody here knows whether it
did. A run whose process was killed has told nobody itself: a console or `watch` that is open is then all there is.
"""

import os
from typing import TYPE_CHECKING

from arena_tui.format.sanitize import printable, printable_lines
from core.config import Notify
from core.runs.folder import RunFolder
from core.runs.state import Status

if TYPE_CHECKING:
    from textual.app import App  # `watch` has no screen to load it for

MOST_BYTES = 74_994
"""Some terminals drop a sequence of more than 100,000 characters, which hold three quarters of that."""


def copy(app: "App[object]", text: str) -> None:
    """Send `text`, made harmless, and tell what was sent."""
    lines = printable_lines(text)
    sent = "\n".join(lines).encode()[:MOST_BYTES].decode(errors="ignore")
    if not sent.strip():
        app.notify("There is nothing to copy here.", severity="warning")
        return
    app.copy_to_clipboard(sent)
    what = f"{len(sent):,} characters" if len(lines) == 1 else f"{sent.count(chr(10)) + 1:,} lines"
    cut = "" if len(sent) == len("\n".join(lines)) else f", the first {MOST_BYTES:,} bytes of it"
    app.notify(
        f"{what}{cut}: sent to your terminal's clipboard. Nothing to paste? The terminal does not allow it; in tmux, "
        "set -s set-clipboard on does.",
        title="copied",
        markup=False,
    )


BELL = "\a"


def signals(notify: Notify, folder: RunFolder, status: Status) -> str:
    """What is to be sent to the terminal; nothing where the user wants none."""
    words = f"arena-tui: {printable(folder.id)} {status.value}"
    return (BELL if notify.bell else "") + (_notification(words) if notify.osc9 else "")


def _notification(words: str) -> str:
    """OSC 9, as iTerm2, WezTerm, kitty, Ghostty and Windows Terminal know it. tmux passes it on if allow-passthrough
    is on."""
    sequence = f"\x1b]9;{words}\x1b\\"
    if "TMUX" not in os.environ:
        return sequence
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"
