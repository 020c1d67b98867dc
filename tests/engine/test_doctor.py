"""arena-tui doctor on this machine, and single checks on made-up ones."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_commands import ARENA_TUI, arena_tui

from arena_tui.surroundings import terminal
from core.doctor import gpu, machine
from core.doctor.check import Check

NAMES = {
    "terminal", "tmux", "logout", "packages", "disk of runs", "disk of models", "shared memory", "clock", "driver",
    "CUDA", "4-bit product", "hub login",
}  # fmt: skip


def test_doctor_looks_at_everything_here_and_its_exit_code_counts_the_problems(tmp_path: Path) -> None:
    ran = arena_tui("doctor", "--json", cwd=tmp_path)
    found = json.loads(ran.stdout)
    assert {check["name"] for check in found} == NAMES
    problems = [check for check in found if check["verdict"] == "problem"]
    assert ran.returncode == (1 if problems else 0), ran.stdout
    product = next(check for check in found if check["name"] == "4-bit product")
    assert "error " in product["found"], "4-bit weights were really multiplied"
    assert not (tmp_path / "runs").exists(), "looking leaves nothing behind"


def before_others(folder: Path) -> str:
    """A PYTHONPATH that begins with `folder`."""
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))


def test_a_problem_is_a_line_with_what_to_do_and_exit_code_1(tmp_path: Path) -> None:
    environment = {**os.environ, "HF_HUB_CACHE": str(tmp_path), "PYTHONPATH": before_others(tmp_path)}
    (tmp_path / "bitsandbytes.py").write_text("raise ImportError('[red]broken\\x1b[2J')\n")
    ran = subprocess.run([*ARENA_TUI, "doctor"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ran.returncode == 1
    (line,) = [line for line in ran.stdout.splitlines() if line.startswith("✗ problem")]
    assert "4-bit product" in line
    assert "[red]broken␛[2J" in line
    assert ran.stdout.endswith("✗ 1 to mend: 4-bit product\n")


def test_an_engine_that_crashes_is_a_problem_not_a_clean_bill(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": before_others(tmp_path)}
    (tmp_path / "torch.py").write_text("import os\nos._exit(139)\n")
    ran = subprocess.run([*ARENA_TUI, "doctor"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ran.returncode == 1
    assert "its checks ended with exit code 139" in ran.stdout


def test_a_card_without_a_driver_is_a_problem_and_no_card_is_a_note(tmp_path: Path) -> None:
    if gpu.driver().verdict == "ok":
        pytest.skip("this machine has a driver")
    assert gpu.driver(tmp_path).verdict == "note"
    card = tmp_path / "sys/bus/pci/devices/0000:01:00.0"
    card.mkdir(parents=True)
    (card / "vendor").write_text("0x10de\n")
    (card / "class").write_text("0x030200\n")
    found = gpu.driver(tmp_path)
    assert (found.verdict, found.found[:30]) == ("problem", "1 NVIDIA card, and no driver: ")
    assert "--gpus all" in found.advice


def test_a_clock_that_was_set_back_is_a_problem(tmp_path: Path) -> None:
    assert machine.clock(tmp_path).verdict == "ok"
    found = machine.clock(tmp_path, now=time.time() - 20 * 365 * 86_400)
    assert found.verdict == "problem"
    assert "set-ntp" in found.advice


def test_a_runs_folder_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    first, _ = machine.disk(tmp_path / "not" / "yet" / "there", tmp_path)
    assert first.verdict == "ok"
    denied, _ = machine.disk(Path("/proc/1/runs"), tmp_path)
    assert denied.verdict == "problem"


SIZE = os.terminal_size((120, 40))


@pytest.mark.parametrize(
    ("environment", "size", "encoding", "verdict", "advice"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, SIZE, "utf-8", "ok", ""),
        ({"TERM": "screen"}, SIZE, "UTF8", "ok", ""),
        ({"TERM": "dumb"}, SIZE, "utf-8", "problem", "TERM"),
        ({}, SIZE, "utf-8", "problem", "TERM"),
        ({"TERM": "xterm"}, SIZE, "ascii", "problem", "UTF-8"),
        ({"TERM": "xterm"}, os.terminal_size((60, 20)), "utf-8", "note", "80x24"),
        ({"TERM": "xterm"}, None, "utf-8", "note", "ssh -t"),
    ],
)
def test_terminals(
    environment: dict[str, str], size: os.terminal_size | None, encoding: str, verdict: str, advice: str
) -> None:
    found: Check = terminal(environment, size, encoding)
    assert found.verdict == verdict
    assert advice in found.advice


def test_doctor_itself_loads_nothing_heavy() -> None:
    code = "import arena_tui.surroundings, arena_tui.commands.doctor, sys; print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
