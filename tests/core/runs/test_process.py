"""The child process: found by pid and start time, never by pid alone, and told apart dead, zombie and alive."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.profile.settings import Profile
from core.runs import events
from core.runs.folder import RunFolder, create_run, find_run, list_runs
from core.runs.identity import boot_id, is_alive, pid_namespace, start_ticks
from core.runs.liveness import LivenessCache, is_run_alive
from core.runs.lock import locked
from core.runs.process import LaunchError, describe_this_process, launch, log_end
from core.runs.record import Record, Tail
from core.runs.state import Status, read_run
from core.runs.stopping import Rung, ask, note_kill, processes

SLEEPER = """
import sys, time
from pathlib import Path
from core.runs.folder import RunFolder
from core.runs.process import describe_this_process
RunFolder(Path(sys.argv[-1])).write_info(describe_this_process(sys.argv))
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return create_run(tmp_path, Profile(), text="# mine\n", name="a run / of [b]mine[/b]")


def test_a_child_lives_in_a_session_of_its_own_and_is_seen_to_die(folder: RunFolder) -> None:
    child = launch(folder, [sys.executable, "-P", "-c", SLEEPER])
    try:
        info = folder.read_info()
        assert info is not None
        assert info.pid == child.pid
        assert is_alive(info)
        session = Path(f"/proc/{child.pid}/stat")
        if session.exists():
            assert int(session.read_text().rsplit(")", 1)[1].split()[3]) == child.pid
        assert ask(folder, Rung.SAVE)
        while child.poll() is None:
            # not waited for: it must count as dead while it is still a zombie
            if not is_alive(info):
                break
        assert not is_alive(info)
        assert not ask(folder, Rung.SAVE)
        assert child.wait() == -signal.SIGTERM
    finally:
        child.kill()
        child.wait()


def test_a_run_that_was_resumed_and_then_killed_ends_once_more(folder: RunFolder) -> None:
    with Record(folder.events) as record:
        record.write(events.Cancelled(signal="SIGTERM", step=8, kept="checkpoints/checkpoint-8"))
        record.write(events.Resumed(step=8, checkpoint="checkpoints/checkpoint-8"))
    for _ in range(2):
        note_kill(folder)
    ends = [event for event in Tail(folder.events).read() if isinstance(event, events.Cancelled)]
    assert [(end.signal, end.step) for end in ends] == [("SIGTERM", 8), ("SIGKILL", 8)]
    assert ends[1].kept == "checkpoints/checkpoint-8"


def test_another_process_with_the_same_pid_is_not_the_run() -> None:
    here = describe_this_process(["x"])
    assert is_alive(here)
    if here.start_ticks is not None:
        assert not is_alive(replace(here, start_ticks=here.start_ticks - 1))
    assert not is_alive(replace(here, start_ticks=None, process_started=here.process_started - 3600))


@pytest.mark.skipif(describe_this_process(["x"]).start_ticks is None, reason="this system does not count ticks")
def test_a_clock_set_back_or_forth_does_not_make_a_living_run_lost() -> None:
    here = describe_this_process(["x"])
    assert is_alive(replace(here, process_started=here.process_started + 7 * 3600))


@pytest.mark.skipif(not pid_namespace(), reason="this system has no pid namespaces")
def test_in_another_container_the_lock_tells_whether_a_run_lives_and_nothing_is_signalled(folder: RunFolder) -> None:
    there = replace(describe_this_process(["x"]), pid_namespace="pid:[1]", host="a-container")
    folder.write_info(there)
    with locked(folder.lock) as is_ours:
        assert is_ours
        assert is_run_alive(folder) is True
        assert processes(folder) == []
        assert not any(ask(folder, rung) for rung in Rung)
    assert is_run_alive(folder) is False


@pytest.mark.skipif(not boot_id(), reason="this system has no id of its boot")
def test_after_a_reboot_a_run_is_lost_whatever_process_has_its_pid_now(folder: RunFolder) -> None:
    me = describe_this_process(["arena"])
    assert is_alive(me)
    of_another_boot = replace(me, boot_id="00000000-0000-0000-0000-000000000000")
    assert is_alive(of_another_boot) is False
    folder.write_info(of_another_boot)
    assert not any(ask(folder, rung) for rung in Rung)
    assert read_run(folder)[1] is Status.LOST


def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    import psutil

    info = replace(describe_this_process(["x"]), pid=child.pid, start_ticks=start_ticks(child.pid))
    assert is_alive(info)
    child.kill()
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert not is_alive(info)
    child.wait()


