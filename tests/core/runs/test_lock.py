"""Locks keep out whom they should, also on file systems whose flock(2) fails or, worse, does nothing."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from core.files import write_whole
from core.profile.settings import Profile
from core.runs.events import Failed
from core.runs.folder import create_run
from core.runs.identity import Identity
from core.runs.lease import reaches_others
from core.runs.lock import holder, is_locked, locked
from core.runs.protocol import OTHER_AT_WORK, TRAIN
from core.runs.record import Record
from core.runs.trash import StillInUse, held

SHIM = r"""
#include <errno.h>
#include <stdlib.h>
int flock(int fd, int operation) {
    int number = atoi(getenv("FLOCK_SAYS"));
    if (!number) return 0;
    errno = number;
    return -1;
}
"""
SAYS = {"nothing": "0", "ENOSYS": "38", "ENOLCK": "37"}
HOLDS = """
import sys
from pathlib import Path
from core.runs.lock import locked
with locked(Path(sys.argv[1]), shared=sys.argv[2] == "shared") as is_ours:
    print(is_ours, flush=True)
    sys.stdin.read(1)
"""
LOOKS = (
    "import sys; from pathlib import Path; from core.runs.lock import is_locked; print(is_locked(Path(sys.argv[1])))"
)
COUNTS = """
import sys
from pathlib import Path
from core.runs.lock import locked
lock, total = Path(sys.argv[1]), Path(sys.argv[2])
done = 0
while done < 10:
    with locked(lock) as is_ours:
        if is_ours:
            total.write_text(str(int(total.read_text()) + 1))
            done += 1
"""

Hold = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that stands before the system's flock."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("needs a C compiler, and LD_PRELOAD")
    folder = tmp_path_factory.mktemp("shim")
    (folder / "shim.c").write_text(SHIM)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", folder / "shim.so", folder / "shim.c"], check=True)
    return folder / "shim.so"


@pytest.fixture(params=SAYS)
def without_flock(request: pytest.FixtureRequest, shim: Path) -> dict[str, str]:
    """The environment of processes whose flock says so."""
    return {**os.environ, "LD_PRELOAD": str(shim), "FLOCK_SAYS": SAYS[request.param]}


@pytest.fixture
def silent(shim: Path) -> dict[str, str]:
    return {**os.environ, "LD_PRELOAD": str(shim), "FLOCK_SAYS": SAYS["nothing"]}


@pytest.fixture
def hold() -> Iterator[Hold]:
    """Starts a process that holds a lock, if it gets it, until its stdin ends; those left over are killed."""
    children = []

    def start(lock: Path, environment: dict[str, str], how: str = "alone") -> "subprocess.Popen[str]":
        child = subprocess.Popen(
            [sys.executable, "-P", "-c", HOLDS, str(lock), how],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.communicate()


def got(child: "subprocess.Popen[str]") -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def looked_at(lock: Path, environment: dict[str, str]) -> str:
    command = [sys.executable, "-P", "-c", LOOKS, str(lock)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.slow
def test_where_flock_fails_or_does_nothing_one_process_has_the_lock_and_a_killed_one_leaves_it(
    tmp_path: Path, without_flock: dict[str, str], hold: Hold
) -> None:
    lock = tmp_path / "lock"
    first = hold(lock, without_flock)
    assert got(first) == "True"
    assert looked_at(lock, without_flock) == "True"
    assert got(hold(lock, without_flock)) == "False"
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert looked_at(lock, without_flock) == "False"
    third = hold(lock, without_flock)
    assert got(third) == "True"
    third.communicate("\n")
    assert list(tmp_path.iterdir()) == [lock], "nothing is left behind"


@pytest.mark.slow
def test_there_too_those_who_share_a_lock_hold_it_together_and_keep_others_out(
    tmp_path: Path, silent: dict[str, str], hold: Hold
) -> None:
    lock = tmp_path / "lock"
    readers = [hold(lock, silent, "shared") for _ in range(2)]
    assert [got(reader) for reader in readers] == ["True", "True"]
    assert looked_at(lock, silent) == "False", "nobody has it for itself"
    assert got(hold(lock, silent)) == "False"
    for reader in readers:
        reader.communicate("\n")
    assert got(hold(lock, silent)) == "True"
    assert got(hold(lock, silent, "shared")) == "False"


def test_of_many_that_want_it_at_once_never_two_have_it(tmp_path: Path, silent: dict[str, str]) -> None:
    total = tmp_path / "total"
    total.write_text("0")
    command = [sys.executable, "-P", "-c", COUNTS, str(tmp_path / "lock"), str(total)]
    children = [subprocess.Popen(command, env=silent) for _ in range(4)]
    assert [child.wait(60) for child in children] == [0, 0, 0, 0]
    assert total.read_text() == "40"


@pytest.mark.slow
def test_a_second_process_on_a_run_ends_at_once_where_flock_does_nothing(
    tmp_path: Path, silent: dict[str, str], hold: Hold
) -> None:
    run = create_run(tmp_path, Profile(), text="", name="x")
    assert got(hold(run.lock, silent)) == "True"
    second = subprocess.run([*TRAIN, str(run.path)], env=silent, stderr=subprocess.DEVNULL, check=False)
    assert second.returncode == OTHER_AT_WORK
    assert not run.events.exists()


@pytest.mark.slow
def test_a_holder_on_another_machine_is_named_with_the_way_out(
    tmp_path: Path, silent: dict[str, str], hold: Hold
) -> None:
    run = create_run(tmp_path, Profile(), text="", name="x")
    with Record(run.events) as record:
        record.write(Failed(cause="x", advice="", exit_code=1))
    elsewhere = replace(Identity.of_this_process(), host="node7", boot_id="another", pid=4711)
    left = run.path / ".lock.held-0123456789abcdef"
    write_whole(left, msgspec.json.encode(elsewhere))
    assert got(hold(run.lock, silent)) == "False"
    assert is_locked(run.lock) is None
    told = "process 4711 on node7 holds it, which cannot be seen from here: it counts until 5 minutes after"
    assert holder(run.lock) == f": {told} its last sign of life; if it has ended, delete {left}"
    with pytest.raises(StillInUse, match=f"still at work: {told}"), held(run):
        pass
    left.unlink()
    assert got(hold(run.lock, silent)) == "True"


def test_a_lock_that_moved_with_its_folder_is_let_go_of_all_the_same(
    tmp_path: Path, silent: dict[str, str], hold: Hold
) -> None:
    """As a run's does on its way into the trash, and out of it again."""
    (tmp_path / "run").mkdir()
    holder = hold(tmp_path / "run" / "lock", silent)
    assert got(holder) == "True"
    (tmp_path / "run").rename(tmp_path / "trash")
    holder.communicate("\n")
    assert list((tmp_path / "trash").iterdir()) == [tmp_path / "trash" / "lock"]


