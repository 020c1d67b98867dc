"""The console in all sorts of terminals: small and large, without colours, without UTF-8, over SSH, suspended."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace
from recorded import record_run
from rich.cells import cell_len
from screen import planner, shown, until, until_shown
from terminal import CONSOLE, Terminal
from textual.color import Color
from textual.theme import Theme
from textual.widget import Widget
from tour import prepare, record_going_on, tour

from arena_tui.app.app import ArenaApp
from arena_tui.app.themes import THEMES
from arena_tui.format.numbers import GLYPHS
from arena_tui.runs.panes import Pane
from arena_tui.terminal.capabilities import SSH_FRAME_RATE, suited
from arena_tui.terminal.output import in_ascii
from core.config import CONFIG_VARIABLE, Config, ConfigFile, Console, read_config
from core.runs.identity import start_ticks
from core.runs.liveness import FOLDER_VARIABLE, mark


def app(runs: Path, **console: object) -> ArenaApp:
    """The console, with these settings of the configuration."""
    config = Config(console=Console(**console))  # type: ignore[arg-type]
    return ArenaApp(runs, plan_program=planner("ok"), config=ConfigFile(Path("config.toml"), config))


@pytest.fixture
def furnished(workplace: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARENA_TUI_CACHE", str(workplace / "cache"))
    prepare(workplace, runs)
    return runs


EVERY_SCREEN = {
    "home", "help", "confirm", "editor", "data", "row", "monitor, longer", "report", "prediction", "predictions",
    "history", "compare, curves", "stop", "quit",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("size", [(80, 24), (300, 100)])
async def test_every_screen_opens_and_in_ascii_shows_no_other_character(furnished: Path, size: tuple[int, int]) -> None:
    console, seen = app(furnished, ascii=True), set()
    async with console.run_test(size=size) as pilot:

        def visit(name: str) -> None:
            others = {character for character in shown(console) if not character.isascii()}
            assert not others, f"{name}: {others}"
            seen.add(name)

        await tour(pilot, visit)
    assert seen >= EVERY_SCREEN


@pytest.mark.slow
@pytest.mark.parametrize("size", [(40, 10), (20, 5)])
async def test_every_screen_opens_where_there_is_no_room_for_it(furnished: Path, size: tuple[int, int]) -> None:
    seen: set[str] = set()
    async with app(furnished).run_test(size=size) as pilot:
        await tour(pilot, seen.add, is_readable=False)
    assert seen >= EVERY_SCREEN


@pytest.mark.parametrize("text", ["plain", "漢字 und ⠿⡇ wörd ✓", "e\u0301 ❤\ufe0f 👩\u200d🚀", "\u0300"])
def test_each_cell_stays_a_cell(text: str) -> None:
    drawn = in_ascii(text)
    assert drawn.isascii()
    assert len(drawn) == cell_len(text)
    assert (drawn == text) == text.isascii()


def test_states_stay_apart_in_ascii() -> None:
    assert len({in_ascii(glyph) for glyph in GLYPHS.values()}) == len(GLYPHS)


@pytest.mark.parametrize(
    ("environment", "encoding", "console", "expected"),
    [
        ({"TERM": "xterm-256color"}, "UTF-8", {}, (False, True, None)),
        ({"TERM": "xterm-256color", "SSH_CONNECTION": "a b"}, "UTF-8", {}, (False, False, SSH_FRAME_RATE)),
        ({"TERM": "linux"}, "UTF-8", {}, (True, True, None)),
        ({"TERM": "dumb"}, "UTF-8", {"ascii": False}, (False, True, None)),
        ({"TERM": "xterm"}, "ANSI_X3.4-1968", {}, (True, True, None)),
        ({"TERM": "xterm"}, "no such", {}, (True, True, None)),
        ({"SSH_CONNECTION": "a b"}, "utf8", {"animation": True, "frame_rate": 60}, (False, True, 60)),
    ],
)
def test_what_the_configuration_leaves_open_follows_the_terminal(
    environment: dict[str, str], encoding: str, console: dict[str, bool | int], expected: tuple[bool, bool, int | None]
) -> None:
    found = suited(Console(**console), environment, encoding)  # type: ignore[arg-type]
    assert (found.ascii, found.animation, found.frame_rate) == expected


@pytest.mark.slow
@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
async def test_a_chosen_line_can_be_read_in_every_theme(runs: Path, theme: Theme) -> None:
    """Also a state of the accent's colour, on the accent's tint: 3 to 1 is the least for a mark or a bold word."""
    record_going_on(runs)
    console = app(runs, theme=theme.name)
    async with console.run_test(size=(100, 30)) as pilot:
        await until_shown(pilot, "● running")
        await pilot.press("tab")
        await until(pilot, lambda: console.focused is console.screen.query_one("#runs"), "the focus")
        line = next(strip for strip in console.screen._compositor.render_strips() if "● running" in strip.text)
        colours = [
            (Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor))
            for text, style, _ in line
            if style and "running" in text
        ]
        assert colours
        assert all(_contrast(*pair) >= 3 for pair in colours), colours


def _contrast(one: Color, other: Color) -> float:
    """Of two colours, by WCAG 2.2: 1 for the same, 21 for black and white."""

    def luminance(colour: Color) -> float:
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour.normalized]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.slow
async def test_another_theme_can_be_chosen_from_the_palette_and_there_are_only_ours(runs: Path) -> None:
    console = app(runs)
    async with console.run_test(size=(100, 30)) as pilot:
        assert set(console.available_themes) == {theme.name for theme in THEMES}
        await pilot.press("ctrl+p")
        await pilot.press(*"theme", "enter")
        await until_shown(pilot, "colour-blind")
        await pilot.press(*"light", "enter")
        await until(pilot, lambda: console.theme == "light", "the light theme")


async def test_problems_of_the_configuration_are_told_with_their_line_and_the_console_opens(
    runs: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workplace / "config.toml"
    path.write_text('[console]\ntheme = "light"\n"[red]x[/red]\\u001b[2J" = 1\n')
    monkeypatch.setenv(CONFIG_VARIABLE, str(path))
    console = ArenaApp(runs, config=read_config())
    async with console.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "your configuration has problems", "line 3: console.[red]x[/red]")
        await pilot.press("escape")
        await until_shown(pilot, "r Run")
        assert console.theme == "light"


@pytest.mark.slow
async def test_a_terminal_that_is_too_small_says_so_and_a_larger_one_shows_the_screen_again(furnished: Path) -> None:
    console = app(furnished)
    async with console.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "r Run")
        await pilot.resize_terminal(30, 8)
        await until_shown(pilot, "40 x 12 at least")
        await pilot.press("question_mark")  # a dialog opens all the same, and is there afterwards
        await pilot.resize_terminal(10, 3)
        await pilot.pause()
        await pilot.resize_terminal(100, 30)
        await until_shown(pilot, "All keys on this screen")
        await pilot.press("escape")
        await until_shown(pilot, "r Run")
        assert "at least" not in shown(console)


@pytest.mark.slow
async def test_f1_explains_the_pane_in_front(furnished: Path) -> None:
    console = app(furnished)
    async with console.run_test(size=(100, 30)) as pilot:
        await until_shown(pilot, "r Run", "longer")
        for keys, sign in (
            ([], "./profiles/*.toml"),
            (["tab"], "All runs in the runs folder"),
            (["enter"], "ln 3 = 1.0986"),
        ):
            await pilot.press(*keys)
            await until(pilot, lambda: not console.screen.is_modal, "the screen")
            await pilot.pause()
            await pilot.press("f1")
            await until_shown(pilot, "about this pane", sign)
            await pilot.press("escape")
        panes = list(console.screen.query(Pane))
        assert all(any(place.HELP for place in pane.ancestors_with_self if isinstance(place, Widget)) for pane in panes)


@pytest.fixture
def terminal(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Terminal]:
    """A real terminal with the console in it, under a configuration of this text."""

    def terminal(config: str = "", program: Sequence[str] = CONSOLE, **environment: str) -> Terminal:
        (workplace / "config.toml").write_text(config)
        return Terminal(workplace, (100, 30), program, ARENA_TUI_CONFIG=str(workplace / "config.toml"), **environment)

    for variable in ("SSH_CONNECTION", "TMUX", "LANG", "LC_CTYPE", "LC_ALL", "NO_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    return terminal


@pytest.mark.slow
@pytest.mark.parametrize(("config", "environment"), [("[console]\nascii = true\n", {}), ("", {"LC_ALL": "C"})])
def test_where_there_is_only_ascii_no_other_byte_is_sent(
    runs: Path, terminal: Callable[..., Terminal], config: str, environment: dict[str, str]
) -> None:
    record_going_on(runs)
    with terminal(config, **environment) as opened:
        opened.until_seen("running")
        opened.type("\t\r")
        opened.until_seen("by step")
        opened.type("?")
        opened.until_seen("Curves by step")
        assert opened.seen.isascii()


@pytest.mark.slow
def test_without_colours_a_state_is_a_glyph_and_a_word(runs: Path, terminal: Callable[..., Terminal]) -> None:
    record_run(runs, "20260131-090000-failed", end="failed", until=200)
    record_going_on(runs)
    with terminal(NO_COLOR="1") as opened:
        opened.until(lambda: "✗ failed".encode() in opened.seen and "● running".encode() in opened.seen, "both states")
        colours = set(re.findall(rb"[34]8;2;(\d+);(\d+);(\d+)", opened.seen))
        assert all(red == green == blue for red, green, blue in colours)


@pytest.mark.slow
@pytest.mark.parametrize(("term", "colours"), [("xterm-256color", b"38;5;"), ("xterm", b"\x1b[")])
def test_a_terminal_of_few_colours_is_sent_no_others(
    runs: Path, terminal: Callable[..., Terminal], term: str, colours: bytes
) -> None:
    record_going_on(runs)
    with terminal(TERM=term, COLORTERM="") as opened:
        opened.until(lambda: "● running".encode() in opened.seen and colours in opened.seen, "the screen")
        assert b"8;2;" not in opened.seen
        assert term != "xterm" or b"8;5;" not in opened.seen


@pytest.mark.slow
def test_ctrl_z_gives_the_terminal_back_and_fg_draws_the_screen_again(
    runs: Path, terminal: Callable[..., Terminal]
) -> None:
    record_going_on(runs)
    with terminal(program=["/bin/bash", "--norc", "-i"], PS1="shell> ") as opened:
        opened.until_seen("shell> ")
        opened.type(f"{' '.join(CONSOLE)}\n")
        opened.until_seen("r ")
        opened.until(lambda: "● running".encode() in opened.seen, "the console")
        opened.type("\x1a")
        opened.until_seen("shell> ")
        assert b"\x1b[?1049l" in opened.seen, "the alternate screen was left"
        assert b"\x1b[?25h" in opened.seen, "the cursor is shown"
        assert b"\x1b[?1000l" in opened.seen, "the mouse is the shell's again"
        opened.type("echo still$((40 + 2))\n")
        opened.until_seen("still42")
        opened.type("fg\n")
        opened.until(lambda: "● running".encode() in opened.seen and b"\x1b[?1049h" in opened.seen, "the console again")
        opened.type("?")
        opened.until_seen("All keys")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "\a\x1b]9;arena-tui: {} lost\x1b\\"),
        ({"TMUX": "x"}, "\a\x1bPtmux;\x1b\x1b]9;arena-tui: {} lost\x1b\x1b\\\x1b\\"),
    ],
)
def test_the_end_of_a_run_rings_and_notifies_once_even_where_it_was_killed(
    runs: Path, terminal: Callable[..., Terminal], environment: dict[str, str], expected: str
) -> None:
    run = record_going_on(runs)
    plays = [sys.executable, "-c", "import time; time.sleep(1000)"]
    player = subprocess.Popen(plays, env={**os.environ, FOLDER_VARIABLE: mark(run)})
    info = run.read_info()
    assert info
    run.write_info(
        replace(
            info,
            pid=player.pid,
            process_started=psutil.Process(player.pid).create_time(),
            start_ticks=start_ticks(player.pid),
        )
    )
    with terminal("[notify]\nbell = true\nosc9 = true\n", **environment) as opened:
        opened.until(lambda: "● running".encode() in opened.seen, "the run")
        opened.type("\t\r")
        opened.until_seen("by step")
        assert b"]9;arena-tui" not in opened.seen
        player.kill()
        player.wait()
        opened.until(lambda: expected.format(run.id).encode() in opened.seen, "the signal")
        opened.type("\x1b")
        opened.until_seen("all as a table")  # home; an escape and a key right behind it would be another key
        opened.type("?")
        opened.until(lambda: b"palette" in opened.seen, "the help")
        assert b"]9;arena-tui" not in opened.seen
