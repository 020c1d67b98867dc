"""arena-tui doctor on this machine, and single checks on made-up ones."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest
from command_line import ARENA_TUI, arena_tui

from arena_tui.terminal.capabilities import terminal
from core.doctor import gpu, machine
from core.doctor.protocol import Check

NAMES = {
    "terminal", "tmux", "logout", "packages", "disk of runs", "disk of models", "memory", "shared memory", "clock",
    "driver", "CUDA", "4-bit product", "hub login",
}  # fmt: skip


@pytest.mark.slow
def test_doctor_looks_at_everything_here_and_its_exit_code_counts_the_problems(tmp_path: Path) -> None:
    ran = arena_tui("doctor", "--json", cwd=tmp_path)
    found = json.loads(ran.stdout)
    verdicts = {check["name"]: check["verdict"] for check in found}
    assert verdicts.keys() == NAMES | ({"C compiler"} if verdicts["CUDA"] == "ok" else set())
    assert all(check["advice"] for check in found if check["verdict"] == "problem")
    problems = [check for check in found if check["verdict"] == "problem"]
    assert ran.returncode == (1 if problems else 0), ran.stdout
    product = next(check for check in found if check["name"] == "4-bit product")
    assert "error " in product["found"], "4-bit weights were really multiplied"
    assert not (tmp_path / "runs").exists(), "looking leaves nothing behind"


def before_others(folder: Path) -> str:
    """A PYTHONPATH that begins with `folder`."""
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))


@pytest.mark.slow
def test_a_problem_is_a_line_with_what_to_do_and_exit_code_1(tmp_path: Path) -> None:
    environment = {**os.environ, "HF_HUB_CACHE": str(tmp_path), "PYTHONPATH": before_others(tmp_path)}
    (tmp_path / "bitsandbytes.py").write_text("raise ImportError('[red]broken\\x1b[2J')\n")
    ran = subprocess.run([*ARENA_TUI, "doctor"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ran.returncode == 1
    (line,) = [line for line in ran.stdout.splitlines() if line.startswith("✗ problem")]
    assert "4-bit product" in line
    assert "[red]broken␛[2J" in line
    assert ran.stdout.endswith("✗ 1 to fix: 4-bit product\n")


def test_an_engine_that_crashes_is_a_problem_not_a_clean_bill(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": before_others(tmp_path)}
    (tmp_path / "torch.py").write_text("import os\nos._exit(139)\n")
    ran = subprocess.run([*ARENA_TUI, "doctor"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ran.returncode == 1
    assert "its checks exited with code 139" in ran.stdout


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


def test_a_container_with_too_little_memory_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/\n")
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "memory.current").write_text(f"{100 << 20}\n")
    for limit, verdict, told in ((800 << 20, "problem", "0.7 of 0.8"), (4 << 30, "ok", "3.9 of 4.0")):
        (group / "memory.max").write_text(f"{limit}\n")
        found = machine.memory(tmp_path)
        assert (found.verdict, found.found) == (verdict, f"{told} GiB free available to this control group")


def test_packages_that_are_missing_or_too_old_are_named_with_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert machine.packages().verdict == "ok", machine.packages().found
    info = tmp_path / "made_up-1.0.dist-info"
    info.mkdir()
    needs = ["msgspec>=900", "no-such-package>=1", "textual>=1", 'nor-this; extra == "test"']
    lines = [f"Requires-Dist: {need}" for need in needs]
    (info / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", "Name: made-up", "Version: 1.0", *lines, ""]))
    monkeypatch.syspath_prepend(str(tmp_path))
    found = machine.packages("made-up")
    assert found.verdict == "problem"
    assert found.found.endswith(", where >=900 is needed; no-such-package is missing")
    assert machine.packages("not-even-installed").verdict == "problem"


def test_a_missing_compiler_and_missing_headers_are_problems_of_the_packed_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu.compiler(tmp_path).found == "none, which Triton needs"
    (tmp_path / "gcc").write_text("")
    (tmp_path / "gcc").chmod(0o755)
    found = gpu.compiler(tmp_path)
    assert (found.verdict, "no Python.h" in found.found) == ("problem", True)
    assert 'train.engine = "padded"' in found.advice
    (tmp_path / "Python.h").write_text("")
    assert gpu.compiler(tmp_path).verdict == "ok"


@pytest.fixture
def hub() -> Iterator[HTTPServer]:
    """One that refuses every token."""

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def login_at(port: int, **environment: str) -> Check:
    """What the check says of a hub on this port."""
    code = "import msgspec; from core.doctor import hub; print(msgspec.json.encode(hub.login()).decode())"
    known = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
    own = {"HF_ENDPOINT": f"http://127.0.0.1:{port}", "NO_PROXY": "127.0.0.1", **environment}
    ran = subprocess.run([sys.executable, "-P", "-c", code], env=known | own, capture_output=True, check=True)
    return msgspec.json.decode(ran.stdout, type=Check)


@pytest.mark.slow
def test_a_refused_token_is_a_problem_of_the_place_that_it_comes_from(hub: HTTPServer, tmp_path: Path) -> None:
    found = login_at(hub.server_port, HF_TOKEN="hf_made_up")
    assert (found.verdict, found.advice) == ("problem", "It is HF_TOKEN's: correct or unset it.")
    (tmp_path / "token").write_text("hf_made_up")
    assert login_at(hub.server_port, HF_TOKEN_PATH=str(tmp_path / "token")).advice == "Log in again: `hf auth login`."


@pytest.mark.slow
def test_a_hub_that_never_answers_is_not_waited_for_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = login_at(silent.getsockname()[1], HF_TOKEN="hf_made_up")
    assert found.verdict == "note"
    assert "cannot be reached" in found.found


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
    code = "import arena_tui.terminal.capabilities, arena_tui.commands.machine, sys; print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
