"""Writes the curves of runs where the console was started, and says where that is."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from textual.app import App

from arena_tui.format.sanitize import place, printable
from arena_tui.runs.follow import RunView
from core.files import in_words, write_output
from core.runs.curves import as_csv, curve_points


async def export(app: App[None], runs: Sequence[RunView]) -> None:
    """Write every point of these runs as CSV."""
    try:
        path = await asyncio.to_thread(write_curves, runs)
    except OSError as error:
        app.notify(printable(f"not written: {in_words(error)}"), severity="error", markup=False)
    else:
        app.notify(f"written: {place(path)}", markup=False)


def write_curves(runs: Sequence[RunView]) -> Path:
    """Write every point of these runs into a file in the working directory; returns its path. Raises OSError."""
    others = f"-and-{len(runs) - 1}-more" if len(runs) > 1 else ""
    path = Path.cwd() / f"{runs[0].folder.id}{others}.csv"
    points = (point for run in runs for point in curve_points(run.folder.id, run.state))
    write_output(path, as_csv(points).encode())
    return path