@pytest.mark.slow
def test_where_flock_works_no_file_is_made_and_the_lock_is_the_systems(tmp_path: Path, hold: Hold) -> None:
    lock = tmp_path / "lock"
    with locked(lock) as is_ours:
        assert is_ours
        assert list(tmp_path.iterdir()) == [lock]
        assert is_locked(lock)
        assert got(hold(lock, dict(os.environ))) == "False"
    assert is_locked(lock) is False


@pytest.mark.parametrize(
    ("options", "reaches"),
    [
        ("rw,relatime shared:1 - lustre 10.0.0.1@tcp:/scratch rw,flock,lazystatfs", True),
        ("rw,relatime shared:1 - lustre 10.0.0.1@tcp:/scratch rw,localflock,lazystatfs", False),
        ("rw,relatime - nfs server:/home rw,vers=3,local_lock=none,addr=10.0.0.1", True),
        ("rw,relatime - nfs server:/home rw,vers=3,nolock,local_lock=all,addr=10.0.0.1", False),
        ("rw,relatime - nfs server:/home rw,vers=3,local_lock=posix,addr=10.0.0.1", True),
    ],
)
def test_a_mount_that_keeps_locks_to_its_own_machine_is_not_relied_on(
    options: str, reaches: bool, tmp_path: Path
) -> None:
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mountinfo"
    other = "36 35 0:999999 / /other rw - lustre x rw,localflock"
    mounts.write_text(f"{other}\n36 35 {os.major(device)}:{os.minor(device)} / /runs {options}\n")
    assert reaches_others(tmp_path, mounts) is reaches
    assert reaches_others(tmp_path, tmp_path / "absent")
