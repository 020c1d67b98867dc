"""What differs between two texts, or between settings and their defaults, line by line, for the screen."""

import difflib

import msgspec
from msgspec import Struct
from textual.content import Content

from arena_tui.marks import MUTED
from arena_tui.plain import printable
from core.profile.edit import literal
from core.profile.settings import Profile

_STYLES = {"+": "$text-success", "-": "$text-error", "@": MUTED}


class Comparison(Struct, frozen=True):
    """Two texts to compare; `same` is said when they do not differ."""

    title: str
    old: str
    new: str
    same: str
    context: int = 3


def differences(comparison: Comparison) -> Content:
    """The lines that went with -, those that came with +, and a few around them; line breaks count."""
    old, new = comparison.old.split("\n"), comparison.new.split("\n")
    found = list(difflib.unified_diff(old, new, n=comparison.context, lineterm=""))[2:]
    if not found:
        return Content(comparison.same)
    if not comparison.context:
        found = [line for line in found if not line.startswith("@")]
    return Content("\n").join(
        Content.styled(printable(line.expandtabs(4)), _STYLES.get(line[:1], "")) for line in found
    )


def against_defaults(settings: Profile) -> Comparison:
    """Every setting on a line of its own, so that its section is always in sight."""
    return Comparison("against the defaults", _flat(Profile()), _flat(settings), "Every setting is the default.", 0)


def _flat(settings: Profile) -> str:
    return "\n".join(
        f"{section}.{name} = {'absent' if value is None else literal(value)}"
        for section, values in msgspec.to_builtins(settings).items()
        for name, value in values.items()
    )
