"""All keys that can be given to something else: those of the whole console, of its screens and of its lists."""

from collections.abc import Iterator, Sequence

from textual.binding import Binding, BindingType

from arena_tui.compare.screen import CompareScreen
from arena_tui.dataset.screen import DataScreen
from arena_tui.editor.screen import EditorScreen
from arena_tui.history.screen import HistoryScreen
from arena_tui.home.screen import HomeScreen
from arena_tui.monitor.screen import MonitorScreen
from arena_tui.predict.list_screen import PredictionsScreen
from arena_tui.predict.screen import PredictionScreen
from arena_tui.predict.try_screen import TryScreen
from arena_tui.report.screen import ReportScreen
from arena_tui.rows.reader import RowScreen
from arena_tui.screen.keymap import key_problems
from arena_tui.widgets.menu import Menu
from core.config import ConfigFile
from core.profile.errors import Problem

PLACES = (
    Menu,
    HomeScreen,
    HistoryScreen,
    MonitorScreen,
    ReportScreen,
    DataScreen,
    RowScreen,
    CompareScreen,
    PredictionsScreen,
    PredictionScreen,
    TryScreen,
    EditorScreen,
)


def key_problems_of(file: ConfigFile, everywhere: Sequence[BindingType]) -> list[Problem]:
    """What is wrong with the keys of a user's configuration; `everywhere` are the app's own bindings."""
    return key_problems(file.config.keys, file.lines, list(all_keys(everywhere)))


def all_keys(everywhere: Sequence[BindingType]) -> Iterator[Binding]:
    """Every binding that has a name, with its usual keys: first those that hold `everywhere`, which are the app's."""
    for bindings in (everywhere, *(place.BINDINGS for place in PLACES)):
        yield from (binding for binding in bindings if isinstance(binding, Binding) and binding.id)
