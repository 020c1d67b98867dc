"""The keys of the table of runs, the most important first, and which are for a run that is chosen."""

from textual.binding import Binding

from arena_tui.screen.keymap import named, up_and_down

KEYS = named(
    "runs",
    Binding("enter", "open", "Open", tooltip="Open the chosen run"),
    Binding("space", "select", "Select", tooltip="Select this run for a comparison, or deselect it"),
    Binding("c", "compare", "Compare", tooltip="Compare the selected runs, two to six"),
    Binding("slash", "filter", "Filter", key_display="/", tooltip="Only runs with these words"),
    Binding("right,l", "sort(1)", "Sort", key_display="←/→", tooltip="Sort by the next column, or the previous one"),
    Binding("left,h", "sort(-1)", "Sort before", show=False, tooltip="Sort by the next column, or the previous one"),
    Binding("S", "choose_sort", "Sort by", show=False, tooltip="Choose the column to sort by"),
    Binding("o", "reverse", "Order", tooltip="Reverse the order"),
    Binding(
        "delete,backspace",
        "delete",
        "Delete",
        key_display="del",
        tooltip="Move this run to the trash, after a question",
    ),
    Binding("v", "report", "Report", tooltip="Report on this run's evaluation, once it has finished"),
    Binding("number_sign", "note", "Note", key_display="#", tooltip="Write a note on this run"),
    Binding("e", "rename", "Rename", tooltip="Change the name shown for this run; its folder stays"),
    Binding("t", "trash", "Trash", tooltip="Deleted runs: put one back, or delete all for good"),
    Binding("D", "prune", "Prune", tooltip="Delete all checkpoints of this run but the newest intact"),
    Binding("C", "prune_all", "Prune all", show=False, tooltip="The same for every run that has ended"),
    Binding("n", "move(1)", "Next", show=False, tooltip="The next run in the list, or the previous one"),
    Binding("N", "move(-1)", "Before", show=False, tooltip="The next run in the list, or the previous one"),
    *up_and_down("move", "move_page", 1, "in the list"),
    Binding("escape", "leave", "Back", key_display="esc", tooltip="Show all runs again; back to the home screen"),
)
ABOUT_A_RUN = frozenset({"open", "report", "select", "note", "rename", "delete", "prune"})
"""Actions on the chosen run."""
