"""The columns of a table of runs: what each shows, how it sorts, and which runs a filter leaves. Knows no widget."""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct
from rich.cells import cell_len

from arena_tui.format import numbers
from arena_tui.format.numbers import GLYPHS, MISSING
from arena_tui.format.sanitize import printable
from arena_tui.runs.follow import RunView
from arena_tui.runs.settings import Settings, swept
from core.runs.checkpoints import DiskUse
from core.runs.state import Status


class Row(Struct, frozen=True):
    """A run, what it takes of the disk, None while that is not known, and its settings."""

    run: RunView
    disk: DiskUse | None
    settings: Settings = {}


Value = float | str | tuple[bool, float, str] | None


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


def _beside(row: Row) -> str:
    return f"! {printable(row.run.trouble)}" if row.run.trouble else note_line(row)


def note_line(row: Row) -> str:
    """The first line of the note, and how many there are beside it."""
    first, *rest = row.run.notes.note.splitlines() or [""]
    return printable(first) + (f" (+{numbers.counted(len(rest), 'line')})" if rest else "")


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
    value=lambda row: row.run.prior,
    text=lambda row: MISSING if row.run.prior is None else numbers.loss(row.run.prior),
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
    text=lambda row: numbers.moment(row.run.state.first_time),
    descends=True,
)

COLUMNS = (STATE, NAME, LOG_LOSS, PRIOR, DURATION, THROUGHPUT, MEMORY, SIZE, WHEN, PROFILE, NOTE)
LEAVING = (PROFILE, PRIOR, MEMORY, THROUGHPUT, SIZE, WHEN, NOTE, DURATION)
"""In this order columns leave a table that is too narrow for all; those of settings before the sixth of them."""
GAP = 1
USUAL_NAME = 30
"""Cells of a name for which other columns leave."""
MOST_SETTINGS = 4
WIDEST_SETTING = 20


def columns_of_settings(rows: Sequence[Row]) -> list[Column]:
    """The settings in which these runs differ, those with most values first: what was swept."""
    columns = (_of_setting(key, max(map(len, values))) for key, values in swept(row.settings for row in rows).items())
    return [column for column in columns if column.width <= WIDEST_SETTING][:MOST_SETTINGS]


def _of_setting(key: str, cells: int) -> Column:
    heading = key.rpartition(".")[2]
    return Column(
        key=key,
        heading=heading,
        width=max(cells, len(heading) + 2),  # the arrow of the sorted one
        value=lambda row: _ordered(row.settings.get(key)),
        text=lambda row: printable(str(row.settings.get(key, MISSING))),
    )


def _ordered(value: object) -> Value:
    """What is sorted by: numbers by their size, words after them."""
    if value is None:
        return None
    return (False, float(value), "") if isinstance(value, int | float) else (True, 0.0, str(value))


def fitting(
    width: int, always: Column, rows: Sequence[Row], settings: Sequence[Column] = ()
) -> list[tuple[Column, int]]:
    """The columns that fit `width` cells, each with its own; `always` stays in any case. `settings` are those in which
    `rows` differ. Columns leave before names are abridged, that of notes first if there are none; the names, then the
    notes, take what is left over."""
    longest = max((cell_len(NAME.text(row)) for row in rows), default=NAME.width)
    usual = max(NAME.width, min(longest, USUAL_NAME))
    shown = [STATE, NAME, LOG_LOSS, *settings, *COLUMNS[3:]]
    leaving = [*LEAVING[:5], *reversed(settings), *LEAVING[5:]]
    if not any(_beside(row) for row in rows):
        leaving = [NOTE, *(column for column in leaving if column is not NOTE)]
    for column in leaving:
        if _needed(shown) + usual - NAME.width > width and column.key != always.key:
            shown.remove(column)
    rest = max(0, width - _needed(shown))
    for_name = min(rest, longest - NAME.width) if NOTE in shown else rest
    extra = {NAME.key: for_name, NOTE.key: rest - for_name}
    return [(column, column.width + extra.get(column.key, 0)) for column in shown]


def _needed(columns: Sequence[Column]) -> int:
    return sum(column.width + GAP for column in columns)


def next_column(columns: Sequence[Column], here: Column, direction: int) -> Column:
    """The one behind `here`, or before it; the first where `here` is none of them any more."""
    keys = [column.key for column in columns]
    return columns[(keys.index(here.key) + direction) % len(columns)] if here.key in keys else columns[0]


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
