"""The settings that the runs of a list were started with, each read once."""

import tomllib
from collections.abc import Iterable, Mapping

from arena_tui.runs.follow import RunView
from core.runs.access import read_whole
from core.runs.folder import RunFolder

Settings = Mapping[str, object]
"""Values by section.key; none where they cannot be read."""
NO_MATTER = ("run", "data")
"""Sections that change nothing of a run, or hold paths."""


def settings_of(runs: Iterable[RunView], known: Mapping[str, Settings]) -> dict[str, Settings]:
    """Those of each run by its id; `known` ones are not read again."""
    ids = {run.folder.id: run.folder for run in runs}
    return {run_id: known[run_id] if run_id in known else _read(folder) for run_id, folder in ids.items()}


def _read(folder: RunFolder) -> Settings:
    # Not checked against the declarations, which takes seven times as long: a list may hold hundreds of runs.
    try:
        sections = tomllib.loads(read_whole(folder.resolved).decode())
    except (OSError, ValueError, RecursionError):
        return {}
    return {
        f"{section}.{name}": value
        for section, values in sections.items()
        if section not in NO_MATTER and isinstance(values, dict)
        for name, value in values.items()
    }
