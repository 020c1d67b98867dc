"""The page on the keys: those of each screen, taken from its bindings.

python tests/support/keys_page.py   # writes them anew, below what people have written
"""

from collections.abc import Iterator, Sequence

from places import ROOT
from textual.binding import Binding, BindingType

from arena_tui.app.app import ArenaApp
from arena_tui.app.bindings import PLACES as NAMED
from arena_tui.plot.pane import PlotPane
from arena_tui.screen.keymap import called

PAGE = ROOT / "docs" / "keys.md"
BEGIN = "<!-- Below: the keys as they are bound. `python tests/support/keys_page.py` writes them anew. -->"


def _section(bindings: Sequence[BindingType]) -> str:
    """The section of the configuration that has their names, as a heading."""
    [section] = {str(binding.id).partition(".")[0] for binding in bindings if isinstance(binding, Binding)}
    return section.capitalize()


PLACES: dict[str, Sequence[BindingType]] = {
    "Everywhere": ArenaApp.BINDINGS,
    **{_section(place.BINDINGS): place.BINDINGS for place in NAMED},
    "The crosshair of a curve": PlotPane.BINDINGS,
}


def tables() -> str:
    """A heading for each place, and a line for each thing that its keys do."""
    return "\n".join(line for place, bindings in PLACES.items() for line in _table(place, bindings)) + "\n"


def _table(place: str, bindings: Sequence[BindingType]) -> Iterator[str]:
    does: dict[str, list[Binding]] = {}
    for binding in bindings:
        assert isinstance(binding, Binding)
        does.setdefault(binding.tooltip or binding.description, []).append(binding)
    yield from ("", f"### {place}", "", "| keys | what they do | names in your configuration |", "| --- | --- | --- |")
    for explanation, its in does.items():
        keys = [f"`{called(key)}`" for binding in its for key in binding.key.split(",")]
        names = [f"`{binding.id}`" for binding in its if binding.id]
        yield f"| {_list(keys)} | {explanation} | {_list(names)} |"


def _list(words: list[str]) -> str:
    """Of many, as of the keys 1 to 7, the first and the last."""
    return f"{words[0]} to {words[-1]}" if len(words) > 6 else " ".join(words)


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text("utf-8").split(BEGIN)[0] + BEGIN + "\n" + tables(), "utf-8")
