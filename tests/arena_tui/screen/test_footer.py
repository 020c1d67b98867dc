"""The line of keys: what is not there has a mark, what must be there is, and a key that does nothing says why."""

from pathlib import Path

import pytest
from recorded import record_run
from screen import burst, shown, until, until_shown
from textual.content import Content
from tour import prepare, tour

from arena_tui.app.app import ArenaApp
from arena_tui.screen.footer import LEFT_OUT, Footer, Item, fitting
from arena_tui.screen.keymap import KEY
from core.config import Config, ConfigFile, config_path

ITEMS = [Item("s", "s", "Stop"), Item("y", "y", "Log"), Item("left", "←/→", "Limit"), Item("x", "x", "Axis")]
MARK = Item("question_mark", LEFT_OUT)
PINNED = [Item("escape", "esc", "Back"), Item("question_mark", "?", "Help"), Item("q", "q", "Quit")]


def cells(items: list[Item]) -> int:
    return len("  ".join(item.text.plain for item in items))


@pytest.mark.parametrize("width", range(24, 70))
def test_the_first_keys_that_fit_are_there_and_a_mark_for_the_others(width: int) -> None:
    kept = fitting(ITEMS, PINNED, MARK, width)
    assert kept[-3:] == PINNED
    first = [item for item in kept[:-3] if item.called != LEFT_OUT]
    assert first == ITEMS[: len(first)]
    assert (len(first) < len(ITEMS)) == (LEFT_OUT in [item.called for item in kept])
    assert cells(kept) <= max(width, cells([Item("", LEFT_OUT), *PINNED]))
    more = [*ITEMS[: len(first) + 1], *([] if len(first) + 1 == len(ITEMS) else [Item("", LEFT_OUT)]), *PINNED]
    assert len(first) == len(ITEMS) or cells(more) > width, "one more would have fitted"


def test_key_and_word_are_told_apart_without_colours() -> None:
    text = ITEMS[0].text
    assert text.plain == "s Stop"
    assert [(span.start, span.end, span.style) for span in text.spans] == [(0, 1, KEY)]
    assert "bold" in KEY


@pytest.mark.slow
async def test_on_every_screen_and_at_every_width_the_line_is_whole(
    workplace: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_TUI_CACHE", str(workplace / "cache"))
    prepare(workplace, runs)
    seen = set()

    def visit(name: str) -> None:
        for footer in app.screen.query(Footer):
            items, pinned, mark = footer._items()
            for width in (38, 58, 78, 118, 198):
                line = Content("  ").join(item.text for item in fitting(items, pinned, mark, width)).plain
                seen.add(name)
                assert len(line) <= width, (name, line)
                assert line.endswith("f1 Help" if name == "editor" else "? Help  q Quit"), (name, line)
                assert "esc " in line or name.startswith("home"), (name, line)
            assert not footer.said
            assert footer.render().plain.strip() in shown(app).splitlines()[-1]

    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await tour(pilot, visit)
    assert {"home", "data", "row", "editor", "history", "report"} <= seen, seen


@pytest.mark.parametrize("help_key", ["question_mark", "f12"])
async def test_a_click_on_a_key_presses_it_and_one_on_the_mark_lists_all(runs: Path, help_key: str) -> None:
    record_run(runs, "20260131-120000-first", end="finished", steps=40)
    app = ArenaApp(runs, config=ConfigFile(config_path(), Config(keys={"help": help_key})))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.screen.runs, "the runs")
        await pilot.press("H")
        await until_shown(pilot, LEFT_OUT)
        line = app.screen.query_one(Footer).render().plain
        await pilot.click(Footer, offset=(1 + line.index("/ Filter"), 0))
        await until(pilot, lambda: app.focused is not None, "the filter")
        await pilot.press("escape")
        await pilot.click(Footer, offset=(1 + line.index(LEFT_OUT), 0))
        await until(pilot, lambda: app.screen.is_modal, "all keys")


async def test_a_key_that_cannot_act_says_why_and_the_keys_come_back(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_run(runs, "20260131-120000-first", end="failed", steps=40, until=20)
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "✗ failed")
        for key, why in (
            ("b", "b does nothing here; ? lists the keys"),
            ("v", "only for a run; 2 leads to the list of runs"),
            ("escape", "esc does nothing here"),
            ("ctrl+c", "q quits; runs continue; ctrl+q quits anywhere"),
            ("u", "there is nothing to undo"),
        ):
            await pilot.press(key)
            await until_shown(pilot, why)
        await pilot.press("2", "v")
        await until_shown(pilot, "this run has not finished: there is no evaluation to report on")
        await pilot.press("3", "2", "J")
        await until_shown(pilot, "only for a run that waits in the queue")
        await pilot.press("enter")
        await until_shown(pilot, "R Resume")
        monkeypatch.setattr(Footer, "SECONDS", 1.0)
        burst(pilot, "s")
        await until_shown(pilot, "this run is over")
        await until_shown(pilot, "R Resume", "? Help")
        assert "is over" not in shown(app).splitlines()[-1]


async def test_a_key_of_no_use_in_a_dialog_says_so_in_its_frame(workplace: Path) -> None:
    app = ArenaApp(workplace / "runs")
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "mine")
        await pilot.press("question_mark")
        await until(pilot, lambda: app.screen.is_modal, "the dialog")
        await pilot.press("b")
        await until_shown(pilot, "b does nothing here; esc closes this")
        await pilot.press("ctrl+c")
        await until_shown(pilot, "esc closes this; ctrl+q quits anywhere")