def test_a_run_that_has_ended_is_not_asked_again_until_another_process_is_at_work_on_it(folder: RunFolder) -> None:
    may_live = LivenessCache()
    assert may_live.among([folder]) == [folder]  # it may be just starting
    me = describe_this_process(["arena"])
    folder.write_info(replace(me, boot_id="00000000-0000-0000-0000-000000000000"))
    assert may_live.among([folder]) == may_live.among([folder]) == []
    folder.write_info(me)
    with locked(folder.lock):
        assert may_live.among([folder]) == [folder]
    folder.lock.unlink()
    folder.write_info(replace(me, boot_id="x", host="elsewhere"))
    assert may_live.among([folder]) == [folder]  # nobody here can tell
    folder.info.unlink()
    folder.resolved.unlink()
    folder.profile.unlink()
    folder.path.rmdir()
    assert may_live.among([folder]) == []


def test_nobody_can_say_whether_a_process_on_another_machine_lives() -> None:
    assert is_alive(replace(describe_this_process(["x"]), host="elsewhere", boot_id="x")) is None


def in_a_mount_of_its_own(mount: str, *command: str) -> list[str]:
    """`command` with /proc as the shell command `mount` leaves it, where this user may do that."""
    wrapped = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", f'{mount} && exec "$@"', "sh"]
    if subprocess.run([*wrapped, "true"], capture_output=True).returncode:
        pytest.skip("mounting another /proc takes root")
    return [*wrapped, *command]


LOOKED_AT = """
import os, sys
from pathlib import Path
from core.runs.folder import RunFolder
from core.runs.identity import is_alive
from core.machine.gpus import look
from core.runs.process import describe_this_process
from core.runs.state import read_run
from core.runs.stopping import processes
folder = RunFolder(Path(sys.argv[1]))
folder.write_info(describe_this_process(["x"]))
if len(sys.argv) > 2:
    child = os.fork()
    if child:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    nobody = int(sys.argv[2])
    os.setgroups([])
    os.setgid(nobody)
    os.setuid(nobody)
info = folder.read_info()
print(is_alive(info), read_run(folder)[1], processes(folder), look(folder.path).memory > 0)
"""


def test_without_proc_nothing_raises_and_whether_a_process_lives_is_not_guessed(folder: RunFolder) -> None:
    """As in a chroot, or a container that mounts none: of its own run, too, it knows no more than that it may live."""
    command = in_a_mount_of_its_own(
        "mount -t tmpfs tmpfs /proc", sys.executable, "-P", "-c", LOOKED_AT, str(folder.path)
    )
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert told == "None starting [] True"


@pytest.mark.parametrize("hidepid", [1, 2])
def test_where_proc_hides_the_processes_of_others_their_runs_are_not_called_lost(
    hidepid: int, folder: RunFolder
) -> None:
    for place in (folder.path, *folder.path.parents):
        if place.is_relative_to(tempfile.gettempdir()) and place != Path(tempfile.gettempdir()):
            place.chmod(0o755)
    command = in_a_mount_of_its_own(
        f"mount -t proc -o hidepid={hidepid} proc /proc",
        *(sys.executable, "-P", "-c", LOOKED_AT, str(folder.path), "65534"),
    )
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert told == "None starting [] True"


def test_a_child_that_ends_at_once_is_an_error_with_the_end_of_its_log(folder: RunFolder) -> None:
    with pytest.raises(LaunchError, match="no such luck"):
        launch(folder, [sys.executable, "-c", "raise SystemExit('no such luck')"])
    assert read_run(folder)[1] is Status.FAILED


def test_the_log_of_a_run_is_bounded_and_never_fails_to_decode(folder: RunFolder) -> None:
    assert log_end(folder) == ""
    folder.console_log.write_bytes(b"\xff" * 300_000 + "the end ✓".encode())
    assert log_end(folder).endswith("the end ✓")
    assert len(log_end(folder)) <= 4000


def test_the_users_text_is_kept_verbatim_and_hostile_names_make_plain_folders(folder: RunFolder) -> None:
    assert folder.profile.read_text() == "# mine\n"
    assert folder.id.endswith("a-run-of-b-mine-b")


def test_runs_made_in_the_same_second_get_folders_of_their_own(tmp_path: Path) -> None:
    made = {create_run(tmp_path, Profile(), text="", name="x").path for _ in range(5)}
    assert len(made) == 5
    assert {run.path for run in list_runs(tmp_path)} == made


def test_a_run_is_found_by_part_of_its_id_and_the_newest_wins(tmp_path: Path) -> None:
    for name in ("20260101-000000-a", "20260102-000000-a", "20260103-000000-b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "resolved.toml").touch()
    assert find_run(tmp_path, "-a").id == "20260102-000000-a"
    assert find_run(tmp_path, "last").id == "20260103-000000-b"
    assert find_run(tmp_path, str(tmp_path / "20260101-000000-a")).id == "20260101-000000-a"
    with pytest.raises(LookupError, match="no run called"):
        find_run(tmp_path, "c")
