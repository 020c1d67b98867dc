"""One bad byte costs no more than it must: a run that is damaged is a line that says so, beside all the others."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from recorded import record_run
from screen import shown, until, until_shown
from terminal import Terminal

from arena_tui.__main__ import main
from arena_tui.app.app import ArenaApp
from arena_tui.history.screen import HistoryScreen
from core.runs.folder import RunFolder, list_runs
from core.runs.queue import Queue

GOOD, BAD = "20260131-120000-good", "20260201-120000-bad"
DEEP = b'{"a":' + b"[" * 100_000

Fault = Callable[[RunFolder], object]


def holding(name: str, content: bytes) -> Fault:
    return lambda run: (run.path / name).write_bytes(content)


def flipped(name: str) -> Fault:
    def flip(run: RunFolder) -> None:
        content = bytearray((run.path / name).read_bytes())
        content[len(content) // 2] ^= 0x80
        (run.path / name).write_bytes(content)

    return flip


def looped(name: str) -> Fault:
    def loop(run: RunFolder) -> None:
        (run.path / name).unlink(missing_ok=True)
        (run.path / name).symlink_to(name)

    return loop


def process_minus_one(run: RunFolder) -> None:
    run.info.write_text(json.dumps(json.loads(run.info.read_text()) | {"pid": -1, "process_started": 1e300}))


def misnamed(run: RunFolder) -> None:
    run.path.rename(os.fsdecode(os.fsencode(run.path) + b"-\xff\x1b[2J"))


def entry(content: bytes) -> Fault:
    def queue(run: RunFolder) -> None:
        folder = Queue(run.path.parent).folder
        folder.mkdir(exist_ok=True)
        (folder / f"{run.id}.json").write_bytes(content)

    return queue


def special(name: str, put: Callable[[Path], object]) -> Fault:
    def replace(run: RunFolder) -> None:
        (run.path / name).unlink(missing_ok=True)
        put(run.path / name)

    return replace


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 42)  # without a block on disk


FAULTS: dict[str, tuple[Fault, str]] = {
    "run.json flipped": (flipped("run.json"), "run.json is damaged"),
    "run.json nested": (holding("run.json", DEEP), "run.json is damaged"),
    "run.json looped": (looped("run.json"), "run.json cannot be read: a link, and links in a runs folder"),
    "process -1": (process_minus_one, ""),
    "notes nested": (holding("notes.toml", b"a=" + b"[" * 20_000), "notes.toml is damaged"),
    "notes endless number": (holding("notes.toml", b"a=" + b"1" * 10_000), "notes.toml is damaged"),
    "notes looped": (looped("notes.toml"), "notes.toml cannot be read"),
    "settings flipped": (flipped("resolved.toml"), "resolved.toml is damaged: not UTF-8 text"),
    "settings looped": (looped("resolved.toml"), "resolved.toml cannot be read"),
    "settings nested": (holding("resolved.toml", b"a=" + b"[" * 20_000), ""),
    "record looped": (looped("events.jsonl"), "events.jsonl cannot be read: a link, and links in a runs folder"),
    "metrics cut": (holding("metrics.json", b"{"), "metrics.json is damaged"),
    "metrics nested": (holding("metrics.json", DEEP), "metrics.json is damaged"),
    "run.json a pipe": (special("run.json", os.mkfifo), "run.json cannot be read: not a regular file"),
    "notes endless": (special("notes.toml", endless), "notes.toml cannot be read: a link"),
    "settings endless": (special("resolved.toml", endless), "resolved.toml cannot be read: a link"),
    "settings a pipe": (special("resolved.toml", os.mkfifo), "resolved.toml cannot be read: not a regular file"),
    "record a pipe": (special("events.jsonl", os.mkfifo), "events.jsonl cannot be read: not a regular file"),
    "record sparse": (special("events.jsonl", sparse), "events.jsonl cannot be read: larger than"),
    "metrics sparse": (special("metrics.json", sparse), "metrics.json cannot be read: larger than"),
    "log endless": (special("console.log", endless), ""),
    "queue entry nested": (entry(DEEP), ""),
    "queue entry of bytes": (entry(b"\xff\0"), ""),
    "name of bytes": (misnamed, ""),
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_TUI_CACHE", str(tmp_path / "cache"))


def damaged(runs: Path, fault: Fault) -> None:
    record_run(runs, GOOD, end="finished", steps=40)
    fault(record_run(runs, BAD, end="finished", steps=40))


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_damaged_run_is_a_line_of_the_list(runs: Path, name: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    fault, trouble = FAULTS[name]
    damaged(runs, fault)
    for _ in range(2):  # from the records, and from the cache
        assert main(["runs"]) == 0
        _, bad, good = capfdbinary.readouterr().out.decode().splitlines()
        assert "20260201-120000-bad" in bad
        assert trouble in bad
        assert good.endswith(GOOD)
        assert ("unknown" in bad) == name.startswith("record")
    assert main(["runs", "--json"]) == 0
    listed = json.loads(capfdbinary.readouterr().out)
    assert [one["status"] for one in listed][1] == "finished"
    assert listed[0]["id"].startswith(BAD)
    assert (listed[0]["trouble"] or "").startswith(trouble)
    assert listed[1]["trouble"] is None


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_what_is_asked_of_all_runs_is_done_for_the_others(
    runs: Path, name: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    damaged(runs, FAULTS[name][0])
    bad = next(run for run in list_runs(runs) if run.id.startswith(BAD))
    for command in (["queue", "--json"], ["prune", "--all", "--dry-run"], ["trash"], ["compare", GOOD, str(bad.id)]):
        assert main(command) == 0, command
    out = capfdbinary.readouterr().out.decode()
    assert "nothing to prune" in out
    assert "log loss" in out
    assert main(["compare", "--json", GOOD, str(bad.id)]) == 0
    assert len(json.loads(capfdbinary.readouterr().out)["runs"]) == 2


@pytest.mark.slow
async def test_the_console_shows_every_run_and_what_is_wrong_with_it(runs: Path) -> None:
    record_run(runs, GOOD, end="finished", steps=40)
    for number, (fault, _) in enumerate(FAULTS.values()):
        fault(record_run(runs, f"20260201-1200{number:02}-bad", end="finished", steps=40))
    app = ArenaApp(runs, readonly=True)
    async with app.run_test(size=(180, 40)) as pilot:
        await until(pilot, lambda: len(getattr(app.screen, "runs", ())) == len(FAULTS) + 1, "all runs")
        await pilot.press("tab")
        for number, (_, trouble) in reversed(list(enumerate(FAULTS.values()))):
            await until_shown(pilot, f"20260201-1200{number:02}-bad")
            assert trouble in " ".join(shown(app).split())
            await pilot.press("j")
        assert shown(app).count("! bad") == sum(bool(trouble) for _, trouble in FAULTS.values())
        await pilot.press("H")
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen), "the table")
        await until_shown(pilot, "good")
        for _, trouble in FAULTS.values():
            assert trouble[:30] in shown(app)
    assert not app.return_code


@pytest.mark.slow
def test_a_console_that_cannot_show_anything_does_not_say_that_all_went_well(runs: Path) -> None:
    record_run(runs, GOOD, end="finished", steps=40)
    broken = "from arena_tui.runs.follow import RunList; RunList.read = None; from arena_tui.__main__ import main"
    program = (sys.executable, "-P", "-c", f"import sys; {broken}; sys.exit(main([]))")
    with Terminal(runs.parent, program=program) as terminal:
        terminal.until_ended()
        assert terminal.process.returncode == 1
