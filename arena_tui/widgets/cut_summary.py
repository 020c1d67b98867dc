"""What the chosen limit and strategy cost, beside what the profile's own cost. Told figures; reckons nothing."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from arena_tui import figures
from arena_tui.cost import CostLine
from arena_tui.hint import hint
from arena_tui.inspected import Inspected, Outlook
from arena_tui.marks import MUTED

ALARM = "bold $text-warning"


class CutSummary(VerticalScroll, can_focus=False):
    DEFAULT_CSS = """
    CutSummary {
        width: 48;
        border: round $foreground 25%;
        border-title-color: $foreground;
        border-subtitle-color: $foreground 60%;
        padding: 0 1;
    }
    """

    def compose(self) -> ComposeResult:
        yield Static(markup=False)

    def show(self, seen: Inspected, chosen: Outlook, own: Outlook, costs: Sequence[CostLine]) -> None:
        """`chosen` beside the profile's `own`; `costs` come below."""
        tokens = chosen.tokens
        is_moved = tokens != own.tokens
        of_sample = f" · first {figures.count(len(seen.rows))} rows" if seen.is_sample else ""
        self.border_title = Content(f"limit {figures.count(tokens.max_length)} · {tokens.truncation}{of_sample}")
        of_profile = f"profile: {figures.count(own.tokens.max_length)} · {own.tokens.truncation}"
        write = hint(self, "write", "; {} writes this")
        self.border_subtitle = Content(of_profile) + write if is_moved else Content("as in the profile")
        lines = summary(seen, chosen, own)
        self.query_one(Static).update(Content("\n").join([*lines, *(_line(*cost) for cost in costs)]))


def summary(seen: Inspected, chosen: Outlook, own: Outlook) -> list[Content]:
    """A line a figure: the count, its share with its error, and how far it is from the profile's own."""
    now, before, n = chosen.figures, own.figures, len(seen.rows)

    def rows(label: str, count: int, was: int) -> Content:
        spread = f" ±{100 * seen.margin(count):.1f}" if seen.is_sample else ""
        is_alarm = label.startswith("B") and count > 0
        return _line(label, figures.count(count), figures.share(count, n) + spread, _change(count, was), is_alarm)

    lost = figures.share(now.tokens_lost, now.tokens_lost + now.tokens_shown)
    padding, padded = 100 * chosen.epoch.padding_share, 100 * own.epoch.padding_share
    padding_change = f"{padding - padded:+.1f}".replace("-", "−") if round(padding - padded, 1) else ""
    return [
        rows("rows over", now.rows_over, before.rows_over),
        _line("tokens lost", figures.rounded(now.tokens_lost), lost, _change(now.tokens_lost, before.tokens_lost)),
        rows("B gone", now.response_b_lost, before.response_b_lost),
        rows("A gone", now.response_a_lost, before.response_a_lost),
        _line(
            "epoch",
            figures.rounded(chosen.epoch.effective_tokens),
            "tokens",
            _change(chosen.epoch.effective_tokens, own.epoch.effective_tokens),
        ),
        _line("padding", f"{padding:.1f} %", "of batches", padding_change),
    ]


def _change(now: int, before: int) -> str:
    if now == before:
        return ""
    return f"{'+' if now > before else '−'}{figures.rounded(abs(now - before))}"


def _line(label: str, figure: str, beside: str, change: str, is_alarm: bool = False) -> Content:
    return Content.assemble(
        (f"{'! ' if is_alarm else '  '}{label:<12}", ALARM if is_alarm else MUTED),
        (f"{figure:>7}  ", ALARM if is_alarm else "bold"),
        (f"{beside:<13}", ALARM if is_alarm else ""),
        (f"{change:>8}", "$accent"),
    )
