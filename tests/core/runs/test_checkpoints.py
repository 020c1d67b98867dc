"""Checkpoints: whole or not there, held against their manifest, and deleted only when newer intact ones are there."""

import errno
import shutil
from pathlib import Path

import pytest

from core.runs.checkpoints import checkpoints, delete_after, delete_old, written_aside


def write(folder: Path, step: int, size: int = 1000) -> Path:
    with written_aside(folder, step) as aside:
        made = aside / f"checkpoint-{step}"
        (made / "deep").mkdir(parents=True)
        (made / "weights").write_bytes(bytes(size))
        (made / "deep" / "state").write_bytes(b"x")
    return folder / f"checkpoint-{step}"


def test_one_that_fails_half_way_leaves_nothing_behind_and_the_others_whole(tmp_path: Path) -> None:
    write(tmp_path, 10)
    with pytest.raises(OSError, match="No space"), written_aside(tmp_path, 20) as aside:
        (aside / "checkpoint-20").mkdir()
        (aside / "checkpoint-20" / "weights").write_bytes(bytes(10))
        raise OSError(errno.ENOSPC, "No space left on device")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-10"]
    assert [(kept.step, kept.problem) for kept in checkpoints(tmp_path)] == [(10, None)]


def test_none_is_begun_where_the_disk_has_no_room_for_another(tmp_path: Path) -> None:
    newest = write(tmp_path, 10)
    with (newest / "weights").open("r+b") as file:  # a hole: it takes no room itself, and asks for all there is
        file.truncate(shutil.disk_usage(tmp_path).free)
    with pytest.raises(OSError, match="a checkpoint needs") as raised:
        write(tmp_path, 20)
    assert raised.value.errno == errno.ENOSPC
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-10"]


def test_the_newest_intact_ones_are_kept_and_a_damaged_one_does_not_count(tmp_path: Path) -> None:
    for step in (5, 10, 15, 20):
        write(tmp_path, step)
    (tmp_path / "checkpoint-20" / "deep" / "state").unlink()
    delete_old(tmp_path, keep=2, sound=0)
    assert [(kept.step, kept.problem) for kept in checkpoints(tmp_path)] == [
        (20, "checkpoint-20: deep/state is missing"),
        (15, None),
        (10, None),
    ]


def test_steps_are_ordered_as_numbers_and_strangers_are_left_alone(tmp_path: Path) -> None:
    for step in (9, 100, 20):
        write(tmp_path, step)
    for stranger in ("checkpoint-last", "checkpoint-", "notes"):
        (tmp_path / stranger).mkdir()
    assert [kept.step for kept in checkpoints(tmp_path)] == [100, 20, 9]
    delete_old(tmp_path, keep=1, sound=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint-",
        "checkpoint-100",
        "checkpoint-last",
        "notes",
    ]


def test_one_of_a_sound_step_is_kept_beside_the_newest(tmp_path: Path) -> None:
    for step in (2, 4, 6, 8):
        write(tmp_path, step)
    delete_old(tmp_path, keep=1, sound=5)
    assert [kept.step for kept in checkpoints(tmp_path)] == [8, 4]
    delete_after(tmp_path, 5)
    assert [kept.step for kept in checkpoints(tmp_path)] == [4]
