"""The settings that the runs of a list were started with, each read once."""

import tomllib
from collections.abc import Iterable, Mapping

from core.runs.access import read_whole
from core.runs.folder import RunFolder

Settings = Mapping[str, object]
"""Values by section.key; none where they cannot be read."""
NO_MATTER = ("run", "data")
"""Sections that change nothing of a run, or hold paths."""


def settings_of(runs: Iterable[RunFolder], known: Mapping[str, Settings]) -> dict[str, Settings]:
    """Those of each run by its id; `known` ones are not read again."""
    ids = {run.id: run for run in runs}
    return {run_id: known[run_id] if run_id in known else _read(folder) for run_id, folder in ids.items()}


def swept(settings: Iterable[Settings]) -> dict[str, set[str]]:
    """What differs between runs of these settings, the values of each key as texts; those with most of them first."""
    values: dict[str, set[str]] = {}
    for of_run in settings:
        for key, value in of_run.items():
            values.setdefault(key, set()).add(str(value))
    differing = [(key, found) for key, found in values.items() if len(found) > 1]
    return dict(sorted(differing, key=lambda one: -len(one[1])))


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
