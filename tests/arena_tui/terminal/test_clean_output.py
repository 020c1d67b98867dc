"""Words of a stranger, in every place where commands say some: a terminal is shown them, and obeys none."""

import json
import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace
from recorded import record_run
from scripted_child import started
from terminal import CONSOLE, Terminal

from core.runs import events
from core.runs.folder import RunFolder
from core.runs.notes import write_notes
from core.runs.record import Record

EVIL = "\x1b]52;c;ZXZpbA==\x07\x1b]0;title\x07\x1b[2J\x1b[1;1H\u009b2J\u202e\u2066\u2028\x7f\x08\r!"
"""Clipboard, title, clear, cursor; a C1 control; a line turned round; a line that is none; delete, back, begin."""
AS_A_NAME = EVIL.replace("/", "")
RUN = "20260131-140000-evil"

ON_A_RUN = [
    ["watch", "--lines", RUN],
    ["runs", "--json"],
    ["runs", "--sort", EVIL],
    ["runs", "--filter", EVIL],
    ["compare", RUN, "last"],
    ["compare", RUN, "20260130-140000-other", "--json"],
    ["curves", RUN],
    ["curves", RUN, "--json"],
    ["curves", RUN, "-o", f"missing/{EVIL}"],
    ["note", RUN],
    ["retry", RUN, "--set", f"{EVIL}=1"],
    ["resume", AS_A_NAME],
    ["stop", AS_A_NAME],
    ["delete", AS_A_NAME],
    ["queue", "--json"],
]
ON_A_PROFILE = [
    ["check", "evil.toml"],
    ["check", f"{AS_A_NAME}.toml"],
    ["check", EVIL],
    ["check", "demo", "--set", f"{EVIL}=1"],
    ["inspect", "evil.toml"],
    ["inspect", "stranger.toml"],
    ["plan", "stranger.toml"],
    ["queue", "add", "evil.toml"],
]
ON_THE_REST = [
    [EVIL],
    ["--readonly", f"--{EVIL}"],
    ["bench", "--model", EVIL],
    ["inspect", "demo", "--max-length", EVIL],
    ["submission", "check", f"{AS_A_NAME}.csv", "rows.csv"],
    ["predict", EVIL, EVIL],
    ["export", EVIL, "--merged", EVIL],
    ["average", EVIL, EVIL],
    ["config"],
]


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    """A working directory with a run, profiles, rows and a configuration that hold EVIL wherever there is text."""
    runs = tmp_path / "runs"
    record_run(runs, "20260130-140000-other", end="finished", steps=20)
    hostile(record_run(runs, RUN, end=None, steps=20))
    record_run(runs, f"20260129-140000-{AS_A_NAME}", end="failed", steps=20, words=EVIL)
    words = json.dumps(EVIL)
    (tmp_path / "evil.toml").write_text(f"{words} = 1\n[train]\n{words} = {words}\n")
    (tmp_path / f"{AS_A_NAME}.toml").write_text("[train]\nlearning_rate = 2\n")
    (tmp_path / "stranger.toml").write_text(f"[data]\ntrain = {words}\n[model]\ncheckpoint = {words}\n")
    (tmp_path / "config.toml").write_text(f"[keys]\n{words} = {words}\n[{words}]\n")
    (tmp_path / f"{AS_A_NAME}.csv").write_text(f'id,"{EVIL}"\n1,2\n', newline="")
    (tmp_path / "rows.csv").write_text(f"id\n{EVIL}\n", newline="")
    return tmp_path


def hostile(run: RunFolder) -> None:
    """Let the record, the notes and the log of a run say EVIL in each of their texts."""
    write_notes(run, name=EVIL, note=EVIL)
    run.console_log.write_text(EVIL, newline="")
    begun = started(20)
    with Record(run.events) as record:
        for event in (
            events.Phase(time=1.0, phase=EVIL, done=1, total=2, unit=EVIL, detail=EVIL),
            replace(begun, precision=EVIL, engine=EVIL, engine_reason=EVIL, device=replace(begun.device, name=EVIL)),
            events.Warning(time=2.0, message=EVIL),
            events.Checkpoint(time=3.0, step=1, folder=EVIL),
            events.Resumed(time=4.0, step=1, checkpoint=EVIL, skipped=[EVIL]),
            events.Failed(time=6.0, cause=EVIL, advice=EVIL, exit_code=1),
        ):
            record.write(event)


