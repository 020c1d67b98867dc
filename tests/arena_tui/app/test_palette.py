"""The palette: our actions by name with their keys; and the theme that is chosen there is kept."""

from pathlib import Path

import pytest
from recorded import record_run
from screen import shown, until, until_shown
from textual.widgets import Input

from arena_tui.app.app import ArenaApp
from arena_tui.app.palette import commands
from core.config import CONFIG_VARIABLE, read_config


@pytest.fixture
def config(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = workplace / "config.toml"
    monkeypatch.setenv(CONFIG_VARIABLE, str(path))
    return path


def known(app: ArenaApp) -> dict[str, str]:
    return {command.name: command.keys for command in commands(app.screen)}


async def test_it_lists_what_we_named_with_the_keys_that_the_user_has(runs: Path, config: Path) -> None:
    config.write_text('[keys.home]\nrun = "S,ctrl+t"\n')
    record_run(runs, "20260131-120000-mine", end="finished", steps=200)
    app = ArenaApp(runs, config=read_config())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "✓ finished", "S Run")
        names = known(app)
        assert names["Run"] == "S ctrl+t"
        assert names["All runs"] == "H"
        assert names["Quit"] == "q"
        assert not {"First", "Last", "palette"} & names.keys()  # of Textual's list and its app
        assert list(names).index("Edit") < list(names).index("Help")
        await pilot.press("H")
        await until_shown(pilot, "1 of 1")
        assert "Run" not in known(app)
        await pilot.press("ctrl+p")
        await until_shown(pilot, "Filter  /", "Only runs with these words")
        await pilot.press(*"trash")
        await until_shown(pilot, "Trash  t")
        await pilot.press("enter")
        await until_shown(pilot, "deleted runs")


async def test_a_word_of_the_explanation_finds_an_action_too(runs: Path) -> None:
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "r Run")
        await pilot.press("ctrl+p", *"its plan is shown")
        await until_shown(pilot, "Run  r")


async def test_a_read_only_console_offers_nothing_that_changes_something_and_keeps_no_theme(
    runs: Path, config: Path
) -> None:
    app = ArenaApp(runs, config=read_config(), readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "read-only", "none yet")
        names = known(app)
        assert {"Data", "Theme", "Quit"} <= names.keys()
        assert not {"Run", "Edit", "Pause the queue", "Take out", "Adopt", "Screenshot"} & names.keys()
        app.theme = "light"
        await pilot.pause()
        await until(
            pilot, lambda: not any(worker.group == "theme" for worker in app.workers), "the end of the theme's work"
        )
    assert not config.exists()


async def choose_theme(app: ArenaApp, pilot, name: str) -> None:  # type: ignore[no-untyped-def]
    await until_shown(pilot, "r Run")
    await pilot.press("ctrl+p", *"theme", "enter")
    await until(pilot, lambda: app.screen.query_one(Input).placeholder.startswith("Search for themes"), "the themes")
    await pilot.press(*name)
    await until(pilot, lambda: "colour-blind" not in shown(app) and name in shown(app), "one theme alone")
    await pilot.press("enter")


async def test_a_theme_that_is_chosen_is_there_in_the_next_console(runs: Path, config: Path) -> None:
    config.write_text("# mine\n[notify]\nbell = true\n")
    app = ArenaApp(runs, config=read_config())
    async with app.run_test(size=(80, 24)) as pilot:
        await choose_theme(app, pilot, "light")
        await until(pilot, lambda: read_config().config.console.theme == "light", "the theme in the file")
        app.theme = "dark"  # back to what the console began with
        await until(pilot, lambda: read_config().config.console.theme == "dark", "the first theme again")
        app.theme = "light"
        await until(pilot, lambda: read_config().config.console.theme == "light", "the theme in the file")
    assert config.read_text().startswith("# mine\n[notify]\nbell = true\n")
    async with ArenaApp(runs, config=read_config()).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: pilot.app.theme == "light", "the theme of the console before")


async def test_a_theme_that_cannot_be_kept_is_used_and_that_is_told(runs: Path, config: Path) -> None:
    config.write_text("console = 3\n")
    app = ArenaApp(runs, config=read_config())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_shown(pilot, "your configuration has problems")
        await pilot.press("escape")
        await choose_theme(app, pilot, "light")
        await until_shown(pilot, "the theme was not saved")  # the reason may be broken into lines
        assert app.theme == "light"
    assert config.read_text() == "console = 3\n"
