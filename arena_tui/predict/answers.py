"""What a prediction has answered: the mean of each outcome, a histogram, the first rows."""

from rich.cells import cell_len
from textual.content import Content
from textual.widgets import Static

from arena_tui.format import numbers
from arena_tui.format.numbers import MUTED, OUTCOME_COLOURS, percent
from arena_tui.format.sanitize import printable
from arena_tui.format.width import abridged
from core.predict.answers import BINS, AnsweredRow, Answers

LABEL = 11
"""Cells of what stands before the columns."""
MOST_OF_ID = 20
"""Cells; numbers of 64 bits have as many, longer ids are cut."""
LEAST_BAR, MOST_BAR = 4, 24


def histogram(answers: Answers, width: int) -> Content:
    """A column an outcome with its mean, a line for each tenth of the probability, all bars by one scale.

    In lines of `width` cells, where that is enough for short bars with their counts.
    """
    most = max(max(counts) for counts in answers.histograms)
    cells = len(numbers.count(most))
    bar = max(LEAST_BAR, min(MOST_BAR, (width - LABEL) // len(answers.outcomes) - cells - 3))
    column = bar + cells + 3
    heading = "".join(f"{name:<{column}}" for name in answers.outcomes.labels)
    columns = zip(answers.means, OUTCOME_COLOURS, strict=False)
    lines = [
        Content.styled(f"{'':<{LABEL}}{heading}".rstrip(), MUTED),
        Content.assemble(
            (f"{'mean':<{LABEL}}", MUTED),
            *((f"{percent(mean):<{column}}", f"bold {colour}") for mean, colour in columns),
        ),
    ]
    for tenth in range(BINS):
        label = f"{100 * tenth // BINS}-{100 * (tenth + 1) // BINS} %"
        parts: list[tuple[str, str] | str] = [(f"{label:<{LABEL}}", MUTED)]
        for counts, colour in zip(answers.histograms, OUTCOME_COLOURS, strict=False):
            filled = -(-counts[tenth] * bar // most)  # one row in a thousand is seen too
            parts += [(f"{'█' * filled:<{bar}}", colour), f" {numbers.count(counts[tenth]):>{cells}}  "]
        lines.append(Content.assemble(*parts))
    return Content("\n").join(lines)


def first_rows(answers: Answers) -> Content:
    ids = min(MOST_OF_ID, max(2, *(cell_len(printable(row.id)) for row in answers.first)))
    of_all = "" if len(answers.first) == answers.rows else f" of {numbers.count(answers.rows)}"
    heading = "".join(f"{name:>9}" for name in answers.outcomes.labels)
    lines = [
        Content.styled(f"first {numbers.count(len(answers.first))}{of_all} rows", MUTED),
        Content.styled(f"{'id':>{ids}}{heading}", MUTED),
        *(_line(row, ids) for row in answers.first),
    ]
    return Content("\n").join(lines)


def _line(row: AnsweredRow, ids: int) -> Content:
    """The likeliest outcome is bold."""
    given = zip(row.probabilities, OUTCOME_COLOURS, strict=False)
    bold = max(row.probabilities)
    shares = [(f"{percent(p):>9}", f"{'bold ' if p == bold else ''}{colour}") for p, colour in given]
    id = abridged(printable(row.id), ids)
    return Content.assemble(" " * (ids - cell_len(id)), id, *shares)


class AnswersHistogram(Static):
    """As wide as there is room."""

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._answers: Answers | None = None
        self._width = 0

    def show(self, answers: Answers) -> None:
        self._answers, self._width = answers, 0
        self.on_resize()

    def on_resize(self) -> None:
        if self._answers and self._width != self.size.width:
            self._width = self.size.width
            self.update(histogram(self._answers, self._width))
