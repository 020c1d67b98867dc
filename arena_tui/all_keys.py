"""All keys that can be given to something else: those of the app, of its screens and of its lists."""

from collections.abc import Iterator

from textual.binding import Binding

from arena_tui.app import ArenaApp
from arena_tui.screens.compare import CompareScreen
from arena_tui.screens.data import DataScreen
from arena_tui.screens.editor import EditorScreen
from arena_tui.screens.file_screen import FileScreen
from arena_tui.screens.history import HistoryScreen
from arena_tui.screens.home import HomeScreen
from arena_tui.screens.inspection_screen import InspectionScreen
from arena_tui.screens.monitor import MonitorScreen
from arena_tui.screens.prediction import PredictionScreen
from arena_tui.screens.report import ReportScreen
from arena_tui.screens.row import RowScreen
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
