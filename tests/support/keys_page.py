"""The page on the keys: those of each screen, taken from its bindings.

python tests/support/keys_page.py   # writes them anew, below what people have written
"""

from collections.abc import Iterator, Sequence

from places import ROOT
from textual.binding import Binding, BindingType
from textual.keys import format_key

from arena_tui.app.app import ArenaApp
from arena_tui.compare.screen import CompareScreen
from arena_tui.dataset.screen import DataScreen
from arena_tui.editor.screen import EditorScreen
from arena_tui.history.screen import HistoryScreen
from arena_tui.home.screen import HomeScreen
from arena_tui.monitor.screen import MonitorScreen
from arena_tui.plot.pane import PlotPane
from arena_tui.predict.screen import PredictionScreen
from arena_tui.report.screen import ReportScreen
from arena_tui.rows.reader import RowScreen
from arena_tui.widgets.menu import Menu

PAGE = ROOT / "docs" / "keys.md"
BEGIN = "<!-- Below: the keys as they are bound. `python tests/support/keys_page.py` writes them anew. -->"
PLACES: dict[str, Sequence[BindingType]] = {
    "Everywhere": ArenaApp.BINDINGS,
    "Every list": Menu.BINDINGS,
    "Home": HomeScreen.BINDINGS,
    "All runs": HistoryScreen.BINDINGS,
    "Monitor": MonitorScreen.BINDINGS,
    "The crosshair of a curve": PlotPane.BINDINGS,
    "Report": ReportScreen.BINDINGS,
    "Data": DataScreen.BINDINGS,
    "Row": RowScreen.BINDINGS,
    "Comparison": CompareScreen.BINDINGS,
    "Prediction": PredictionScreen.BINDINGS,
    "Editor": EditorScreen.BINDINGS,
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
        keys = [_called(key) for binding in its for key in binding.key.split(",")]
        names = [f"`{binding.id}`" for binding in its if binding.id]
        yield f"| {_list(keys)} | {explanation} | {_list(names)} |"


def _list(words: list[str]) -> str:
    """Of many, as of the keys 1 to 7, the first and the last."""
    return f"{words[0]} to {words[-1]}" if len(words) > 6 else " ".join(words)


def _called(key: str) -> str:
    *modifiers, last = key.split("+")
    return f"`{'+'.join([*modifiers, format_key(last)])}`"


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text("utf-8").split(BEGIN)[0] + BEGIN + "\n" + tables(), "utf-8")
