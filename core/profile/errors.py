"""What can be wrong with a profile, by itself or for the checkpoint and the rows at hand."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

OVERRIDE = "--set"
LONGEST_KEY = 100
Lines = dict[tuple[str, ...], int | None]
"""The line of each key and table by its path; None for one that an override gave."""


class Problem(Struct, frozen=True, kw_only=True):
    """One thing wrong with a profile. `line` counts from 1; it is 0 for the whole file, None for an override."""

    line: int | None
    key: str
    value: str
    message: str

    def __str__(self) -> str:
        place = OVERRIDE if self.line is None else f"line {self.line}" if self.line else ""
        subject = f"{self.key} = {self.value}" if self.value else self.key
        return ": ".join(filter(None, (place, subject, self.message)))


def problem(path: tuple[str, ...], value: Any, message: str, lines: Lines) -> Problem:
    """That of a setting; `value` is shown as TOML writes it, and cut."""
    written = repr(value) if not isinstance(value, bool) else str(value).lower()
    shown = written if len(written) <= 60 else f"{written[:57]}..."
    return Problem(line=lines.get(path, 1), key=key_of(path), value=shown, message=message)


def key_of(path: tuple[str, ...]) -> str:
    """As a message names it: a mistaken one may be of any length."""
    key = ".".join(path)
    return key if len(key) <= LONGEST_KEY else f"{key[: LONGEST_KEY - 3]}..."


class ProfileError(Exception):
    """A profile that cannot be run; holds all its problems, in the order of their lines."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.source = source
        self.problems = sorted(problems, key=lambda problem: problem.line or 0)
        super().__init__("\n".join(f"{source}: {problem}" for problem in self.problems))


class SettingError(Exception):
    """A valid profile that does not fit checkpoint or rows. The message names key, value and what would fit."""

    def __init__(self, key: str, value: object, message: str) -> None:
        self.key = key
        super().__init__(f"{key} = {value!r}: {message}")
        self.key = key
