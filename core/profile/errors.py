"""What can be wrong with a profile, by itself or for the checkpoint and the rows at hand."""

from collections.abc import Sequence

from msgspec import Struct

OVERRIDE = "--set"


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
