"""What is drawn for the size it has is there however its place came into sight."""

from screen import shown, until
from textual.app import App, ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from arena_tui.screen.console_screen import ConsoleScreen
from arena_tui.widgets.pane import FittedText


def come_into_sight(app: App[None], widget: Widget) -> None:
    """The place of a widget is shown. One that is redrawn but not yet in Textual's map makes the next one to ask for a
    place renew that map; the layout that follows finds nothing new in it, and announces no size."""
    place = app.screen.query_one("#place")
    place.display = True
    app.screen._compositor.update_widgets({widget})
    assert place.region.height == 10


class Hidden(App[None]):
    CSS = "#place { display: none; height: 10; }"

    def compose(self) -> ComposeResult:
        with Vertical(id="place"):
            yield FittedText()


async def test_fitted_text_is_shown_though_no_size_is_announced() -> None:
    app = Hidden()
    async with app.run_test() as pilot:
        text = app.query_one(FittedText)
        text.show(lambda width: Content(f"{width} cells"))
        come_into_sight(app, text)
        await until(pilot, lambda: "80 cells" in shown(app), "the text")
        app.query_one("#place").styles.width = 40
        await until(pilot, lambda: "40 cells" in shown(app), "the text of another width")
        text.show(lambda width: Content(f"{width} columns\nof cells"))
        await until(pilot, lambda: "40 columns" in shown(app) and "of cells" in shown(app), "another text")


class Sized(Static):
    def on_resize(self) -> None:
        self.update(f"{self.size.width} wide", layout=False)


class OneScreen(ConsoleScreen[None]):
    def compose(self) -> ComposeResult:
        with Vertical(id="place"):
            yield Sized("not drawn yet")


class Console(App[None]):
    CSS = Hidden.CSS

    def get_default_screen(self) -> OneScreen:
        return OneScreen()


async def test_every_widget_of_the_console_is_told_its_size() -> None:
    app = Console()
    async with app.run_test() as pilot:
        come_into_sight(app, app.screen.query_one(Sized))
        await until(pilot, lambda: "80 wide" in shown(app), "the drawing")
        app.screen.query_one("#place").display = False
        await pilot.pause()
        app.screen.query_one(Sized).update("hidden")
        come_into_sight(app, app.screen.query_one(Sized))
        await until(pilot, lambda: "80 wide" in shown(app), "the drawing again")
