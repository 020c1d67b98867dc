"""Where nothing can be drawn commands tell line by line, and where the locale has only ASCII in ASCII."""

import os
import subprocess
from pathlib import Path

import pytest
from command_line import ARENA_TUI
from recorded import record_run
from terminal import Terminal


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    record_run(tmp_path / "runs", "20260101-120000-older", end="finished", steps=100)
    return tmp_path


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_cannot_be_drawn_on_is_told_lines_and_sent_no_codes(runs: Path, term: str) -> None:
    with Terminal(runs, program=(*ARENA_TUI, "watch", "last"), TERM=term) as opened:
        assert opened.until_ended() == 0
        assert "finished: evaluation log loss 0.9402" in opened.screen.text
        assert b"\x1b" not in opened.seen


def test_the_console_says_that_it_cannot_draw_on_such_a_terminal(runs: Path) -> None:
    with Terminal(runs, TERM="dumb") as opened:
        assert opened.until_ended() == 2
        assert "the console needs a terminal on stdin" in opened.screen.text
        assert b"\x1b" not in opened.seen


@pytest.mark.parametrize(
    ("locale", "is_ascii"),
    [
        ({"LC_ALL": "C"}, True),
        ({"LANG": "C"}, True),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "POSIX"}, True),
        ({}, False),
        ({"LANG": "C.UTF-8"}, False),
        ({"LC_ALL": "C", "PYTHONIOENCODING": "utf-8"}, False),
    ],
)
def test_only_ascii_is_printed_where_the_locale_is_c(runs: Path, locale: dict[str, str], is_ascii: bool) -> None:
    ours = ("LANG", "LC_ALL", "LC_CTYPE", "PYTHONUTF8", "PYTHONIOENCODING")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    ran = subprocess.run([*ARENA_TUI, "runs"], cwd=runs, env=environment | locale, capture_output=True)
    assert b"finished" in ran.stdout
    assert ran.stdout.isascii() is is_ascii
