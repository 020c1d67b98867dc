"""Hands a file to the editor of the user's choice. Knows no screen."""

import os
import shlex
import subprocess
from pathlib import Path

VARIABLES = ("VISUAL", "EDITOR")


def chosen_editor() -> list[str] | None:
    """The command in $VISUAL, else in $EDITOR; None where neither holds one."""
    for variable in VARIABLES:
        try:
            if command := shlex.split(os.environ.get(variable, "")):
                return command
        except ValueError:  # a quotation that is not closed
            continue
    return None


def edit_outside(command: list[str], file: Path) -> str | None:
    """Wait until the editor has ended; what went wrong, if anything. It gets the terminal."""
    name = Path(command[0]).name
    try:
        ended = subprocess.run([*command, str(file)], check=False)
    except OSError as error:
        return f"{name} did not start: {error.strerror}"
    return f"{name} ended with exit code {ended.returncode}" if ended.returncode else None
