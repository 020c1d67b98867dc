"""All keys that can be given to something else: those of the app, of its screens and of its lists."""

from collections.abc import Iterator

from textual.binding import Binding

from arena_tui.app.app import ArenaApp
from arena_tui.compare.screen import CompareScreen
from arena_tui.dataset.reading import InspectionScreen
from arena_tui.dataset.screen import DataScreen
from arena_tui.editor.file_screen import FileScreen
from arena_tui.editor.screen import EditorScreen
from arena_tui.history.screen import HistoryScreen
from arena_tui.home.screen import HomeScreen
from arena_tui.monitor.screen import MonitorScreen
from arena_tui.predict.screen import PredictionScreen
from arena_tui.report.screen import ReportScreen
from arena_tui.rows.reader import RowScreen
from arena_tui.widgets.menu import Menu

PLACES = (
    ArenaApp,
    HomeScreen,
    Menu,
    MonitorScreen,
    PredictionScreen,
    HistoryScreen,
    CompareScreen,
    FileScreen,
    EditorScreen,
    InspectionScreen,
    DataScreen,
    RowScreen,
    ReportScreen,
)


def all_keys() -> Iterator[Binding]:
    """Every binding that has a name, with its usual keys."""
    for place in PLACES:
        yield from (binding for binding in place.BINDINGS if isinstance(binding, Binding) and binding.id)
