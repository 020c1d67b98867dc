"""Fits the console to its terminal: what the configuration leaves open is told from the environment."""

import codecs
from collections.abc import Mapping

from msgspec.structs import replace

from core.config import Console

SSH_FRAME_RATE = 15
"""Frames per second: fewer than Textual's 60, since each travels, and enough for what changes a few times a second."""


def suited(console: Console, environment: Mapping[str, str], encoding: str) -> Console:
    """`console` without open ends. `encoding` is the locale's, as locale.getencoding() gives it."""
    over_ssh = "SSH_CONNECTION" in environment
    is_poor = environment.get("TERM") in ("linux", "dumb") or not _is_utf8(encoding)
    return replace(
        console,
        ascii=is_poor if console.ascii is None else console.ascii,
        animation=not over_ssh if console.animation is None else console.animation,
        frame_rate=SSH_FRAME_RATE if console.frame_rate is None and over_ssh else console.frame_rate,
    )


def _is_utf8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name == "utf-8"
    except LookupError:
        return False
