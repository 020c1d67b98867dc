"""The glyph and the style of each state of a run. The word is the state's own name."""

from core.runs.state import Status

MUTED = "$foreground 60%"
"""For what only explains a figure."""

GLYPHS = {
    Status.QUEUED: "◷",
    Status.STARTING: "◌",
    Status.RUNNING: "●",
    Status.STALLED: "◑",
    Status.STOPPING: "◍",
    Status.FINISHED: "✓",
    Status.CANCELLED: "■",
    Status.FAILED: "✗",
    Status.LOST: "?",
    Status.UNKNOWN: "!",
}
STYLES = {
    Status.QUEUED: "$accent",
    Status.STARTING: "$accent",
    Status.RUNNING: "$accent",
    Status.STALLED: "$text-warning",
    Status.STOPPING: "$accent",
    Status.FINISHED: "",
    Status.CANCELLED: MUTED,
    Status.FAILED: "$text-error",
    Status.LOST: "$text-error",
    Status.UNKNOWN: "$text-error",
}
