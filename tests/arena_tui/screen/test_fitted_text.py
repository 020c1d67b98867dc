"""Text that is drawn for the width it has is there however its place came into sight."""

from screen import shown, until
from textual.app import App, ComposeResult
from textual.containers import Vertical
from textual.content import Content

from arena_tui.widgets.pane import FittedText


class Hidden(App[None]):
    CSS = "#place { display: none; height: 10; }"

    def compose(self) -> ComposeResult:
        with Vertical(id="place"):
            yield FittedText()


async def test_it_is_shown_though_no_size_is_announced() -> None:
    app = Hidden()
    async with app.run_test() as pilot:
        place, text = app.query_one("#place"), app.query_one(FittedText)
        text.show(lambda width: Content(f"{width} cells"))
        place.display = True
        # A redrawn widget that is not yet in Textual's map makes the next one to ask for a place renew that map; the
        # layout that follows finds nothing new in it.
        app.screen._compositor.update_widgets({text})
        assert place.region.height == 10
        await until(pilot, lambda: "80 cells" in shown(app), "the text")
        place.styles.width = 40
        await until(pilot, lambda: "40 cells" in shown(app), "the text of another width")
        text.show(lambda width: Content(f"{width} columns\nof cells"))
        await until(pilot, lambda: "40 columns" in shown(app) and "of cells" in shown(app), "another text")
