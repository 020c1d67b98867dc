"""What is to be known of the rows before one trusts a result on them, as text. No widget."""

from collections.abc import Sequence

from textual.content import Content

from arena_tui import figures
from arena_tui.inspected import Inspected
from arena_tui.marks import MUTED

LABEL_CELLS = 26
COUNT_CELLS = 8
SHARE_CELLS = 14

Line = tuple[str, int, int, str]
"""Label, rows, of so many, and a remark."""


def hygiene_text(seen: Inspected, way_out: str) -> Content:
    """A line a fact; what spoils a result stands out. `way_out` tells how prompts are kept on one side."""
    n = len(seen.rows)
    lines = [_line(seen, line) for line in _facts(seen, n)]
    return Content("\n").join([_leak(seen, way_out), *lines])


def _leak(seen: Inspected, way_out: str) -> Content:
    leaked = seen.hygiene.eval_rows_with_leaked_prompt
    if not leaked:
        return Content("  no evaluation row has a prompt of a training row")
    held_out = int(seen.held_out.sum())
    return Content.styled(
        f"! {figures.count(leaked)} evaluation rows ({figures.share(leaked, held_out)}) have a prompt "
        f"of a training row{way_out}",
        "bold $text-warning",
    )


def _facts(seen: Inspected, n: int) -> Sequence[Line]:
    found = seen.hygiene
    return [
        *((name, rows, n, "") for name, rows in found.classes.items()),
        ("the longer answer wins", found.longer_answer_wins, found.longer_answer_decided, "of decided rows"),
        ("identical answers", found.identical_answers, n, f"{found.identical_answers_with_winner:,} with a winner"),
        ("an empty answer", found.with_empty_answer, n, ""),
        ("duplicate prompts", found.duplicate_prompts, n, f"{found.prompts_on_both_sides:,} on both sides"),
        ("several turns", found.with_several_turns, n, ""),
        ("null turns", found.with_nulls, n, f"{found.null_turns:,} turns"),
        ("lone surrogates replaced", found.with_replaced_surrogates, n, ""),
        ("control characters", found.with_control_characters, n, ""),
    ]


def _line(seen: Inspected, line: Line) -> Content:
    label, rows, of, remark = line
    spread = f" ±{100 * seen.margin(rows):.1f}" if seen.is_sample else ""
    return Content.assemble(
        (f"  {label:<{LABEL_CELLS}}", MUTED),
        (f"{figures.count(rows):>{COUNT_CELLS}}", "bold"),
        f"  {figures.share(rows, of) + spread:<{SHARE_CELLS}}",
        (remark, MUTED),
    )
