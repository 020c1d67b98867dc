"""Only what this user has queued here is started: nobody else's entry, no copy's, and nothing changed since."""

import os
import shutil
import stat
import subprocess
import time
from pathlib import Path

import msgspec
import pytest
from queued import add, ids, until_status
from screen import child

from arena_tui.__main__ import main
from core.machine.gpus import visible_gpus
from core.profile.settings import Profile
from core.runs import queue_runner
from core.runs.actions import see_to_runner
from core.runs.entry import Standing, secret_file, standing
from core.runs.folder import RunFolder, create_run
from core.runs.process import launch
from core.runs.protocol import RUNNER
from core.runs.queue import Queue
from core.runs.state import Status, read_run

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def queue(runs: Path) -> Queue:
    return Queue(runs)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def standing_of(queue: Queue, run: RunFolder) -> Standing:
    return next(standing(one, entry) for one, entry in queue.entries() if one.id == run.id)


def nothing_starts(queue: Queue) -> None:
    assert see_to_runner(queue, child("ok")) is None
    subprocess.run([*RUNNER, str(queue.runs), *child("ok")], check=True, timeout=60)
    assert queue.take(visible_gpus()) is None
    assert not any(run.info.exists() or run.events.exists() for run, _ in queue.entries())


def stranger(queue: Queue) -> RunFolder:
    """A runs folder as it came in an archive: a run that waits, on a card of this machine."""
    run = create_run(queue.runs, Profile(), text="", name="theirs")
    queue.folder.mkdir(exist_ok=True)
    entry = {"place": 0, "gpus": list(visible_gpus()), "working_directory": str(Path.cwd()), "seal": "0" * 64}
    (queue.folder / f"{run.id}.json").write_bytes(msgspec.json.encode(entry))
    return run


def test_looking_at_a_strangers_queue_starts_nothing_and_says_so(queue: Queue, capsys: Captured) -> None:
    run = stranger(queue)
    assert main(["queue"]) == 0
    told = capsys.readouterr().out
    assert f"it was not queued by you here, so it does not start: arena-tui queue adopt {run.id}" in told
    nothing_starts(queue)
    assert read_run(run)[1] is Status.QUEUED
    assert not secret_file().exists(), "looking makes nothing"


@pytest.mark.slow
def test_a_strangers_run_starts_once_it_was_adopted_and_holds_up_none_of_ours(queue: Queue, capsys: Captured) -> None:
    theirs = stranger(queue)
    queue.pause()
    assert main(["queue", "adopt", "theirs"]) == 2, "there is no terminal to ask in"
    told = capsys.readouterr()
    assert 'checkpoint = "' in told.out
    assert "It was not adopted" in told.err
    queue.unpause()
    [ours] = add(queue, "ours")
    assert ids(queue) == [theirs.id, ours.id]
    assert see_to_runner(queue, child("ok")) is not None
    until_status(ours, Status.FINISHED)
    assert read_run(theirs)[1] is Status.QUEUED
    queue.pause()
    assert main(["queue", "adopt", "theirs", "--yes"]) == 0
    queue.unpause()
    see_to_runner(queue, child("ok"))  # unless the first one is there yet, and does
    until_status(theirs, Status.FINISHED)


def test_a_copy_of_our_own_runs_folder_starts_nothing(queue: Queue, tmp_path: Path) -> None:
    [run] = add(queue, "mine")
    shutil.copytree(queue.runs, tmp_path / "copy")
    copy = Queue(tmp_path / "copy")
    assert standing_of(copy, run) is Standing.STRANGE
    nothing_starts(copy)
    shutil.rmtree(queue.runs)
    (tmp_path / "copy").rename(queue.runs)  # at the same place, too
    nothing_starts(queue)


@pytest.mark.parametrize("file", ["resolved.toml", "profile.toml"])
def test_a_run_whose_settings_were_changed_after_it_was_queued_is_not_started(
    queue: Queue, capsys: Captured, file: str
) -> None:
    [run] = add(queue, "mine")
    with (run.path / file).open("a") as settings:
        settings.write("\n# changed\n")
    nothing_starts(queue)
    assert main(["queue"]) == 0
    assert "it has changed since you queued it, so it does not start" in capsys.readouterr().out


@pytest.mark.parametrize("field", ["gpus", "working_directory", "resolved"])
def test_an_entry_that_was_changed_is_not_started(queue: Queue, field: str) -> None:
    [run] = add(queue, "mine")
    path = queue.folder / f"{run.id}.json"
    entry = msgspec.json.decode(path.read_bytes())
    entry[field] = [*entry["gpus"], "7"] if field == "gpus" else str(Path("/"))
    path.write_bytes(msgspec.json.encode(entry))
    assert standing_of(queue, run) is Standing.STRANGE
    nothing_starts(queue)


def test_an_entry_that_another_user_gives_to_another_card_is_not_started_there(queue: Queue) -> None:
    [run] = add(queue, "ours")
    path = queue.folder / f"{run.id}.json"
    entry = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode({**entry, "taken": "GPU-of-somebody"}))
    assert standing_of(queue, run) is Standing.OURS
    assert queue.take(["GPU-of-somebody"]) is None


