"""The pane of figures: how it is going while the run goes on, what came out of it afterwards."""

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from arena_tui.follow import RunView
from arena_tui.widgets.now import Now
from arena_tui.widgets.pane import Pane
from arena_tui.widgets.result import Result


class FiguresPane(Pane):
    DEFAULT_CSS = """
    FiguresPane {
        padding: 0 0 0 1;
        & > VerticalScroll { scrollbar-gutter: stable; } /* a bar that takes room can be what makes it needed */
        & > Result { display: none; }
        &.-over > Result { display: block; }
        &.-over > Now { display: none; }
    }
    """

    tab_name = "figures"
    HELP = (
        "The newest point of the run, and once it is over what it came to: losses in nats, throughput in "
        "effective tokens (without padding) a second, memory in GiB. All of it is read from events.jsonl; the "
        "log loss is that of the held-out rows, from float32 logits."
    )

    def compose(self) -> ComposeResult:
        yield Now().data_bind(FiguresPane.view)
        yield Result().data_bind(FiguresPane.view)

    def watch_view(self, view: RunView | None) -> None:
        is_over = view is not None and view.status.is_over
        self.set_class(is_over, "-over")
        self.title = "result" if is_over else "now"

    @property
    def says(self) -> str:
        """The figures, and where the run lies."""
        return f"{super().says}\n{self.view.folder.path}" if self.view else ""

    def scroll_text(self, lines: int) -> None:
        for text in self.query(VerticalScroll):
            text.scroll_relative(y=lines, animate=False)
