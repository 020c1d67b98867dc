"""The logged steps of a run: as many as there are, held as columns of numbers and told as events."""

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, TypeAlias, overload

import msgspec

from core.runs.events import Step
from core.runs.figures import Count

Column: TypeAlias = "array[Any]"
"""Whole numbers or floats."""

TYPE_CODES = {
    field.name: "q" if field.type == Count else "d"
    for field in msgspec.structs.fields(Step)
    if field.name not in ("v", "ranks")
}
"""Of each field of a step but the format's version and what each rank did. A step takes 88 bytes so, and as an object
five times as many."""


class Steps(Sequence[Step]):
    """Whoever holds it always sees the same steps: `+` gives another, which shares the columns of this one and only
    adds to their ends."""

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self._columns: dict[str, Column] = {field: array(code) for field, code in TYPE_CODES.items()}
        self._length = 0
        self._append(tuple(steps))

    def __add__(self, new: Sequence[Step]) -> "Steps":
        if not new:
            return self
        longer = self[:] if len(self._columns["step"]) > self._length else self._with(self._columns, self._length)
        longer._append(new)
        return longer

    def column(self, field: str, start: int = 0) -> Column:
        """One figure of each step from the index `start` on; nan where it was no finite number."""
        return self._columns[field][start : self._length]

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> "Steps": ...
    def __getitem__(self, index: int | slice) -> "Step | Steps":
        chosen = range(self._length)[index]
        if isinstance(chosen, int):
            return self._step(chosen)
        part = slice(chosen.start, chosen.stop if chosen.stop >= 0 else None, chosen.step)
        return self._with({field: column[part] for field, column in self._columns.items()}, len(chosen))

    def __iter__(self) -> Iterator[Step]:
        return map(self._step, range(self._length))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Steps) or self._length != other._length:
            return False
        return self._columns is other._columns or all(map(Step.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]  # as a list has none

    def _step(self, index: int) -> Step:
        figures = {field: column[index] for field, column in self._columns.items()}
        return Step(**{field: None if math.isnan(figure) else figure for field, figure in figures.items()})  # type: ignore[arg-type]

    def _append(self, new: Sequence[Step]) -> None:
        for field, column in self._columns.items():
            figures = list(map(attrgetter(field), new))
            try:
                column.extend(array(column.typecode, figures))
            except TypeError:  # None, where there was no finite number
                column.extend(array(column.typecode, [math.nan if figure is None else figure for figure in figures]))
        self._length += len(new)

    @classmethod
    def _with(cls, columns: dict[str, Column], length: int) -> "Steps":
        steps = cls.__new__(cls)
        steps._columns, steps._length = columns, length
        return steps


def training_seconds(steps: Iterable[Step], tokens: int = 0) -> float:
    """Each reading's tokens over its throughput; `tokens` are those of the reading before the first."""
    seconds = 0.0
    for step in steps:
        if step.tokens_per_second > 0:
            seconds += (step.tokens - tokens) / step.tokens_per_second
        tokens = step.tokens
    return seconds


def peaks(steps: Iterable[Step]) -> Iterator[int]:
    """Bytes, the most that each process of the run had held by each reading."""
    return (peak for step in steps for peak in (step.memory_peak, *(reading.memory_peak for reading in step.ranks)))
