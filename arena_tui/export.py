"""Writes the curves of runs where the console was started."""

from collections.abc import Sequence
from pathlib import Path

from arena_tui.follow import RunView
from core.files import write_whole
from core.runs.curves import as_csv, curve_points


def write_curves(runs: Sequence[RunView]) -> Path:
    """Every point of these runs as CSV in the working directory; returns the file's path. Raises OSError."""
    others = f"-and-{len(runs) - 1}-more" if len(runs) > 1 else ""
    path = Path.cwd() / f"{runs[0].folder.id}{others}.csv"
    points = (point for run in runs for point in curve_points(run.folder.id, run.state))
    write_whole(path, as_csv(points).encode())
    return path
