"""The palette: what can be done on the screen in front and everywhere, by name, each with its keys."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from msgspec import Struct
from textual.app import App
from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.screen import Screen

from arena_tui.screen.console_screen import READONLY
from arena_tui.screen.keymap import called

MOVES = frozenset({"Up", "Down", "Page up", "Page down", "First", "Last"})
LESS_THAN_A_NAME = 0.5
"""The weight of a match in an explanation, beside that of one in a name."""


class Command(Struct, frozen=True):
    name: str
    keys: str
    does: str
    run: Callable[[], Awaitable[object] | object]


class Actions(Provider):
    """Those of the screen below the palette first, then those of the app. Without what Textual brings along."""

    async def discover(self) -> Hits:
        for command in commands(self.screen):
            yield DiscoveryHit(_titled(Content(command.name), command), command.run, command.name, command.does)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for command in commands(self.screen):
            score = max(matcher.match(command.name), LESS_THAN_A_NAME * matcher.match(command.does))
            if score > 0:
                shown = _titled(matcher.highlight(command.name), command)
                yield Hit(score, shown, command.run, command.name, command.does)


def _titled(name: Content, command: Command) -> Content:
    return Content.assemble(name, f"  {command.keys}" if command.keys else "")


def commands(screen: Screen[object]) -> Iterator[Command]:
    """What can be done now. Only what we named has a name by which a key can be given to it, and stands here."""
    app = screen.app
    enabled = [
        active
        for active in screen.active_bindings.values()
        if active.enabled and active.binding.id and not _only_moves(active.binding)
    ]
    for everywhere in (False, True):
        keys: dict[str, list[str]] = {}
        found: dict[str, tuple[Binding, Callable[[], Awaitable[object]]]] = {}
        for active in (active for active in enabled if isinstance(active.node, App) is everywhere):
            action = active.binding.action
            keys.setdefault(action, []).append(called(active.binding.key))
            found[action] = (active.binding, partial(app.run_action, action, active.node))
        for action, (binding, run) in found.items():
            yield Command(binding.description, " ".join(keys[action]), binding.tooltip, run)
    is_readonly = app.has_class(READONLY)
    yield Command(
        "Theme", "", "Choose a colour theme" + ("" if is_readonly else ", and keep it"), app.action_change_theme
    )
    if not is_readonly:
        yield Command("Screenshot", "", "Save a picture of the screen (SVG)", app.action_screenshot)


def _only_moves(binding: Binding) -> bool:
    """Whether it is quicker pressed than found here."""
    return binding.description in MOVES or binding.description.startswith("Pane ")
