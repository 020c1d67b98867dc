"""The columns of a table of runs: what each shows, how it sorts, and which runs a filter leaves. Knows no widget."""

import time
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from arena_tui.format import numbers
from arena_tui.format.numbers import GLYPHS, MISSING
from arena_tui.format.sanitize import printable
from arena_tui.runs.follow import RunView
from core.runs.checkpoints import DiskUse
from core.runs.state import Status


class Row(Struct, frozen=True):
    """A run and what it takes of the disk; None while that is not known."""

    run: RunView
    disk: DiskUse | None


Value = float | str | None


class Column(Struct, frozen=True, kw_only=True):
    key: str
    """Its name for scripts."""
    heading: str
    width: int
    """Cells; the least where the column may grow."""
    value: Callable[[Row], Value]
    """What is sorted by; None where it is missing."""
    text: Callable[[Row], str]
    descends: bool = False
    """Whether the largest value comes first."""
    is_text: bool = False


def _prior(row: Row) -> float | None:
    started = row.run.state.started
    return started.prior_log_loss if started else None


def _beside(row: Row) -> str:
    return f"! {printable(row.run.trouble)}" if row.run.trouble else note_line(row)


def note_line(row: Row) -> str:
    """The first line of the note, and how many there are beside it."""
    first, *rest = row.run.notes.note.splitlines() or [""]
    return printable(first) + (f" (+{len(rest)} lines)" if rest else "")


def _when(row: Row) -> str:
    began = row.run.state.first_time
    return MISSING if began is None else time.strftime("%y-%m-%d %H:%M", time.localtime(began))


def _log_loss(row: Row) -> str:
    return numbers.loss(row.run.log_loss) if row.run.state.evaluations else MISSING


def _state(row: Row) -> str:
    return f"{GLYPHS[row.run.status]} {row.run.status.value}"


STATE = Column(
    key="state",
    heading="state",
    width=11,
    value=lambda row: list(Status).index(row.run.status),
    text=_state,
    is_text=True,
)
NAME = Column(
    key="name",
    heading="name",
    width=12,
    value=lambda row: row.run.name.casefold(),
    text=lambda row: printable(row.run.name),
    is_text=True,
)
NOTE = Column(
    key="note",
    heading="note",
    width=8,
    value=lambda row: row.run.notes.note.casefold() or None,
    text=_beside,
    is_text=True,
)
LOG_LOSS = Column(
    key="log_loss",
    heading="log loss",
    width=10,
    value=lambda row: row.run.log_loss,
    text=_log_loss,
)
PRIOR = Column(
    key="prior",
    heading="prior",
    width=7,
    value=_prior,
    text=lambda row: numbers.loss(prior) if (prior := _prior(row)) is not None else MISSING,
)
DURATION = Column(
    key="duration",
    heading="duration",
    width=10,
    value=lambda row: row.run.elapsed,
    text=lambda row: numbers.duration(row.run.elapsed),
    descends=True,
)
THROUGHPUT = Column(
    key="throughput",
    heading="tokens/s",
    width=10,
    value=lambda row: row.run.state.tokens_per_second,
    text=lambda row: f"{rate:,.0f}" if (rate := row.run.state.tokens_per_second) is not None else MISSING,
    descends=True,
)
MEMORY = Column(
    key="memory",
    heading="peak",
    width=9,
    value=lambda row: row.run.state.memory_peak or None,
    text=lambda row: numbers.gib(row.run.state.memory_peak) if row.run.state.memory_peak else MISSING,
)
SIZE = Column(
    key="size",
    heading="on disk",
    width=9,
    value=lambda row: row.disk.total if row.disk else None,
    text=lambda row: numbers.gib(row.disk.total) if row.disk else "",
    descends=True,
)
PROFILE = Column(
    key="profile",
    heading="profile",
    width=14,
    value=lambda row: row.run.folder.name.casefold(),
    text=lambda row: printable(row.run.folder.name),
    is_text=True,
)
WHEN = Column(
    key="when",
    heading="started",
    width=14,
    value=lambda row: row.run.folder.id,  # begins with the time; a run just launched has no event yet
    text=_when,
    descends=True,
)

COLUMNS = (STATE, NAME, LOG_LOSS, PRIOR, DURATION, THROUGHPUT, MEMORY, SIZE, WHEN, PROFILE, NOTE)
LEAVING = (PROFILE, PRIOR, MEMORY, THROUGHPUT, WHEN, SIZE, DURATION, NOTE)
"""In this order columns leave a table that is too narrow for all."""
GAP = 1
WIDEST_NAME = 30


def fitting(width: int, always: Column) -> list[tuple[Column, int]]:
    """The columns that fit `width` cells, each with its own; `always` stays in any case. The name, then the note, take
    what is left over."""
    shown = list(COLUMNS)
    for column in LEAVING:
        if _needed(shown) > width and column is not always:
            shown.remove(column)
    rest = max(0, width - _needed(shown))
    for_name = min(rest, WIDEST_NAME - NAME.width) if NOTE in shown else rest
    extra = {NAME.key: for_name, NOTE.key: rest - for_name}
    return [(column, column.width + extra.get(column.key, 0)) for column in shown]


def _needed(columns: Sequence[Column]) -> int:
    return sum(column.width + GAP for column in columns)


def sorted_by(column: Column, rows: Iterable[Row], *, is_reversed: bool = False) -> list[Row]:
    """In the column's own order or the other; rows without a value come last either way, equal ones stay in place."""
    rows = list(rows)
    valued = [row for row in rows if column.value(row) is not None]
    missing = [row for row in rows if column.value(row) is None]
    return sorted(valued, key=column.value, reverse=column.descends is not is_reversed) + missing  # type: ignore[arg-type]


def matching(words: str, rows: Iterable[Row]) -> list[Row]:
    """The rows in which every one of `words` occurs: in state, name, profile, id or note, whatever its case."""
    wanted = words.casefold().split()
    return [row for row in rows if all(word in _searched(row) for word in wanted)]


def _searched(row: Row) -> str:
    run = row.run
    return "\n".join((run.status, run.name, run.folder.id, run.notes.note)).casefold()
