"""Explains the setting, or the section, under the cursor. Pure text, no widget."""

from collections.abc import Sequence

from textual.content import Content

from arena_tui.marks import MUTED
from arena_tui.plain import printable, shortened
from arena_tui.widgets.facts import Fact, facts
from core.profile.cursor import place
from core.profile.explain import Setting, settings


def explanation(lines: Sequence[str], row: int) -> tuple[str, Content]:
    """A title and what is to be known at line `row` (from 0) of a profile."""
    section, name = place(lines, row)
    known = settings().get(section or "")
    if known is None:
        title = f"[{section}]" if section else "sections"
        return _harmless(title), facts([(name, "", ", ".join(keys)) for name, keys in settings().items()])
    setting = known.get(name or "")
    if setting is None:
        keys = [Content.assemble(f"{key} ", (_value(known[key].default), MUTED)) for key in known]
        return f"[{section}]", Content.assemble(("keys and their defaults: ", MUTED), Content(" · ").join(keys))
    return setting.key, _setting(setting)


def _setting(setting: Setting) -> Content:
    same = setting.recipe == setting.default
    rows: list[Fact] = [
        ("must be", setting.allowed, ""),
        ("unit", setting.unit or "", ""),
        ("default", _value(setting.default), "as in the recipe" if same else ""),
        ("recipe", "" if same else _value(setting.recipe), ""),
    ]
    return Content.assemble(f"{setting.meaning}.\n", facts([row for row in rows if row[1]]))


def _value(written: str | None) -> str:
    return "absent" if written is None else written


def _harmless(text: str) -> str:
    return printable(shortened(text, 40))
