"""The command line as a child process."""

import subprocess
import sys
from pathlib import Path

ARENA_TUI = [sys.executable, "-P", "-m", "arena_tui"]


def arena_tui(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*ARENA_TUI, *arguments], cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL)
