"""The keys of the report, the most important first, and which are for a report that has been made."""

from textual.binding import Binding

from arena_tui.report.panes import ReportPanes
from arena_tui.screen.keymap import PANES_IN_TURN, named, numbered, up_and_down

ABOUT_REPORT = frozenset({"list", "choose_list", "open", "against", "pane", "pane_at", "write", "other"})
LIST_KEYS = Binding.Group("List", compact=True)
KEYS = named(
    "report",
    *PANES_IN_TURN,
    Binding("f", "list(1)", "List", group=LIST_KEYS, tooltip="The next kind of rows: worst, best, and so on"),
    Binding("F", "choose_list", "Lists", group=LIST_KEYS, tooltip="Choose which rows are listed"),
    Binding("enter", "open", "Row", tooltip="The chosen row in full, with its cut and its probabilities"),
    Binding("c", "against", "Against", tooltip="Compare row by row with another run"),
    Binding("T", "try_out", "Try", tooltip="Let the run judge a prompt and two answers that you type"),
    Binding("w", "write", "Write page", tooltip="Write the report as one page, report.html in the run's folder"),
    Binding("ctrl+r", "read", "Again", show=False, tooltip="Make the report again, from the current files"),
    Binding("n", "other(1)", "Next", show=False, tooltip="The next row in the list, or the previous one"),
    Binding("N", "other(-1)", "Previous", show=False, tooltip="The next row in the list, or the previous one"),
    *numbered(len(ReportPanes.PANES)),
    *up_and_down("down", "page", 1, "in this pane"),
    Binding("escape", "app.pop_screen", "Back", key_display="esc", tooltip="Back to where you came from"),
)