@pytest.mark.slow
def test_a_run_that_is_changed_while_a_runner_waits_for_the_card_is_not_started(queue: Queue) -> None:
    direct = create_run(queue.runs, Profile(), text="", name="direct")
    process = launch(direct, child("hang"))
    [run] = add(queue, "mine")
    served = see_to_runner(queue, child("ok"))
    assert served is not None
    time.sleep(1.5 * queue_runner.POLL_SECONDS)
    run.resolved.write_text(run.resolved.read_text() + "\n# changed\n")
    process.kill()
    process.wait()
    assert served.wait(60) == 0
    assert not run.events.exists()
    assert standing_of(queue, run) is Standing.CHANGED


def test_the_secret_is_the_users_alone_and_a_foreign_one_is_not_believed(queue: Queue, capsys: Captured) -> None:
    queue.pause()
    [run] = add(queue, "mine")
    assert stat.S_IMODE(secret_file().stat().st_mode) == 0o600
    assert standing_of(queue, run) is Standing.OURS
    secret_file().chmod(0o644)
    assert standing_of(queue, run) is Standing.STRANGE
    before = sorted(queue.runs.iterdir())
    assert main(["queue", "add", "demo"]) == 1
    assert f"{secret_file()} is not your secret" in capsys.readouterr().err
    assert sorted(queue.runs.iterdir()) == before, "no half of a run is left"
    secret_file().unlink()
    assert main(["queue", "adopt", "mine", "--yes"]) == 0
    assert standing_of(queue, run) is Standing.OURS


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="becoming another user takes root")
def test_each_user_of_a_shared_runs_folder_starts_their_own(queue: Queue, tmp_path: Path) -> None:
    """The other user's program says who it ran as."""
    [ours] = add(queue, "ours")
    for place in (queue.folder, *tmp_path.parents[:2], tmp_path, queue.runs):
        place.chmod(0o777)
    (queue.folder / "lock").chmod(0o666)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, 12345, 12345)
    adds = (
        "from pathlib import Path; from core.profile.settings import Profile; from core.runs.queue import Queue;"
        f"print(Queue(Path({str(queue.runs)!r})).add(Profile(), text='', name='theirs').id)"
    )
    become = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"]
    become += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    python, *_ = child("ok")
    env = {**os.environ, "XDG_STATE_HOME": str(theirs)}
    run_id = subprocess.run(
        [*become, python, "-P", "-c", adds], env=env, capture_output=True, text=True, check=True
    ).stdout
    other = RunFolder(queue.runs / run_id.strip())
    assert other.path.stat().st_uid == 12345
    with subprocess.Popen([*become, *RUNNER, str(queue.runs), *child("ok")], env=env) as served:
        assert served.wait(90) == 0
    assert read_run(other)[1] is Status.FINISHED
    assert other.events.stat().st_uid == 12345
    assert read_run(ours)[1] is Status.QUEUED
    assert see_to_runner(queue, child("ok")) is not None
    until_status(ours, Status.FINISHED)
    assert ours.events.stat().st_uid == 0


def test_a_run_that_is_put_back_is_ours_only_if_it_was_and_is_as_it_was(queue: Queue) -> None:
    queue.pause()
    [ours] = add(queue, "mine")
    theirs = stranger(queue)
    kept, given = queue.remove(ours), queue.remove(theirs)
    for removed in (kept, given):
        queue.put_back(removed)
    assert (standing_of(queue, ours), standing_of(queue, theirs)) == (Standing.OURS, Standing.STRANGE)
    kept = queue.remove(ours)
    assert kept.files
    changed = kept.files | {"resolved.toml": kept.files["resolved.toml"] + b"# theirs"}
    queue.put_back(msgspec.structs.replace(kept, files=changed))
    assert standing_of(queue, ours) is not Standing.OURS
    queue.remove(ours)
    ours.path.mkdir()
    with pytest.raises(FileExistsError):
        queue.put_back(kept)
    assert "mine" not in [run.name for run, _ in queue.entries()]


def test_an_entry_whose_name_is_no_runs_is_neither_started_nor_removed(queue: Queue) -> None:
    queue.pause()
    add(queue, "mine")
    run = create_run(queue.runs, Profile(), text="", name="linked")
    away = run.path.rename(queue.runs.parent / "away")
    (queue.runs / "link").symlink_to(away)
    for folder in (queue.runs.parent, queue.runs, queue.runs / ".hidden"):  # what `..`, `.` and .hidden would be
        folder.mkdir(exist_ok=True)
        shutil.copy(away / "resolved.toml", folder)
    [entry] = queue.folder.glob("*.json")
    for name in ("...json", "..json", ".hidden.json", "link.json"):
        shutil.copy(entry, queue.folder / name)
    assert [run.name for run, _ in queue.entries()] == ["mine"]
    for name in ("..", ".", ".hidden", "link", ""):
        assert main(["queue", "remove", name]) == 2, name
    assert away.exists()
    assert queue.runs.exists()


def test_taking_a_run_out_deletes_no_more_than_its_profile(queue: Queue) -> None:
    run = stranger(queue)
    run.adapter.mkdir()
    queue.remove(run)
    assert run.adapter.exists()
    assert queue.entries() == []
