"""The keys of the data screen, the most important first, and which are of no use before there are rows."""

from textual.binding import Binding

from arena_tui.dataset.panes import DataPanes
from arena_tui.screen.keymap import PANES_IN_TURN, named, numbered, up_and_down

LIMIT_KEYS = Binding.Group("Limit", compact=True)
STRATEGY_KEYS, FILTER_KEYS, SORT_KEYS = (Binding.Group(name, compact=True) for name in ("Strategy", "Filter", "Sort"))
NEAR = "Move the limit by 64 tokens"
FAR = "Move the limit by 512 tokens"
KEYS = named(
    "data",
    Binding("left,h", "move(-1)", "64 lower", key_display="←", group=LIMIT_KEYS, tooltip=NEAR),
    Binding("right,l", "move(1)", "64 higher", key_display="→", group=LIMIT_KEYS, tooltip=NEAR),
    Binding("less_than_sign,shift+left", "move(-8)", "512 lower", show=False, tooltip=FAR),
    Binding("greater_than_sign,shift+right", "move(8)", "512 higher", show=False, tooltip=FAR),
    Binding("t", "strategy(1)", "Strategy", group=STRATEGY_KEYS, tooltip="The next truncation strategy"),
    Binding("T", "choose_strategy", "Strategies", group=STRATEGY_KEYS, tooltip="Choose the truncation strategy"),
    Binding(
        "f",
        "filter(1)",
        "Filter",
        group=FILTER_KEYS,
        tooltip="List the next kind of rows: over the limit, B gone, ties, and so on",
    ),
    Binding("F", "choose_filter", "Filters", group=FILTER_KEYS, tooltip="Choose which rows are listed"),
    Binding("slash", "search", "Search", key_display="/", tooltip="Rows that hold a text, or have an id"),
    Binding("enter", "open", "Row", tooltip="The chosen row in full, with its cut"),
    Binding("w", "write", "Write", tooltip="Write the chosen limit and strategy into the profile"),
    *PANES_IN_TURN,
    *numbered(len(DataPanes.PANES)),
    Binding("s", "sort", "Sort", group=SORT_KEYS, tooltip="Rows as in the file, by length, or by tokens lost"),
    Binding("S", "choose_order", "Orders", group=SORT_KEYS, tooltip="Choose the order of the rows"),
    Binding("o", "own", "Own", tooltip="Back to the profile's own limit and strategy"),
    Binding("e", "edit", "Edit", tooltip="Edit the profile"),
    Binding("p", "split", "Split", show=False, tooltip="Write the setting by which no prompt leaks"),
    Binding("ctrl+r", "read", "Read again", show=False, tooltip="Read the rows again, from the file as it is now"),
    Binding("n", "other(1)", "Next", show=False, tooltip="The next row in the list, or the previous one"),
    Binding("N", "other(-1)", "Before", show=False, tooltip="The next row in the list, or the previous one"),
    *up_and_down("down", "page", 1, "in this pane"),
    Binding("escape", "back", "Back", key_display="esc", tooltip="End the search, or leave this screen"),
)
ABOUT_ROWS = frozenset(
    {"move", "strategy", "choose_strategy", "own", "write", "filter", "choose_filter", "sort", "choose_order", "search"}
    | {"open", "other"}
)
"""Actions that have no use before there are rows."""
