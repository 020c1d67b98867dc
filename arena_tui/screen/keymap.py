"""The names by which a user's configuration gives other keys to what a screen does, and how a text tells such a key."""

import difflib
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol, cast

from textual.actions import parse
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.dom import DOMNode
from textual.keys import Keys, format_key

from core.config import ConfigFile
from core.profile.errors import Problem

MODIFIERS = {"ctrl", "shift", "alt", "super", "hyper", "meta"}


def named(screen: str, *bindings: Binding) -> list[BindingType]:
    """`bindings` with names made of the screen's and of what the footer says: monitor.stop. Without a screen, stop."""
    return [replace(binding, id=_name(screen, binding.description)) for binding in bindings]


def numbered(count: int) -> list[Binding]:
    """The keys 1 to `count`, for panes and lists in the order in which they stand: pane_at(0) and so on."""
    return [
        Binding(str(n), f"pane_at({n - 1})", f"Pane {n}", show=False, tooltip="The pane with this number")
        for n in range(1, count + 1)
    ]


PANES_IN_TURN = [
    Binding("tab", "pane(1)", "Pane", key_display="tab", tooltip="The next pane, or the previous one"),
    Binding("shift+tab", "pane(-1)", "Pane before", show=False, tooltip="The next pane, or the previous one"),
]

FAR = 1_000_000
"""Pages from one end to the other, and more."""


def up_and_down(line: str, page: str, lines: int, where: str) -> list[Binding]:
    """The keys that lead down and up `where`, by actions that take a number: of lines, and, `lines` being a page, of
    what `page` takes."""
    by_line, by_page, to_end = (
        f"Down and up {where}",
        f"A page down or up {where}",
        f"To the first line {where}, or the last",
    )
    return [
        Binding("down,j", f"{line}(1)", "Down", show=False, tooltip=by_line),
        Binding("up,k", f"{line}(-1)", "Up", show=False, tooltip=by_line),
        Binding("pagedown", f"{page}({lines})", "Page down", show=False, tooltip=by_page),
        Binding("pageup", f"{page}({-lines})", "Page up", show=False, tooltip=by_page),
        Binding("home,g", f"{page}({-FAR})", "First", show=False, tooltip=to_end),
        Binding("end,G", f"{page}({FAR})", "Last", show=False, tooltip=to_end),
    ]


def key_problems(keys: Mapping[str, str], lines: Mapping[str, int], usual: Sequence[Binding]) -> list[Problem]:
    """What is wrong with a user's `keys`, by name; `usual` are all bindings that have names, `lines` those of the file.

    A key that is taken from another name is told as well: it may be meant.
    """
    by_name = {name: _each(binding.key) for binding in usual if (name := binding.id)}
    chosen = {name: _each(written) for name, written in keys.items()}
    in_force = by_name | chosen
    problems = []
    for name, its in chosen.items():
        messages = []
        if name not in by_name:
            nearest = difflib.get_close_matches(name, by_name, n=1)
            messages.append(
                f"unknown; did you mean {nearest[0]}?" if nearest else "unknown; arena-tui config lists all"
            )
        else:
            messages += [
                f"{key} is not a key; keys are written like s, S, ?, f5 or ctrl+t" for key in its if not _is_key(key)
            ]
            for other in by_name:
                if other != name and _meet(name, other):
                    taken = set(its) & set(in_force[other]) - set(by_name[name])
                    messages += [f"{key} is also {other}'s" for key in its if key in taken]
        for message in messages:
            line = lines.get(name, 1)
            problems.append(Problem(line=line, key=f"keys.{name}", value=repr(keys[name]), message=message))
    return problems


def _name(screen: str, description: str) -> str:
    words = re.findall(r"[a-z0-9]+", description.lower())
    return ".".join(filter(None, (screen, "-".join(words))))


def _each(keys: str) -> list[str]:
    """The keys of a list with commas, by their long names: question_mark for ?."""
    return [binding.key for binding in Binding.make_bindings([Binding(keys, "", "")])]


def _meet(one: str, other: str) -> bool:
    """Whether both may be wanted at a time: on the same screen, or one of them everywhere."""
    screens = {name.rpartition(".")[0] for name in (one, other)}
    return len(screens) == 1 or "" in screens


def _is_key(key: str) -> bool:
    *modifiers, last = key.split("+")
    characters = {name for character in string.punctuation.replace(",", "") for name in _each(character)} | {"comma"}
    return MODIFIERS.issuperset(modifiers) and (len(last) == 1 or last in {*characters, *(key.value for key in Keys)})


IN_WORDS = {"enter": "enter", "backspace": "backspace"}
"""Keys for which Textual has signs that few know, and some terminals have not."""


def called(key: str) -> str:
    """How a key is called in the footer, in help, in texts and in the manual: enter, ctrl+r, ←."""
    *modifiers, last = key.split("+")
    return "+".join([*modifiers, IN_WORDS.get(last) or format_key(last)])


KEY = "bold $accent"


class Configured(Protocol):
    """What of the console a hint needs: the keys that the user gave to actions, and how the footer calls a key."""

    config_file: ConfigFile

    def get_key_display(self, binding: Binding) -> str: ...


def hint(node: DOMNode, action: str, words: str) -> Content:
    """`words`, with the key of an action of `node`'s screen, of what stands around it, or of the app in place of {}.

    Empty where the action is not to be had now, as what changes something in a read-only console.
    """
    before, _, after = words.partition("{}")
    for place in node.ancestors_with_self:
        binding = _binding(place, action)
        if binding is not None:
            _, name, parameters = parse(action)
            if not place.check_action(name, parameters):
                break
            return Content.assemble(before, (_key(node, binding), KEY), after)
    return Content("")


def _binding(place: DOMNode, action: str) -> Binding | None:
    all_of_it = (binding for kind in type(place).__mro__ for binding in vars(kind).get("BINDINGS", ()))
    return next((one for one in all_of_it if isinstance(one, Binding) and one.action == action), None)


def _key(node: DOMNode, binding: Binding) -> str:
    """As the footer calls it; the first, where there are several."""
    app = cast(Configured, node.app)
    chosen = app.config_file.config.keys.get(binding.id or "")
    first, *_ = (chosen or binding.key).split(",")
    return app.get_key_display(binding.with_key(first.strip(), None if chosen else binding.key_display))
