"""Tells a key in a text, by what it does: a user may have given it to something else."""

from typing import TYPE_CHECKING, cast

from textual.actions import parse
from textual.binding import Binding
from textual.content import Content
from textual.dom import DOMNode

if TYPE_CHECKING:
    from arena_tui.app import ArenaApp

KEY = "bold $accent"


def hint(node: DOMNode, action: str, words: str) -> Content:
    """`words`, with the key of an action of `node`'s screen, of what stands around it, or of the app in place of {}.

    Empty where the action is not to be had now, as what changes something in a read-only console.
    """
    before, _, after = words.partition("{}")
    for place in node.ancestors_with_self:
        binding = _binding(place, action)
        if binding is not None:
            _, name, parameters = parse(action)
            if place.check_action(name, parameters) is False:
                break
            return Content.assemble(before, (_key(node, binding), KEY), after)
    return Content("")


def _binding(place: DOMNode, action: str) -> Binding | None:
    all_of_it = (binding for kind in type(place).__mro__ for binding in vars(kind).get("BINDINGS", ()))
    return next((one for one in all_of_it if isinstance(one, Binding) and one.action == action), None)


def _key(node: DOMNode, binding: Binding) -> str:
    """As the footer calls it; the first, where there are several."""
    app = cast("ArenaApp", node.app)
    chosen = app.config_file.config.keys.get(binding.id or "")
    first, *_ = (chosen or binding.key).split(",")
    return app.get_key_display(binding.with_key(first.strip(), None if chosen else binding.key_display))
