"""What limits and strategies cut of the rows, and what they cost: the line of the chosen one, and tables."""

from collections.abc import Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from arena_tui.format import numbers
from arena_tui.format.numbers import MISSING, MUTED, duration, gib
from arena_tui.rows.view import Inspected, Outlook
from arena_tui.screen.keymap import hint
from core.engine.fit import judge, judge_need, parts
from core.engine.memory import on_processor
from core.inspect.cuts import CutFigures
from core.plan.protocol import MemoryPlan, Plan, TimePlan
from core.profile.settings import Profile

CostLine = tuple[str, str, str, str]
"""Label, figure, what stands beside it, and the change from the profile's own."""


def cost_lines(plan: Plan | None, profile: Profile, chosen: Outlook, own: Outlook) -> list[CostLine]:
    """Peak memory, of the card or else of the processor, and training time under `chosen`, beside those under the
    profile's `own`."""
    if plan is None:
        return []
    return [*_memory(plan.memory, profile, chosen, own), _time(plan.time, profile, chosen, own)]


def _memory(memory: MemoryPlan | None, profile: Profile, chosen: Outlook, own: Outlook) -> list[CostLine]:
    if memory is None:
        return []
    peak, before = (_peak(memory, profile, outlook) for outlook in (chosen, own))
    if here := memory.processor:
        beside: str = judge_need(peak, here.free)
    else:
        beside = "on a GPU" if memory.free is None else judge(peak, memory.free)
    change = "" if peak == before else f"{'+' if peak > before else '−'}{gib(abs(peak - before))}"
    return [("memory", gib(peak), beside, change)]


def _peak(memory: MemoryPlan, profile: Profile, outlook: Outlook) -> int:
    here = memory.processor
    held = parts(
        profile,
        memory.shape,
        precision=here.precision if here else memory.precision,
        longest=int(outlook.cut.longest.max(initial=0)),
        is_packed=memory.is_packed,
        free=memory.free,
    )
    return on_processor(held, profile, memory.shape).total if here else round(held.total * memory.factor)


def _time(time: TimePlan | None, profile: Profile, chosen: Outlook, own: Outlook) -> CostLine:
    if time is None:
        return ("time", MISSING, "unknown here", "")
    seconds, before = (
        profile.train.epochs * outlook.epoch.effective_tokens / time.tokens_per_second for outlook in (chosen, own)
    )
    change = "" if seconds == before else f"{'+' if seconds > before else '−'}{duration(abs(seconds - before))}"
    return ("time", duration(seconds), "to train", change)


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
        of_sample = f" · first {numbers.count(len(seen.rows))} rows" if seen.is_sample else ""
        self.border_title = Content(f"limit {numbers.count(tokens.max_length)} · {tokens.truncation}{of_sample}")
        of_profile = f"profile: {numbers.count(own.tokens.max_length)} · {own.tokens.truncation}"
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
        return _line(
            label, numbers.count(count), f"{numbers.share(count, n):>6}{spread}", _change(count, was), is_alarm
        )

    lost = f"{numbers.share(now.tokens_lost, now.tokens_lost + now.tokens_shown):>6}"
    padding, padded = 100 * chosen.epoch.padding_share, 100 * own.epoch.padding_share
    padding_change = f"{padding - padded:+.1f}".replace("-", "−") if round(padding - padded, 1) else ""
    return [
        rows("rows over", now.rows_over, before.rows_over),
        _line("tokens lost", numbers.rounded(now.tokens_lost), lost, _change(now.tokens_lost, before.tokens_lost)),
        rows("B gone", now.response_b_lost, before.response_b_lost),
        rows("A gone", now.response_a_lost, before.response_a_lost),
        _line(
            "epoch",
            numbers.rounded(chosen.epoch.effective_tokens),
            "tokens",
            _change(chosen.epoch.effective_tokens, own.epoch.effective_tokens),
        ),
        _line("padding", numbers.percent(chosen.epoch.padding_share), "of batches", padding_change),
    ]


def _change(now: int, before: int) -> str:
    if now == before:
        return ""
    return f"{'+' if now > before else '−'}{numbers.rounded(abs(now - before))}"


def _line(label: str, figure: str, beside: str, change: str, is_alarm: bool = False) -> Content:
    return Content.assemble(
        (f"{'! ' if is_alarm else '  '}{label:<12}", ALARM if is_alarm else MUTED),
        (f"{figure:>7}  ", ALARM if is_alarm else "bold"),
        (f"{beside:<13}", ALARM if is_alarm else ""),
        (f"{change:>8}", "$accent"),
    )


HEADINGS = ("over", "lost", "A cut", "A gone", "B cut", "B gone")
CELLS = 6
"""Of a figure at least: enough for counts of less than a hundred thousand rows."""


def cut_table(rows: Mapping[str, CutFigures | None], chosen: str | None, width: int) -> Content:
    """Rows over the limit, the share of tokens lost, rows by what is cut of each answer; the chosen line is marked.

    None stands for a setting that leaves no room for text.
    """
    texts = {name: _cells(found) for name, found in rows.items() if found}
    names = max(map(len, rows), default=0) + 2
    widths = [max(CELLS, *map(len, column)) for column in zip(HEADINGS, *texts.values(), strict=True)]
    gap = " " if names + sum(widths) + 2 * len(widths) > width else "  "
    heading = "".join(f"{gap}{word:>{cells}}" for word, cells in zip(HEADINGS, widths, strict=True))
    lines = [Content.styled(" " * names + heading, MUTED)]
    for name, found in rows.items():
        mark, style = ("> ", "bold $accent") if name == chosen else ("  ", "")
        label = (f"{mark + name:<{names}}", style)
        if found is None:
            lines.append(Content.assemble(label, ("  leaves no room for text", MUTED)))
            continue
        *figures, gone = (f"{gap}{text:>{cells}}" for text, cells in zip(texts[name], widths, strict=True))
        lines.append(Content.assemble(label, *figures, (gone, ALARM if found.response_b_lost else "")))
    return Content("\n").join(lines)


def _cells(found: CutFigures) -> tuple[str, ...]:
    return (
        numbers.count(found.rows_over),
        numbers.share(found.tokens_lost, found.tokens_lost + found.tokens_shown),
        numbers.count(found.response_a_cut),
        numbers.count(found.response_a_lost),
        numbers.count(found.response_b_cut),
        numbers.share(found.response_b_lost, found.rows),
    )
