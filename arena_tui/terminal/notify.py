"""Tells a terminal that a run it has been watching has ended: by its bell, and by a notification (OSC 9).

A run whose process was killed has told nobody itself; a console or `watch` that is open is then all there is.
"""

import os

from arena_tui.format.sanitize import printable
from core.config import Notify
from core.runs.folder import RunFolder
from core.runs.state import Status

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
