"""A comparison of runs, as a table to read and as JSON for scripts."""

from collections.abc import Sequence

import msgspec
from rich.cells import cell_len

from arena_tui.compare.view import cautions, differences, measures, read_settings
from arena_tui.format import numbers
from arena_tui.format.numbers import MISSING
from arena_tui.format.sanitize import printable, utf8
from arena_tui.runs.follow import RunView
from core.runs.metrics import UNIFORM_LOG_LOSS

BEST = "*"


def as_text(runs: Sequence[RunView]) -> str:
    """The runs with a number each, their figures, and the settings that differ, a column a run."""
    settings = [read_settings(run.folder) for run in runs]
    names = [f"{number}  {printable(run.folder.id)}" for number, run in enumerate(runs, 1)]
    lines = [f"{name}  {printable(run.notes.name)}".rstrip() for name, run in zip(names, runs, strict=True)]
    rows = [["", *(str(number) for number in range(1, len(runs) + 1))], ["state", *(run.status.value for run in runs)]]
    for measure in measures(runs):
        cells = (f"{text}{BEST if i in measure.best else ' '}" for i, text in enumerate(measure.texts))
        rows.append([measure.name, *cells])
    differing = [[one.key, *(printable(value or MISSING) for value in one.values)] for one in differences(settings)]
    lines += ["", *_table(rows), f"{BEST} the best; ln 3 is {numbers.loss(UNIFORM_LOG_LOSS)}"]
    lines += [f"! {warning}" for warning in cautions(settings)]
    return "\n".join([*lines, "", *(_table(differing) if differing else ["no setting differs"])])


def as_json(runs: Sequence[RunView]) -> str:
    """`runs`: id, name, status and figures of each; `best`: ids by figure; `settings`: those that differ."""
    settings = [read_settings(run.folder) for run in runs]
    known = measures(runs)
    ids = [utf8(run.folder.id) for run in runs]
    made = {
        "runs": [
            {
                "id": ids[i],
                "name": utf8(run.name),
                "status": run.status,
                "figures": {_key(measure.name): measure.values[i] for measure in known},
            }
            for i, run in enumerate(runs)
        ],
        "best": {_key(measure.name): [ids[i] for i in sorted(measure.best)] for measure in known if measure.best},
        "uniform_log_loss": UNIFORM_LOG_LOSS,
        "settings": {one.key: dict(zip(ids, one.values, strict=True)) for one in differences(settings)},
        "cautions": cautions(settings),
    }
    return msgspec.json.encode(made).decode()


def _key(name: str) -> str:
    return {"tokens/s": "tokens_per_second", "duration": "elapsed_seconds"}.get(name, name.replace(" ", "_"))


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns two spaces apart: the first on the left, the others on the right."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [
                row[0] + " " * (widths[0] - cell_len(row[0])),
                *(" " * (width - cell_len(cell)) + cell for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
        ).rstrip()
        for row in rows
    ]
