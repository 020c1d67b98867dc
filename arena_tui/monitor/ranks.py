"""The ranks of a run, a line each: how fast it is, the memory it takes, how long it waits; and how all compare."""

from collections.abc import Sequence
from functools import partial
from statistics import median

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content

from arena_tui.format import numbers
from arena_tui.format.numbers import MUTED
from arena_tui.format.sanitize import printable
from arena_tui.format.width import abridged
from arena_tui.runs.follow import RunView
from arena_tui.runs.panes import Pane
from arena_tui.runs.ranks import computed_on, slowest
from arena_tui.widgets.pane import FittedText
from core.runs.events import Device
from core.runs.figures import RankReading

FEW = 4
"""So many ranks are taken in at a glance. Above more of them stand least, median and most of each figure."""
NEARLY_FULL = 0.95
"""Of a card's memory."""
HEADINGS = ("rank", "tokens/s", "peak memory", "waits")
WIDTHS = (6, 8, 16, 6)

Line = tuple[str, str, str, str, str]
"""Rank, tokens/s, memory, share of the time that it waits, and what is to be said of it."""


class RanksPane(Pane):
    DEFAULT_CSS = """
    RanksPane {
        padding: 0 0 0 1;
        & > FittedText { height: auto; }
        & > VerticalScroll { height: 1fr; scrollbar-gutter: stable; }
    }
    """

    tab_name = "ranks"
    HELP = (
        "One line for each rank, which is a process with a card of its own: effective tokens per second of its share, "
        "the most memory it has held, and the part of the time that it waits for the slowest rank and for the exchange "
        "of gradients, since the logged point before. The others wait for the slowest rank, so it waits the least."
    )

    def compose(self) -> ComposeResult:
        yield FittedText(classes="summary")
        with VerticalScroll(can_focus=False):
            yield FittedText(classes="ranks")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(".summary", FittedText).show(lambda _: Content("known after the first logged step"))

    def watch_view(self, before: RunView | None, view: RunView | None) -> None:
        if view is None or view.state.started is None or not view.state.started.ranks:
            return
        on = computed_on(view.state.started, on_processor=" on ")
        self.title = f"ranks: {printable(on)}"
        readings, devices = view.state.ranks, view.state.started.ranks
        if readings and (before is None or before.state.ranks != readings):
            above = [(*HEADINGS, ""), *(_summary(readings) if len(readings) > FEW else [])]
            below = [_line(rank, readings, devices) for rank in range(len(readings))]
            for name, lines in ((".summary", above), (".ranks", below)):
                text = self.query_one(name, FittedText)
                text.styles.height = len(lines)
                text.show(partial(_drawn, lines, name == ".summary"))

    def scroll_text(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def _line(rank: int, readings: Sequence[RankReading], devices: Sequence[Device]) -> Line:
    reading = readings[rank]
    whole = devices[rank].memory if rank < len(devices) else 0
    told = ["◀ slowest"] if rank == slowest(readings) else []
    if reading.memory_peak > NEARLY_FULL * whole > 0:
        told.append("! nearly full")
    share = f"{numbers.share(reading.memory_peak, whole):>7}" if whole else ""
    return (
        str(rank),
        f"{reading.tokens_per_second:,.0f}",
        f"{numbers.gib(reading.memory_peak)}{share}",
        numbers.percent(reading.waited),
        " ".join(told),
    )


def _summary(readings: Sequence[RankReading]) -> list[Line]:
    """The least, the median and the most of each figure; beside the least, which rank waits the least."""
    rows: list[Line] = []
    for name, of in (("least", min), ("median", median), ("most", max)):
        rows.append(
            (
                name,
                f"{of([reading.tokens_per_second for reading in readings]):,.0f}",
                f"{numbers.gib(int(of([reading.memory_peak for reading in readings])))}{'':7}",
                numbers.percent(of([reading.waited for reading in readings])),
                "",
            )
        )
    rank = slowest(readings)
    return rows if rank is None else [(*rows[0][:-1], f"◀ slowest {rank}"), *rows[1:]]


def _drawn(lines: Sequence[Line], is_heading: bool, width: int) -> Content:
    """The lines in columns, `width` cells of them; one of which something is said stands out. Where there is no room
    for the words, their signs and figures are left."""
    drawn = []
    for *cells, told in lines:
        text = " ".join(cell.rjust(width) for cell, width in zip(cells, WIDTHS, strict=True))
        style = MUTED if is_heading and not told else "bold" if told else ""
        line = f"{text} {told}".rstrip()
        if len(line) > width:
            line = " ".join([text, *(word for word in told.split() if not word.isalpha())])
        drawn.append(Content.styled(abridged(line, width), style))
    return Content("\n").join(drawn)
