"""What the command line tells of itself, and what shells complete: the real scripts, sourced by real shells."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ARENA_TUI, arena_tui

from arena_tui.commands.line import TASKS, _parser

DRIVERS = {
    "bash": """eval "$(arena-tui completion bash)"
        for line in "$@"; do
            COMP_LINE="$line" COMP_POINT=${#line} COMP_TYPE=9 COMPREPLY=()
            _python_argcomplete arena-tui
            echo "= $line"; printf '%s\n' "${COMPREPLY[@]}"
        done""",
    "zsh": """autoload -U compinit; compinit -u -D; autoload is-at-least
        eval "$(arena-tui completion zsh)"
        _describe() { print -l -- ${(P)2} }
        words=(arena-tui)
        for line in "$@"; do
            BUFFER="$line" CURSOR=${#line}
            echo "= $line"; _python_argcomplete arena-tui
        done""",
    "fish": """arena-tui completion fish | source
        for line in $argv[2..]; echo "= $line"; complete -C "$line"; end""",
}
"""Tell what a shell would offer at the end of each of its arguments, below a line with that."""


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A folder with a profile and a run; `arena-tui` is on the path in its bin/."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "arena-tui"
    program.write_text(f'#!/bin/sh\nexec {" ".join(ARENA_TUI)} "$@"\n')
    program.chmod(0o755)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "mine.toml").write_text("")
    (tmp_path / "runs" / "20260101-120000-demo").mkdir(parents=True)
    (tmp_path / "runs" / "20260101-120000-demo" / "resolved.toml").write_text("")
    return tmp_path


OFFERED = {
    "arena-tui re": {"report", "resume", "rename", "retry"},
    "arena-tui report 2026": {"20260101-120000-demo"},
    "arena-tui train mi": {"mine"},
    "arena-tui train mine --set train.lea": {"train.learning_rate="},
    "arena-tui queue move last f": {"first"},
    "arena-tui help tra": {"train", "trash"},
    "arena-tui train --det": {"--detach"},
}


@pytest.mark.parametrize("shell", DRIVERS)
def test_the_shells_complete_commands_options_settings_runs_and_profiles(shell: str, workplace: Path) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed here")
    environment = {
        **os.environ,
        "PATH": f"{workplace / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "HOME": str(workplace),
    }
    command = [shell, "-c", DRIVERS[shell], shell, *OFFERED]
    ran = subprocess.run(command, cwd=workplace, env=environment, capture_output=True, text=True)
    found: dict[str, set[str]] = {}
    for line in ran.stdout.splitlines():
        if line.startswith("= "):
            found[line[2:]] = words = set()
        else:
            words.add(line.split("\t")[0].split(":")[0].strip())  # without what is told of it
    assert found == OFFERED, ran.stderr


def test_every_command_stands_in_the_help_once_below_its_task() -> None:
    assert sorted(name for names in TASKS.values() for name in names) == sorted(_parser().commands.choices)
    shown = _parser().format_help()
    assert shown.index("\ntrain:\n") < shown.index("\n  resume ") < shown.index("\nlook at runs:\n")


def test_the_version_is_the_installed_ones(tmp_path: Path) -> None:
    assert arena_tui("--version", cwd=tmp_path).stdout.startswith("arena-tui 0.")


def test_help_explains_a_command_and_a_command_of_a_command(tmp_path: Path) -> None:
    for words in (["help", "queue", "add"], ["queue", "add", "--help"]):
        ran = arena_tui(*words, cwd=tmp_path)
        assert (ran.returncode, ran.stdout.split(" [")[0]) == (0, "usage: arena-tui queue add")
    assert arena_tui("help", cwd=tmp_path).stdout == arena_tui("--help", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("wrong", "usage", "meant"),
    [
        (["tarin", "demo"], "arena-tui [", "did you mean train?"),
        (["help", "tarin"], "arena-tui [", "did you mean train?"),
        (["xyz"], "arena-tui [", "arena-tui --help lists all"),
        (["runs", "--jsn"], "arena-tui runs [", "did you mean --json?"),
        (["queue", "move", "x", "frist"], "arena-tui queue move [", "did you mean first?"),
        (["queue", "list", "--jsno"], "arena-tui queue list [", "did you mean --json?"),
        (["queue", "ad"], "arena-tui queue [", "did you mean add?"),
        (["check", "demo", "--set=a", "-q"], "arena-tui check [", "unrecognized arguments: -q"),
        (["completion", "powershell"], "arena-tui completion [", "known are bash, zsh, fish"),
    ],
)
def test_a_wrong_word_is_answered_with_the_usage_of_its_command_and_what_may_be_meant(
    wrong: list[str], usage: str, meant: str, tmp_path: Path
) -> None:
    ran = arena_tui(*wrong, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"usage: {usage}")
    assert meant in ran.stderr.splitlines()[-1]


def test_the_manual_page_has_every_command_and_groff_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    page = arena_tui("man", cwd=tmp_path).stdout
    for name in _parser().commands.choices:
        assert f"arena-tui {name}'".replace("-", "\\-") in page
    if shutil.which("groff"):
        ran = subprocess.run(["groff", "-man", "-Tascii", "-ww"], input=page, capture_output=True, text=True)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert "fine-tune human-preference models over SSH" in ran.stdout
