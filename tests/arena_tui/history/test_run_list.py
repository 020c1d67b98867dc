"""The list of past runs: each record is read once, in this console or an earlier one, and again when it has grown."""

import os
import shutil
from pathlib import Path

import pytest
from recorded import record_run

from arena_tui.runs.follow import RunList
from core.runs import events
from core.runs.record import Record
from core.runs.state import Status


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARENA_TUI_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def unreadable(folder: Path) -> None:
    """Make the record of this run useless, without its size and time of change telling so."""
    record = folder / "events.jsonl"
    before = record.stat()
    record.write_bytes(b"x" * before.st_size)
    os.utime(record, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_later_console_knows_how_a_run_ended_without_its_record(tmp_path: Path) -> None:
    run = record_run(tmp_path / "runs", "20260101-000000-a", end="finished", steps=200)
    before = RunList(tmp_path / "runs").read()[0]
    unreadable(run.path)
    after = RunList(tmp_path / "runs").read()[0]
    assert (after.status, after.state) == (Status.FINISHED, before.state)
    assert after.log_loss == 0.9402


def test_a_record_that_has_grown_is_read_again(tmp_path: Path) -> None:
    run = record_run(tmp_path / "runs", "20260101-000000-a", end="failed", steps=200)
    runs = RunList(tmp_path / "runs")
    assert runs.read()[0].status is Status.FAILED
    with Record(run.events) as record:
        record.write(events.Finished(log_loss=0.5, accuracy=0.9))
    assert runs.read()[0].status is Status.FINISHED


def test_nothing_new_is_the_same_list(tmp_path: Path) -> None:
    for number in range(3):
        record_run(tmp_path / "runs", f"20260101-00000{number}-a", end="cancelled", steps=200)
    runs = RunList(tmp_path / "runs")
    runs.read()
    before, after = runs.read(), runs.read()
    assert all(one is other for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize("content", [b"", b"\x81", b"\xc1garbage"])
def test_a_damaged_cache_costs_nothing_but_time(tmp_path: Path, cache: Path, content: bytes) -> None:
    record_run(tmp_path / "runs", "20260101-000000-a", end="finished", steps=200)
    RunList(tmp_path / "runs").read()
    [kept] = (cache / "runs").iterdir()
    kept.write_bytes(content)
    assert RunList(tmp_path / "runs").read()[0].status is Status.FINISHED


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path, cache: Path) -> None:
    record_run(tmp_path / "runs", "20260101-000000-a", end="finished", steps=200)
    cache.write_text("a file where the folder should be")
    assert RunList(tmp_path / "runs").read()[0].status is Status.FINISHED


def test_a_deleted_run_is_forgotten(tmp_path: Path) -> None:
    run = record_run(tmp_path / "runs", "20260101-000000-a", end="finished", steps=200)
    record_run(tmp_path / "runs", "20260101-000001-b", end="finished", steps=200)
    runs = RunList(tmp_path / "runs")
    runs.read()
    shutil.rmtree(run.path)
    assert [view.folder.id for view in runs.read()] == ["20260101-000001-b"]
