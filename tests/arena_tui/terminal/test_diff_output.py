"""What is sent to the terminal: only cells that change, and always enough of them."""

from pathlib import Path

import pytest
from emulator import Emulator
from hypothesis import given
from hypothesis import strategies as st
from recorded import record_run
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from terminal import CONSOLE as PROGRAM
from terminal import Terminal
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region, Size
from textual.strip import Strip

from arena_tui.terminal.output import Sent

WIDTH, HEIGHT = 24, 3
CONSOLE = Console(color_system="truecolor", force_terminal=True)
STYLES = [None, Style.parse("bold"), Style.parse("red on blue")]
lines = st.lists(st.text(st.sampled_from("ab ⣿─日🙂e\u0301"), max_size=WIDTH), min_size=HEIGHT, max_size=HEIGHT)


def strip(text: str, style: int = 0) -> Strip:
    return Strip([Segment(text, STYLES[style])]).adjust_cell_length(WIDTH)


def whole(texts: list[str]) -> LayoutUpdate:
    return LayoutUpdate([[strip(text)] for text in texts], Region(0, 0, WIDTH, HEIGHT))


def part(texts: list[str]) -> ChopsUpdate:
    spans = [(y, 0, WIDTH) for y in range(len(texts))]
    return ChopsUpdate([{0: strip(text)} for text in texts], spans, [[WIDTH]] * len(texts))


def render(sent: Sent, update: LayoutUpdate | ChopsUpdate) -> str:
    return sent.render(update, Size(WIDTH, HEIGHT), CONSOLE)


@given(st.lists(lines, min_size=2, max_size=6))
def test_after_any_updates_the_terminal_shows_the_newest_picture(pictures: list[list[str]]) -> None:
    sent, by_parts = Sent(), Emulator(WIDTH, HEIGHT)
    by_parts.feed(render(sent, whole(pictures[0])).encode())
    for picture in pictures[1:]:
        by_parts.feed(render(sent, part(picture)).encode())
        at_once = Emulator(WIDTH, HEIGHT)
        at_once.feed(render(Sent(), whole(picture)).encode())
        assert by_parts.text == at_once.text


def test_one_changed_cell_is_sent_alone_and_an_unchanged_picture_not_at_all() -> None:
    sent = Sent()
    render(sent, whole(["loss 0.9412", "", ""]))
    assert render(sent, part(["loss 0.9412", "", ""])) == ""
    changed = render(sent, part(["loss 0.9413", "", ""]))
    assert "3" in changed
    assert "loss" not in changed
    assert len(changed) < 20


def test_a_change_of_style_alone_is_sent() -> None:
    sent = Sent()
    render(sent, whole(["word", "", ""]))
    assert "word" in sent.render(ChopsUpdate([{0: strip("word", 1)}], [(0, 0, WIDTH)], [[WIDTH]]), Size(24, 3), CONSOLE)


def test_a_whole_picture_is_sent_whole_though_nothing_changed() -> None:
    sent = Sent()
    picture = ["a" * WIDTH] * HEIGHT
    assert render(sent, whole(picture)) == render(sent, whole(picture))
    assert "a" * WIDTH in render(sent, whole(picture))


def test_a_terminal_of_another_size_is_sent_everything_again() -> None:
    sent = Sent()
    render(sent, whole(["abc", "", ""]))
    assert "abc" in sent.render(part(["abc", "", ""]), Size(WIDTH, HEIGHT + 1), CONSOLE)


def test_an_update_made_for_a_larger_terminal_breaks_nothing() -> None:
    sent = Sent()
    render(sent, whole(["abc", "def", "ghi"]))
    for size in (Size(WIDTH, 1), Size(2, HEIGHT), Size(0, 0)):
        sent.render(part(["abc", "dEf", "日"]), size, CONSOLE)
    assert "ghi" in render(sent, part(["abc", "def", "ghi"]))


@pytest.mark.slow
def test_after_keys_a_real_terminal_shows_what_a_whole_picture_shows(runs: Path) -> None:
    record_run(runs, "20260131-120000-x", end="finished")
    with Terminal(runs.parent, (110, 36), (*PROGRAM, "watch", "last")) as terminal:
        terminal.until_seen("evaluation log loss")
        terminal.type("1\rii\x1b[H")
        terminal.until_seen("step 10  loss")
        terminal.until_quiet()
        in_parts = terminal.screen.text
        terminal.resize(100, 30)
        terminal.until_seen("step 10  loss")
        terminal.resize(110, 36)
        terminal.until(lambda: terminal.screen.text == in_parts, in_parts)
