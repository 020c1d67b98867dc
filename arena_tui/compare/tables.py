"""The figures and the differing settings of several runs as tables, a column a run. Pure text, no widget."""

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content

from arena_tui.compare.view import BEST, Difference, Measure
from arena_tui.format import numbers
from arena_tui.format.numbers import GLYPHS, MISSING, MUTED, STYLES
from arena_tui.format.sanitize import printable
from arena_tui.format.width import abridged
from arena_tui.runs.follow import RunView
from arena_tui.widgets.facts import hanging

GAP = 1
LEGEND_GAP = 3
NAME_CELLS = 30
"""Those of a name at least, where there is room for more names in a line."""


def legend(runs: Sequence[RunView], width: int) -> Content:
    """Number, line, name and log loss of each run, in its colour, in as many lines as needed."""
    lines = [Content("")]
    for number, run in enumerate(runs, 1):
        reached = f" {numbers.loss(run.log_loss)}" if run.state.evaluations else ""
        name = abridged(printable(run.name), max(NAME_CELLS, width // len(runs) - LEGEND_GAP - 11))
        entry = Content.assemble((f"{number} ━ ", f"$run-{number}"), name, (reached, MUTED))
        room = width - lines[-1].cell_length - LEGEND_GAP
        if not lines[-1]:
            lines[-1] = entry
        elif entry.cell_length <= room:
            lines[-1] = Content.assemble(lines[-1], " " * LEGEND_GAP, entry)
        else:
            lines.append(entry)
    return Content("\n").join(lines)


def figures_table(runs: Sequence[RunView], measures: Sequence[Measure]) -> Content:
    """A line a figure; the best of it is marked."""
    heads = [
        Content.assemble((f"{number} ", f"bold $run-{number}"), (f"{GLYPHS[run.status]} ", STYLES[run.status]))
        for number, run in enumerate(runs, 1)
    ]
    states = [Content.styled(f"{run.status.value} ", STYLES[run.status]) for run in runs]
    lines = [[Content(""), *heads], [Content.styled("state", MUTED), *states]]
    for measure in measures:
        cells = [
            Content.styled(f"{text}{BEST}", "bold $accent") if i in measure.best else Content(f"{text} ")
            for i, text in enumerate(measure.texts)
        ]
        lines.append([Content.styled(measure.name, MUTED), *cells])
    outcomes, recipe = runs[0].outcomes, runs[0].recipe_log_loss
    words = f"{BEST} best   {outcomes.uniform} {numbers.loss(outcomes.uniform_log_loss)}"
    if recipe is not None and all(run.recipe_log_loss for run in runs):
        words += f"   recipe {numbers.loss(recipe)}"
    return Content("\n").join([*_table(lines), Content.styled(words, MUTED)])


def settings_table(differences: Sequence[Difference], cautions: Sequence[str], width: int) -> Content:
    """A line a setting, or, where that is wider than `width` cells, below its name a line for each of its values."""
    lines = [Content.styled(hanging("!", caution, width), "$text-warning") for caution in cautions]
    if not differences:
        return Content("\n").join([*lines, Content.styled("no setting differs", MUTED)])
    cells = [[printable(value or MISSING) for value in difference.values] for difference in differences]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    keys = max(len(difference.key) for difference in differences)
    numbers = range(1, len(widths) + 1)
    if keys + sum(cells_wide + 2 * GAP for cells_wide in widths) <= width:
        heads = [Content.styled(str(number), f"bold $run-{number}") for number in numbers]
        rows = [
            [Content.styled(difference.key, MUTED), *(Content(f" {value}") for value in values)]
            for difference, values in zip(differences, cells, strict=True)
        ]
        return Content("\n").join([*lines, *_table([[Content(""), *heads], *rows])])
    for difference, values in zip(differences, cells, strict=True):
        lines.append(Content.styled(difference.key, MUTED))
        for value in dict.fromkeys(values):
            having = [number for number in numbers if values[number - 1] == value]
            marks = [(f"{number} " if number in having else "  ", f"bold $run-{number}") for number in numbers]
            lines.append(Content.assemble("  ", *marks, value))
    return Content("\n").join(lines)


def _table(rows: Sequence[Sequence[Content]]) -> list[Content]:
    """The first column on the left, the others on the right."""
    widths = [max(cell.cell_length for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        pieces = [first, Content(" " * (widths[0] - first.cell_length))]
        for cell, width in zip(others, widths[1:], strict=True):
            pieces += [Content(" " * (GAP + width - cell.cell_length)), cell]
        lines.append(Content.assemble(*pieces))
    return lines