def run(folder: Path, arguments: Sequence[str]) -> "subprocess.CompletedProcess[bytes]":
    own = {"ARENA_TUI_CONFIG": str(folder / "config.toml"), "XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.run(
        [sys.executable, "-P", "-m", "arena_tui", *arguments],
        cwd=folder,
        env=os.environ | own,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )


def obeyed(text: str) -> list[str]:
    """What of a text a terminal would do something else with than show it."""
    return [c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [*ON_A_RUN, *ON_A_PROFILE, *ON_THE_REST], ids=lambda given: ascii(given[:2]))
def test_no_command_lets_a_terminal_obey_a_stranger(arguments: list[str], strange: Path) -> None:
    ran = run(strange, arguments)
    for said in (ran.stdout, ran.stderr):
        assert obeyed(said.decode()) == []
    assert b"Traceback" not in ran.stderr
    assert ran.stdout + ran.stderr, "it says something"


def test_json_means_what_the_stranger_wrote(strange: Path) -> None:
    [evil] = [row for row in json.loads(run(strange, ["runs", "--json"]).stdout) if row["id"] == RUN]
    assert EVIL.split()[0] in evil["name"]  # a name has no line breaks


@pytest.mark.slow
def test_configuration_is_printed_as_toml_that_can_be_read(strange: Path) -> None:
    import tomllib

    (strange / "config.toml").write_text('[notify]\ncommand = ["say", "\\u009b2J \\U000e0001"]\n')
    printed = run(strange, ["config"]).stdout.decode()
    assert obeyed(printed) == []
    assert tomllib.loads(printed)["notify"]["command"][1] == "\u009b2J \U000e0001"


def test_a_folder_for_other_programs_is_named_byte_for_byte_in_a_pipe(tmp_path: Path) -> None:
    family = tmp_path / "👩\u200d🚀-\udcff"
    script = "from arena_tui.terminal.streams import *; import sys; settle_streams(); print_path(sys.argv[1])"
    named = subprocess.run([sys.executable, "-P", "-c", script, str(family)], capture_output=True, check=True)
    assert named.stdout == os.fsencode(family) + b"\n"
    with Terminal(tmp_path, program=[sys.executable, "-P", "-c", script, f"/{EVIL}"]) as terminal:
        terminal.until_ended()
        assert obeyed(terminal.seen.decode().replace("\r\n", "\n")) == []


@pytest.mark.slow
def test_the_line_that_tells_how_far_a_command_is_still_goes_over_itself(strange: Path) -> None:
    with Terminal(strange, program=[*CONSOLE, "report", RUN]) as terminal:
        terminal.until_ended()
    own = terminal.seen.decode().replace("\r\n", "\n")
    assert "\r\x1b[K" in own
    assert obeyed(own.replace("\r\x1b[K", "")) == []


def test_watch_tells_the_terminal_of_the_end_and_of_nothing_else(strange: Path) -> None:
    (strange / "config.toml").write_text("[notify]\nosc9 = true\nbell = true\n")
    watch = [*CONSOLE, "watch", "--lines", RUN]
    with Terminal(strange, program=watch, ARENA_TUI_CONFIG=str(strange / "config.toml"), TMUX="") as terminal:
        terminal.until_ended()
    sent = terminal.seen.decode().replace("\r\n", "\n")
    assert re.findall(r"\x1b.", sent), "the notification"
    assert obeyed(re.sub(r"\a?\x1bPtmux;.*?\x1b\\$|\a?\x1b\]9;[^\x1b]*\x1b\\", "", sent)) == []
