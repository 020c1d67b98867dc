"""The kernel's count of processes killed for want of memory, in both versions of control groups."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from core.machine.system import oom_kill_file, oom_kills
from core.profile.load import parse_profile
from core.runs.folder import create_run
from core.runs.process import describe_this_process, killed_for_memory

V2 = ("0::/user.slice/run.scope\n", "sys/fs/cgroup/user.slice/run.scope/memory.events", "low 0\noom 1\noom_kill {}\n")
V1 = (
    "5:cpu:/x\n4:memory:/docker/abc\n0::/\n",
    "sys/fs/cgroup/memory/memory.oom_control",
    "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n",
)


@pytest.mark.parametrize(("group", "name", "text"), [V2, V1])
def test_a_run_that_was_killed_for_memory_is_told_from_one_that_was_killed(
    group: str, name: str, text: str, tmp_path: Path
) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(group)
    counted = tmp_path / name
    counted.parent.mkdir(parents=True)
    counted.write_text(text.format(2))
    assert oom_kill_file(tmp_path) == counted
    assert oom_kills(counted) == 2

    folder = create_run(tmp_path / "runs", parse_profile("", source="none"), text="", name="x")
    assert not killed_for_memory(folder)
    folder.write_info(replace(describe_this_process(["x"]), oom_kill_file=str(counted), oom_kills=2))
    assert not killed_for_memory(folder)
    counted.write_text(text.format(3))
    assert killed_for_memory(folder)
    folder.write_info(replace(describe_this_process(["x"]), oom_kill_file=str(counted), oom_kills=2, boot_id="other"))
    assert not killed_for_memory(folder), "counted in another boot"
    counted.unlink()
    assert not killed_for_memory(folder)


def test_a_system_that_does_not_count_is_not_guessed_about(tmp_path: Path) -> None:
    assert oom_kill_file(tmp_path) is None
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/\n")
    assert oom_kill_file(tmp_path) is None
