"""The console in all sorts of terminals: small and large, without colours, without UTF-8, over SSH, suspended."""

from pathlib import Path

import pytest
from rich.cells import cell_len
from screen import planner, shown, until, until_shown
from textual.color import Color
from textual.theme import Theme
from tour import prepare, record_going_on, tour

from arena_tui.app import ArenaApp
from arena_tui.ascii import in_ascii
from arena_tui.marks import GLYPHS
from arena_tui.suited import SSH_FRAME_RATE, suited
from arena_tui.themes import THEMES
from core.config import CONFIG_VARIABLE, Config, ConfigFile, Console, read_config


def app(runs: Path, **console: object) -> ArenaApp:
    """The console, with these settings of the configuration."""
    config = Config(console=Console(**console))  # type: ignore[arg-type]
    return ArenaApp(runs, plan_program=planner("ok"), config=ConfigFile(Path("config.toml"), config))


@pytest.fixture
def furnished(workplace: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARENA_TUI_CACHE", str(workplace / "cache"))
    prepare(workplace, runs)
    return runs


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_in_ascii_no_screen_shows_any_other_character(furnished: Path, size: tuple[int, int]) -> None:
    console = app(furnished, ascii=True)
    async with console.run_test(size=size) as pilot:

        def visit(name: str) -> None:
            others = {character for character in shown(console) if not character.isascii()}
            assert not others, f"{name}: {others}"

        await tour(pilot, visit)


@pytest.mark.parametrize("size", [(300, 100), (40, 10), (20, 5)])
async def test_every_screen_opens_in_every_size(furnished: Path, size: tuple[int, int]) -> None:
    seen = []
    console = app(furnished)
    async with console.run_test(size=size) as pilot:
        await tour(pilot, seen.append, is_readable=size[0] >= 80)
    assert {"home", "help", "confirm", "editor", "data", "row", "monitor, longer", "stop", "quit"} <= set(seen)


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
