"""The keys of the home screen, the most important first."""

from textual.binding import Binding

from arena_tui.screen.keymap import named, numbered

KEYS = named(
    "home",
    Binding("r", "start", "Run", tooltip="Start the chosen profile; its plan is shown first"),
    Binding("e", "edit", "Edit", tooltip="Edit the chosen profile"),
    Binding("d", "inspect", "Data", tooltip="The rows of the chosen profile as the model would see them"),
    Binding("R", "resume", "Resume", tooltip="Resume the chosen run, if it ended early"),
    Binding("v", "report", "Report", tooltip="Report on the chosen run's evaluation, once it has finished"),
    Binding("H", "list_runs", "All runs", tooltip="All runs as a table: sort, filter, delete, compare"),
    Binding("V", "list_folds", "Folds", tooltip="The runs of all folds of the chosen profile, in the table"),
    Binding("W", "sweep", "Sweep", tooltip="Queue runs of the chosen profile with several values of its settings"),
    Binding("A", "fix", "Fix", tooltip="Retry the chosen run with the settings proposed for it"),
    Binding("K,shift+up", "move('up')", "Up in the queue", show=False, tooltip="Move a waiting run up"),
    Binding("J,shift+down", "move('down')", "Down in the queue", show=False, tooltip="Move a waiting run down"),
    Binding("delete,backspace", "dequeue", "Take out", show=False, tooltip="Take a waiting run out of the queue"),
    Binding("a", "adopt", "Adopt", show=False, tooltip="Let a waiting run start that you did not queue here"),
    Binding("Q", "pause", "Pause the queue", show=False, tooltip="Pause the queue, or resume it"),
    *numbered(3),
    Binding("tab", "app.focus_next", "Next list", tooltip="Next: runs, the profile's text, profiles"),
)
