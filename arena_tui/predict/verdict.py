"""A verdict on one comparison in a table: both orders, their mean and what lengths alone say. Pure text, no widget."""

from textual.content import Content

from arena_tui.format.numbers import MUTED, OUTCOME_COLOURS, count, counted, percent
from core.outcomes import A_B, A_B_TIE
from core.predict.protocol import Shown, Verdict

LABEL, COLUMN = 14, 8
"""Cells of what stands before the columns, and of a column."""
ORDERS = ("A first", "B first")
APART = "each alone"
"""Of a model that reads each answer apart."""
PARTS = {"prompt": "the prompt", "response_a": "A", "response_b": "B"}


def verdict_text(verdict: Verdict) -> Content:
    """Lines of at most 58 cells, but for the last one, which says what is cut. The likeliest outcome is bold."""
    mean, as_given, swapped = verdict.probabilities, verdict.as_given, verdict.swapped
    assert mean and as_given
    shown = dict(zip(ORDERS, (as_given, swapped), strict=True)) if swapped else {APART: as_given}
    outcomes = A_B_TIE if len(mean) == len(A_B_TIE) else A_B
    lines = [
        Content.styled(" " * LABEL + "".join(f"{label:>{COLUMN}}" for label in outcomes.labels) + "   tokens", MUTED),
        *(_line(name, one.probabilities, (f"   {_tokens(one)}", MUTED)) for name, one in shown.items()),
    ]
    if swapped:
        turned = _likeliest(as_given.probabilities) != _likeliest(swapped.probabilities)
        lines.append(_line("both orders", mean, ("   the order decides", "$text-warning") if turned else ("", "")))
    if verdict.lengths:
        lines.append(_line("lengths alone", verdict.lengths, ("", "")))
    cuts = [f"{name}: {cut}" for name, one in shown.items() if (cut := _cut(one))]
    lines.append(Content.styled(f"cut with {'; with '.join(cuts)}" if cuts else "nothing is cut", MUTED))
    return Content("\n").join(lines)


def _line(label: str, probabilities: dict[str, float], beside: tuple[str, str]) -> Content:
    likeliest = _likeliest(probabilities)
    shares = [
        (f"{percent(share):>{COLUMN}}", f"bold {colour}" if name == likeliest else colour)
        for (name, share), colour in zip(probabilities.items(), OUTCOME_COLOURS, strict=False)
    ]
    return Content.assemble((f"{label:<{LABEL}}", MUTED), *shares, beside)


def _likeliest(probabilities: dict[str, float]) -> str:
    return max(probabilities, key=probabilities.__getitem__)


def _tokens(shown: Shown) -> str:
    of = "" if shown.tokens == shown.whole_tokens else f" of {count(shown.whole_tokens)}"
    return count(shown.tokens) + of


def _cut(shown: Shown) -> str:
    lost = [f"{counted(tokens, 'token')} of {PARTS[part]}" for part, tokens in shown.lost.items() if tokens]
    return ", ".join(lost)
