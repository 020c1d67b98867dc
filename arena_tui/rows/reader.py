"""One row in full: what its prompt and answers are, and what of them the model is shown."""

import asyncio
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, VerticalScroll
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from arena_tui.format import numbers
from arena_tui.format.sanitize import printable, shortened
from arena_tui.rows.text import ShownRow, lines_of_cuts, part_text, sequence_text
from arena_tui.rows.view import Inspected
from arena_tui.screen.console_screen import ConsoleScreen
from arena_tui.screen.footer import Footer
from arena_tui.screen.keymap import named, up_and_down
from core.data.example import PARTS
from core.files import in_words
from core.inspect.cuts import cut
from core.inspect.lookup import StoredRow, read_row
from core.profile.token_settings import Tokens

NAMES = ("prompt", "A", "B")


class RowScreen(ConsoleScreen[int]):
    """The answer is the place in the list of the row that was shown last."""

    HELP = (
        "One row of the training file: what the model is shown of prompt, A and B, and, dim and struck through, what "
        "is cut. Lengths are tokens of the checkpoint's own tokenizer."
    )

    BINDINGS: ClassVar[list[BindingType]] = named(
        "row",
        Binding("n", "other(1)", "Next", tooltip="The next row in the list, or the previous one"),
        Binding("N", "other(-1)", "Before", tooltip="The next row in the list, or the previous one"),
        Binding("x", "cut", "Cut", tooltip="The next cut; after the last, the first"),
        Binding("X", "other_cut", "Next cut row", show=False, tooltip="The next row in the list with a cut"),
        Binding("m", "model_view", "As the model sees it", tooltip="One sequence, token by token, and back to parts"),
        Binding("i", "ids", "Token ids", tooltip="The id behind each token"),
        *up_and_down("scroll_rows", "scroll_rows", 15, "in the text"),
        Binding("escape", "leave", "Back", key_display="esc", tooltip="Back to the list of rows"),
    )

    DEFAULT_CSS = """
    RowScreen {
        #top { height: 1; padding: 0 1; background: $panel; }
        #title { width: auto; margin-right: 2; color: $accent; text-style: bold; }
        #state { width: 1fr; text-align: right; color: $foreground 60%; text-wrap: nowrap; text-overflow: ellipsis; }
        #beside { height: auto; padding: 0 1; background: $panel; }
        VerticalScroll { height: 1fr; }
        .part, #sequence { height: auto; padding: 0 1; border: round $foreground 25%; }
        .part { border-title-color: $foreground; border-subtitle-color: $foreground 60%; }
        #answers { layout: horizontal; height: auto; }
        #response_a { width: 1fr; border: round $answer-a; border-title-color: $answer-a; }
        #response_b { width: 1fr; border: round $answer-b; border-title-color: $answer-b; }
        #sequence { display: none; }
        &.-narrow #answers { layout: vertical; }
        &.-sequence #prompt, &.-sequence #answers { display: none; }
        &.-sequence #sequence { display: block; }
    }
    """

    is_sequence: var[bool] = var(False)
    has_ids: var[bool] = var(False)

    def __init__(
        self,
        seen: Inspected,
        tokens: Tokens,
        numbers: NDArray[np.intp],
        place: int,
        beside: Callable[[int], Content] | None = None,
    ) -> None:
        """`seen` holds all rows; `numbers` lists some of them, and `place` is the first to be shown.

        `beside` is what else there is to say of the row at a place of the list, in a line above it.
        """
        super().__init__()
        self._seen = seen
        self._tokens = tokens
        self._numbers = numbers
        self._place = place
        self._beside = beside
        self._row: ShownRow | None = None
        self._gone_to = (-1, -1)
        """The line of the cut that was gone to last, and how far down the view was then."""

    def compose(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield Static(id="title", markup=False)
            yield Static(id="state", markup=False)
        if self._beside:
            yield Static(id="beside", markup=False)
        with VerticalScroll(can_focus=False):
            yield Static(id="prompt", classes="part", markup=False)
            with Container(id="answers"):
                yield Static(id="response_a", classes="part", markup=False)
                yield Static(id="response_b", classes="part", markup=False)
            yield Static(id="sequence", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        self.read()

    @work(exclusive=True)
    async def read(self) -> None:
        """Read the row at its place in the list, and show it."""
        seen, number = self._seen, int(self._numbers[self._place])
        assert seen.source is not None
        try:
            stored = await asyncio.to_thread(read_row, seen.source, number)
        except OSError as error:
            self.notify(
                printable(f"the texts of the rows are gone; the list can read them again: {in_words(error)}"),
                markup=False,
            )
            return
        self._row = ShownRow.of(stored, seen.rows, number, self._tokens, seen.frame, seen.pieces)
        self._head(stored, number)
        if self._beside:
            self.query_one("#beside", Static).update(self._beside(self._place))
        self._draw()
        self.query_one(VerticalScroll).scroll_home(animate=False, immediate=True)
        self.refresh(layout=True)  # by the screen itself, which hears of its panes' new heights only when they are idle
        self.call_after_refresh(self._show_first_cut)

    def _head(self, stored: StoredRow, number: int) -> None:
        seen, row = self._seen, self._row
        assert row is not None
        label = seen.outcomes.labels[int(seen.rows.label[number])]
        full = " + ".join(numbers.count(len(one.ids) + one.frame.specials) for one in row.sequences)
        self.query_one("#title", Static).update(f"row {printable(seen.rows.id[number])}")
        self.query_one("#sequence", Static).border_title = _template(seen)
        limit = f"{numbers.count(self._tokens.max_length)} {self._tokens.truncation}"
        at = f"{numbers.count(self._place + 1)} of {numbers.count(len(self._numbers))} listed"
        self.query_one("#state", Static).update(f"{label} · {full} tokens, limit {limit} · {at}")
        models = ("", stored.model_a, stored.model_b)
        for part, name in enumerate(PARTS):
            model = printable(shortened(models[part] or "", 40))
            won = "won" if label.startswith(NAMES[part]) else ""
            pane = self.query_one(f"#{name}", Static)
            pane.border_title = Content(" · ".join(word for word in (NAMES[part], model, won) if word))
            pane.border_subtitle = _kept(*row.counts(part))

    def watch_is_sequence(self) -> None:
        self._draw()

    def watch_has_ids(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if self._row is None:
            return
        self._gone_to = (-1, -1)
        self.set_class(self.is_sequence, "-sequence")
        if self.is_sequence:
            self.query_one("#sequence", Static).update(sequence_text(self._row, with_ids=self.has_ids))
        else:
            for part, name in enumerate(PARTS):
                self.query_one(f"#{name}", Static).update(part_text(self._row, part))

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        if action == "other" and not 0 <= self._place + int(str(parameters[0])) < len(self._numbers):
            return f"this is the {'last' if parameters[0] == 1 else 'first'} row in the list"
        return super().why_not(action, parameters)

    def action_other(self, direction: int) -> None:
        self._place += direction
        self.read()
        self.refresh_bindings()  # there may be no other one any more

    def _lines_of_cuts(self) -> list[int]:
        """Counted from the top of all that can be scrolled through."""
        scroll, lines = self.query_one(VerticalScroll), set()
        for pane in self.query(".part, #sequence").results(Static):
            area = pane.content_region
            if area and isinstance(pane.content, Content):
                top = area.y - scroll.content_region.y + scroll.scroll_offset.y
                lines |= {top + line for line in lines_of_cuts(pane.content, area.width)}
        return sorted(lines)

    def _show_first_cut(self) -> None:
        """Only as far as is needed: a row whose first cut is in sight is read from its beginning."""
        lines, height = self._lines_of_cuts(), self.query_one(VerticalScroll).size.height
        if lines and lines[0] >= height:
            self._go_to(lines[0])

    def _go_to(self, line: int) -> None:
        scroll = self.query_one(VerticalScroll)
        scroll.scroll_to(y=line - scroll.size.height // 2, animate=False, immediate=True)
        self._gone_to = (line, scroll.scroll_offset.y)

    def action_cut(self) -> None:
        lines = self._lines_of_cuts()
        line, view = self._gone_to
        top = self.query_one(VerticalScroll).scroll_offset.y
        before = line if view == top else top - 1  # having scrolled, one goes on from what one sees
        if lines:
            self._go_to(next((line for line in lines if line > before), lines[0]))
        else:
            self.notify("This row is not cut." if not self.is_sequence else "No cut is marked in this sequence.")

    def action_other_cut(self) -> None:
        is_over = cut(self._seen.rows, self._tokens, self._seen.frame).is_over[self._numbers]
        following = np.flatnonzero(is_over[self._place + 1 :])
        if len(following):
            self.action_other(int(following[0]) + 1)
        else:
            self.notify("No row after this one is cut.")

    def action_model_view(self) -> None:
        self.is_sequence = not self.is_sequence

    def action_ids(self) -> None:
        self.has_ids = not self.has_ids
        self.is_sequence = True

    def action_scroll_rows(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_leave(self) -> None:
        self.dismiss(self._place)


def _template(seen: Inspected) -> Content:
    return Content(f"as the model reads it: {printable(str(seen.text))}" if seen.text else "as the model reads it")


def _kept(kept: int, total: int) -> Content:
    if kept == total:
        return Content(numbers.counted(total, "token"))
    words = f"{numbers.count(kept)} of" if kept else "! nothing of"
    return Content.styled(f"{words} {numbers.counted(total, 'token')} shown", "bold $text-warning")
