"""Runs side by side: figures with the best of each, settings that differ; as text and as JSON. Knows no widget."""

from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct
from rich.cells import cell_len

from arena_tui.format import numbers
from arena_tui.format.numbers import MISSING
from arena_tui.format.sanitize import printable, utf8
from arena_tui.plot.axes import MOST
from arena_tui.runs.follow import RunView
from arena_tui.runs.ranks import devices
from core.profile.edit import Value, literal, value_of
from core.profile.errors import ProfileError
from core.profile.load import ABSENT, values, written
from core.runs.folder import RunFolder
from core.runs.settled import read_settled
from core.runs.state import Status

SPLIT = ("data.train", "data.limit", "data.limit_by", "data.limit_seed", "split.by", "split.n_splits", "split.fold")
"""Settings that decide which rows a run is evaluated on, where it has no data.eval."""
OWN = "data.eval"
TIES = "data.ties"
"""Decides which rows there are, or who has won them, where no outcome is a tie."""
NO_MATTER = ("run.name",)
"""Settings that change nothing of a run."""
Settings = dict[str, str]
"""Every setting of a run as TOML, by key; none where they cannot be read."""


Number = TypeVar("Number", int, float)


class Measure(Struct, frozen=True):
    """One figure of all runs: as numbers, as text, and the places of the best, where that can be said."""

    name: str
    values: tuple[float | int | None, ...]
    texts: tuple[str, ...]
    best: frozenset[int] = frozenset()


class Difference(Struct, frozen=True):
    """A setting that is not the same in all runs; None where a run's settings cannot be read."""

    key: str
    values: tuple[str | None, ...]


def read_settings(folder: RunFolder) -> Settings:
    try:
        profile = read_settled(folder)
    except (ProfileError, OSError):
        return {}  # of another version, or gone
    return {key: written(value) for key, value in values(profile).items()}


def differences(settings: Sequence[Settings]) -> list[Difference]:
    """In the order of their declaration."""
    keys = next((list(known) for known in settings if known), [])
    found = [Difference(key, tuple(known.get(key) for known in settings)) for key in keys if key not in NO_MATTER]
    return [difference for difference in found if len(set(difference.values) - {None}) > 1]


def cautions(settings: Sequence[Settings]) -> list[str]:
    """What keeps the runs from being set against each other."""
    keys, none = _evaluated_on(settings), _evaluate_nothing(settings)
    unread = [str(number) for number, known in enumerate(settings, 1) if not known]
    found = []
    if keys:
        found.append(f"evaluated on different rows ({', '.join(keys)}): their log losses are not comparable")
    if none:
        found.append(f"{' and '.join(none)} {'evaluates' if len(none) == 1 else 'evaluate'} nothing (split.by = none)")
    if unread:
        found.append(f"the settings of {', '.join(unread)} cannot be read")
    return found


def _evaluated_on(settings: Sequence[Settings]) -> list[str]:
    """In which settings the rows differ that the runs are evaluated on, those without any apart."""
    none = _evaluate_nothing(settings)
    known = [known for number, known in enumerate(settings, 1) if known and str(number) not in none]
    have_own = any(run.get(OWN, ABSENT) != ABSENT for run in known)
    have_no_ties = any(run.get("model.outcomes") == literal("a-b") for run in known)
    counts = {OWN, *(SPLIT if not have_own else ()), *((TIES,) if have_no_ties else ())}
    return [one.key for one in differences(known) if one.key in counts]


def _evaluate_nothing(settings: Sequence[Settings]) -> list[str]:
    """The numbers of the runs that have no rows to evaluate."""
    return [
        str(number)
        for number, known in enumerate(settings, 1)
        if known and known.get(OWN, ABSENT) == ABSENT and known.get("split.by") == literal("none")
    ]


def measures(runs: Sequence[RunView]) -> list[Measure]:
    """The figures of the runs as they are now."""
    evaluated = [run.state.reached for run in runs]
    return [
        _measure("log loss", [run.log_loss for run in runs], numbers.loss, "lowest"),
        _measure("prior", [run.prior for run in runs], numbers.loss),
        _measure("accuracy", [one.accuracy if one else None for one in evaluated], numbers.percent, "highest"),
        _measure("at step", [one.step if one else None for one in evaluated], "{:,}".format),
        _measure("tokens/s", [run.state.tokens_per_second for run in runs], "{:,.0f}".format, "highest"),
        _duration(runs),
        _measure("peak memory", [run.state.memory_peak or None for run in runs], numbers.gib, "lowest"),
        *_ranks(runs),
    ]


def _measure(
    name: str,
    values: Sequence[Number | None],
    text: Callable[[Number], str],
    better: Literal["lowest", "highest", ""] = "",
    may_win: Sequence[bool] = (True,) * MOST,
) -> Measure:
    """The best are those that read the same as the best; where all do, none is better."""
    texts = [MISSING if value is None else text(value) for value in values]
    known = [value for value, may in zip(values, may_win, strict=False) if value is not None and may]
    if not better or not known:
        return Measure(name, tuple(values), tuple(texts))
    best = text(min(known) if better == "lowest" else max(known))
    places = frozenset(i for i, (found, may) in enumerate(zip(texts, may_win, strict=False)) if may and found == best)
    return Measure(name, tuple(values), tuple(texts), places if len(places) < len(known) else frozenset())


def _duration(runs: Sequence[RunView]) -> Measure:
    """A run that was stopped early is not the quicker one."""
    is_finished = [run.status is Status.FINISHED for run in runs]
    return _measure("duration", [run.state.elapsed for run in runs], numbers.duration, "lowest", is_finished)


def _ranks(runs: Sequence[RunView]) -> list[Measure]:
    """How many computed each run, where one has several: throughput and duration are theirs together."""
    counts = [len(devices(run.state.started)) if run.state.started else None for run in runs]
    return [_measure("ranks", counts, numbers.count)] if any(count and count > 1 for count in counts) else []


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
    outcomes = runs[0].outcomes
    lines += ["", *_table(rows), f"{BEST} the best; {outcomes.uniform} is {numbers.loss(outcomes.uniform_log_loss)}"]
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
        "uniform_log_loss": runs[0].outcomes.uniform_log_loss,
        "settings": {
            one.key: {id_: _typed(value) for id_, value in zip(ids, one.values, strict=True)}
            for one in differences(settings)
        },
        "cautions": cautions(settings),
    }
    return msgspec.json.encode(made).decode()


def _typed(written: str | None) -> Value | None:
    return None if written in (None, ABSENT) else value_of(written)


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
