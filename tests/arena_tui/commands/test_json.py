"""JSON for scripts: every command that prints can print it, all of stdout is JSON then, and its values have types."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import arena_tui
from recorded import record_run

from arena_tui.__main__ import main
from arena_tui.commands.line import _parser
from core.profile.load import to_toml
from core.profile.settings import Profile
from core.profile.train_settings import Train

HAVE_NONE = {
    "note": "prints nothing",
    "rename": "prints nothing",
    "queue pause": "prints nothing",
    "queue resume": "prints nothing",
    "schema": "prints JSON anyway",
    "bench": "prints JSON anyway",
    "judge": "prints JSON anyway",
    "help": "is for people",
    "man": "is for man",
    "completion": "is for shells",
    "launch-script": "prints a script for a shell",
    "serve": "becomes another program",
    "submission": "is nothing without `check`",
}


def commands(parser: argparse.ArgumentParser, *above: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                yield " ".join((*above, name)), command
                yield from commands(command, *above, name)


def test_every_command_that_prints_has_json() -> None:
    without = {name for name, command in commands(_parser()) if "--json" not in command._option_string_actions}
    assert without == set(HAVE_NONE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with two ended runs, of which the newer has another learning rate."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARENA_TUI_CONFIG", str(tmp_path / "config.toml"))
    runs = tmp_path / "runs"
    record_run(runs, "20260101-120000-older", end="finished", steps=100)
    newer = record_run(runs, "20260102-120000-newer", end="cancelled", steps=100)
    newer.resolved.write_text(to_toml(Profile(train=Train(learning_rate=0.0003, optimizer="adamw_torch"))))
    (newer.checkpoints / "checkpoint-50").mkdir(parents=True)
    return tmp_path


class Told:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str, exit_code: int = 0) -> Any:
        """What the command prints with --json."""
        self._capsys.readouterr()
        assert main([*arguments, "--json"]) == exit_code, self._capsys.readouterr().err
        return json.loads(self._capsys.readouterr().out)


@pytest.fixture
def told(folder: Path, capsys: pytest.CaptureFixture[str]) -> Told:  # noqa: ARG001  (where commands are given)
    return Told(capsys)


def test_check_tells_each_problem_with_its_line(told: Told, folder: Path) -> None:
    (folder / "bad.toml").write_text("[train]\nepochs = 0\nseed = -1\n")
    found = told("check", "bad.toml", exit_code=2)
    assert [(problem["line"], problem["key"]) for problem in found["problems"]] == [
        (2, "train.epochs"),
        (3, "train.seed"),
    ]
    assert told("check", "demo")["problems"] == []
    assert told("check", "demo")["global_batch"] == 8
    assert told("check", "gemma2-9b-qlora")["absent"] == {"data.train": str(folder / "train.csv")}


def test_config_tells_settings_as_they_are_and_all_keys(told: Told, folder: Path) -> None:
    (folder / "config.toml").write_text("[console]\nframe_rate = 20\nascii = true\nxyz = 1\n")
    found = told("config", exit_code=2)
    assert found["settings"]["console"] == {"theme": "dark", "ascii": True, "frame_rate": 20, "animation": None}
    assert found["settings"]["keys"]["home.run"]
    assert [(problem["line"], problem["key"]) for problem in found["problems"]] == [(4, "console.xyz")]


def test_watch_prints_the_record_an_event_a_line(folder: Path) -> None:
    ran = arena_tui("watch", "newer", "--json", cwd=folder)
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [events[0]["type"], events[-1]["type"]] == ["phase", "cancelled"]
    assert [event["step"] for event in events if event["type"] == "step"] == list(range(10, 101, 10))
    assert ran.returncode == 128 + 15


def test_what_becomes_of_runs_and_their_checkpoints_is_told(told: Told, folder: Path) -> None:
    assert told("trash") == []
    [pruned] = told("prune", "newer", "--keep", "0", "--dry-run")
    assert (pruned["deleted"], pruned["kept"], pruned["disk"]) == (["checkpoint-50"], [], 0)
    deleted = told("delete", "newer", "--yes")
    assert Path(deleted["folder"]).parent == folder / "runs" / ".trash"
    [listed] = told("trash")
    assert listed["id"] == "20260102-120000-newer"
    assert isinstance(listed["disk"], int)
    assert told("trash", "--put-back", "newer")["folder"] == str(folder / "runs" / "20260102-120000-newer")
    told("delete", "newer", "--yes")
    assert [run["id"] for run in told("trash", "--empty", "--yes")] == ["20260102-120000-newer"]
    assert told("trash") == []
    assert told("prune", "--all") == []


def test_the_queue_tells_places_as_numbers_and_swept_values_as_they_are(told: Told, folder: Path) -> None:
    arena_tui("queue", "pause", cwd=folder)
    sweep = ["--set", "train.learning_rate=[1e-4, 2e-4]", "--set", 'model.quantization=["nf4"]']
    ran = arena_tui("queue", "add", "gemma2-9b-qlora", *sweep, "--json", cwd=folder)
    added = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [(run["place"], run["differs"]["train.learning_rate"]) for run in added] == [(1, 0.0001), (2, 0.0002)]
    assert told("queue", "move", added[1]["id"], "first")["place"] == 1
    assert told("queue", "adopt", added[0]["id"], "--yes")["place"] == 2
    assert told("queue", "remove", added[0]["id"])["id"] == added[0]["id"]
    assert [run["id"] for run in told("queue")["waiting"]] == [added[1]["id"]]


def test_settings_that_differ_between_runs_are_numbers_where_they_are_numbers(told: Told) -> None:
    found = told("compare", "older", "newer")["settings"]
    assert list(found["train.learning_rate"].values()) == [Profile().train.learning_rate, 0.0003]
    assert list(found["train.optimizer"].values()) == [Profile().train.optimizer, "adamw_torch"]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["trash"], "the trash is empty"),
        (["queue"], "nothing waits: arena-tui queue add PROFILE queues one"),
        (["runs", "--filter", "absent"], "no run has all of these words: absent"),
        (["runs", "--runs-dir", "other"], "no runs yet: arena-tui demo makes one"),
        (["prune", "--all"], "nothing to prune"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_an_empty_list_says_so(command: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 0
    assert capsys.readouterr().out == f"{says}\n"


@pytest.mark.usefixtures("folder")
def test_that_there_is_no_run_yet_is_told_where_one_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "last", "--runs-dir", "other"]) == 2
    assert "other, nor any other run yet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["compare", "last", "last"], "last is given twice: 20260102-120000-newer"),
        (["compare", "last", "newer"], "last and newer are the same run: 20260102-120000-newer"),
        (["compare", "last", "runs/20260102-120000-newer"], "are the same run: 20260102-120000-newer"),
        (["report", "last", "--against", "last"], "last is given twice: 20260102-120000-newer"),
        (["compare", "last"], "2 to 6 runs can be compared, not 1"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_run_that_is_named_twice_is_told(command: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 2
    assert says in capsys.readouterr().err
