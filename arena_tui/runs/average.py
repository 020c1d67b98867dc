"""What a run is the average of, and what these reach by themselves, in words and figures. Knows no widget."""

from arena_tui.format import numbers
from arena_tui.format.sanitize import printable
from core.runs.average import Average


def figures(average: Average) -> list[tuple[str, str, str]]:
    """Lines of a label, a figure, and what stands beside it: the average, its members, their ensemble."""
    kept = f"keeps {numbers.percent(average.kept)} of the exact one" if average.how == "svd" else average.how
    lines = [("average", f"rank {numbers.count(average.rank)}", kept)]
    for number, run in enumerate(average.runs):
        loss = numbers.loss(average.log_losses[number]) if average.log_losses else numbers.MISSING
        lines.append((f"run {number + 1}", loss, printable(run)))
    if average.ensemble_log_loss is None:
        return [*lines, ("ensemble", numbers.MISSING, "the runs were not evaluated on the same rows")]
    return [*lines, ("ensemble", numbers.loss(average.ensemble_log_loss), "their predictions averaged")]


def told(average: Average) -> str:
    """The same as lines of text."""
    (_, rank, how), *others = figures(average)
    return "\n".join(
        [f"averaged: {rank}, {how}", *(f"  {loss:>6} {name:<8}  {beside}" for name, loss, beside in others)]
    )
