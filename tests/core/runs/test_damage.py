"""One bad byte, or a kill at the worst moment, costs no more than it must: of records, small files and weights."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest
import tiny
from tiny_runs import SECONDS, Start, copy_of, halting, wait_until_halted

from arena_tui.__main__ import main
from arena_tui.monitor.text import exit_code
from arena_tui.runs.follow import Follower
from core.plan.history import past_runs, speed
from core.predict.actions import settle
from core.predict.errors import PredictionError
from core.predict.folder import list_predictions
from core.predict.protocol import PREDICT
from core.predict.request import Request, choose_members
from core.predict.workers import Worker, WorkerLost
from core.runs import events
from core.runs.folder import RunFolder
from core.runs.metrics import read_metrics
from core.runs.process import launch
from core.runs.record import Record, Tail
from core.runs.resume import CannotResume, prepare
from core.runs.seal import MANIFEST, flaw, has_checksums
from core.runs.state import RunState, Status, fold, read_run

STEP = (
    '{"type":"step","time":%(time)s,"v":%(v)s,"step":%(step)s,"epoch":1,"loss":%(loss)s,"learning_rate":1e-4,'
    '"grad_norm":1,"tokens":5,"tokens_per_second":%(rate)s,"memory_allocated":1,"memory_reserved":1,"memory_peak":1}'
)
SOUND = {"time": "1769860900", "v": "1", "step": "4", "loss": "1", "rate": "1"}
HUGE = "1" + "0" * 400


def test_the_sound_line_is_an_event(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(STEP % SOUND + "\n")
    assert [event.time for event in Tail(tmp_path / "events.jsonl").read()] == [1769860900]


@pytest.mark.parametrize(
    "wrong",
    [
        {"time": "1e300"}, {"time": "-1"}, {"time": HUGE}, {"step": "-5"}, {"step": HUGE}, {"loss": "NaN"},
        {"loss": "1e308"}, {"loss": HUGE}, {"rate": "-1"}, {"rate": "1e300"}, {"v": HUGE},
    ],
    ids=lambda wrong: "-".join(f"{key} {value[:8]}" for key, value in wrong.items()),
)  # fmt: skip
def test_a_figure_out_of_all_bounds_costs_its_line(tmp_path: Path, wrong: dict[str, str]) -> None:
    """They overflowed where they were shown: in a calendar, a duration, a plot, the cache of endings."""
    path = tmp_path / "events.jsonl"
    path.write_text(f"{STEP % (SOUND | wrong)}\n{STEP % SOUND}\n")
    tail = Tail(path)
    assert [event.time for event in tail.read()] == [1769860900]
    assert tail.unreadable == 1


def test_a_pace_of_next_to_nothing_has_no_remaining_time() -> None:
    card = events.Device(kind="cpu", name="", memory=1)
    state = fold(
        RunState(),
        [
            events.Predicting(
                runs=[], rows=1, rows_total=1, rows_kept=0, rows_cut=0, tokens_total=2**40, swapped=False, workers=1,
                precision="fp32", engine="padded", device=card,
            ),
            events.PredictionProgress(
                rows=0, tokens=0, rows_per_second=0, tokens_per_second=1e-320, memory_allocated=0, memory_reserved=0,
                memory_peak=0,
            ),
        ],
    )  # fmt: skip
    assert state.remaining is None


def test_a_record_without_a_line_break_is_passed_over_in_linear_time(tmp_path: Path) -> None:
    """128 MB of one line took a minute; what is written after it is read, by a tail that is there already too."""
    path = tmp_path / "events.jsonl"
    with path.open("wb") as file:
        file.write(b'{"type":"')
        for _ in range(128):
            file.write(b"x" * (1 << 20))
    tail, before = Tail(path), time.process_time()
    assert tail.read() == []
    assert time.process_time() - before < 3
    with Record(path) as record:
        record.write(events.Warning(message="heard"))
        record.write(events.Warning(message="x" * (1 << 19)))
    assert [event.message[:5] for event in tail.read()] == ["heard", "xxxxx"]  # type: ignore[union-attr]
    assert tail.unreadable == 1
    again = Tail(path)
    assert len(again.read()) == 2
    assert again.unreadable == 1


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGFOO", 1), ("", 1)])
def test_an_unknown_signal_has_an_exit_code_too(name: str, code: int) -> None:
    state = RunState(last=events.Cancelled(signal=name, step=1, kept=None))
    assert exit_code(state) == code


def test_a_flipped_bit_in_an_adapter_is_not_scored(finished: RunFolder, tmp_path: Path) -> None:
    """Predictions, merges and `report --score-swap` all load it here."""
    from core.predict.model import load_trained

    run = copy_of(finished, tmp_path / "run")
    assert has_checksums(run.adapter)
    assert flaw(run.adapter, content=True) is None
    weights = run.adapter / "adapter_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-9] ^= 1
    weights.write_bytes(content)
    assert flaw(run.adapter) is None, "sizes do not tell"
    profile = run.read_profile()
    with pytest.raises(PredictionError, match=r"run/adapter: adapter_model.safetensors is not what was written"):
        load_trained(profile, run.adapter, precision="fp32", kind="cpu")
    (run.adapter / MANIFEST).unlink()  # as older versions left it
    load_trained(profile, run.adapter, precision="fp32", kind="cpu")


def without_its_end(folder: RunFolder) -> None:
    """As a kill leaves it that comes just before the last event."""
    lines = folder.events.read_bytes().splitlines(keepends=True)
    folder.events.write_bytes(b"".join(lines[:-1]))


def test_a_run_that_was_killed_before_its_last_event_alone_has_finished(
    finished: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copy_of(finished, tmp_path / "runs" / "run")
    last = read_run(run)[0].last
    without_its_end(run)
    assert read_run(run)[1] is Status.FINISHED
    assert Follower(run).read().status is Status.FINISHED
    with pytest.raises(CannotResume, match="has finished"):
        prepare(run)
    for command in (["watch", str(run.path)], ["resume", str(run.path)]):
        assert main(command) == 0
    out = capsys.readouterr().out
    assert "its last event is missing" in out
    assert "its missing last event has been written" in out
    written = Tail(run.events).read()[-1]
    assert isinstance(written, events.Finished)
    assert isinstance(last, events.Finished)
    assert (written.log_loss, written.accuracy) == (last.log_loss, last.accuracy)
    assert main(["resume", str(run.path)]) == 2, "now it has its end"


@pytest.mark.parametrize("left", ["metrics empty", "metrics cut", "no evaluation", "adapter cut"])
def test_a_run_that_lacks_a_part_of_its_result_is_not_finished_and_can_go_on(
    finished: RunFolder, tmp_path: Path, left: str
) -> None:
    run = copy_of(finished, tmp_path / "run")
    without_its_end(run)
    match left:
        case "metrics empty":
            run.metrics.write_bytes(b"")
        case "metrics cut":
            os.truncate(run.metrics, run.metrics.stat().st_size // 2)
        case "no evaluation":
            run.evaluation.unlink()
        case "adapter cut":
            os.truncate(run.adapter / "adapter_model.safetensors", 100)
    assert read_run(run)[1] is Status.LOST
    prepare(run)


def test_an_ended_run_without_its_metrics_can_go_on(finished: RunFolder, tmp_path: Path) -> None:
    run = copy_of(finished, tmp_path / "run")
    run.metrics.write_bytes(b"")
    prepare(run)


def test_a_prediction_that_was_killed_before_its_last_event_alone_is_not_scored_again(
    finished: RunFolder, tmp_path: Path
) -> None:
    run = copy_of(finished, tmp_path / "run")
    test = tiny.write_csv(tmp_path / "test.csv", tiny.rows(6))
    request = Request(members=choose_members([run]), test=str(test))
    folder, _ = settle(request)
    assert launch(folder, PREDICT).wait(SECONDS) == 0, folder.console_log.read_text()
    assert settle(request)[0].path != folder.path, "one that is over is made anew"
    without_its_end(folder)
    for other in list_predictions(run)[:-1]:
        other.order.unlink()
    assert read_run(folder)[1] is Status.FINISHED
    again = Request(members=request.members, test=request.test, output=str(tmp_path / "submission.csv"))
    found, is_at_work = settle(again)
    assert (found.path, is_at_work) == (folder.path, False)
    assert launch(folder, PREDICT).wait(SECONDS) == 0, folder.console_log.read_text()
    resumed, predicted = Tail(folder.events).read()[-2:]
    assert isinstance(resumed, events.Resumed)
    assert isinstance(predicted, events.Predicted)
    assert (tmp_path / "submission.csv").read_bytes() == folder.submission.read_bytes()


@pytest.mark.parametrize(
    ("number", "last", "code"), [(signal.SIGTERM, events.Failed, 2), (signal.SIGQUIT, events.Cancelled, 131)]
)
def test_a_stop_while_a_failing_run_explains_itself_leaves_a_last_event(
    start: Start, number: signal.Signals, last: type[events.Last], code: int
) -> None:
    explains = f"known_errors.{sys.implementation.cache_tag}.pyc"  # read when there is something to explain
    folder, child = start("data.train=/nowhere/rows.csv", program=halting(explains))
    wait_until_halted(folder, child)
    assert not isinstance(Tail(folder.events).read()[-1], events.Last)
    os.kill(child.pid, number)
    os.kill(child.pid, signal.SIGCONT)
    assert child.wait(SECONDS) == code
    assert isinstance(Tail(folder.events).read()[-1], last)


def test_a_worker_that_is_killed_says_what_that_means(finished: RunFolder, tmp_path: Path) -> None:
    run = copy_of(finished, tmp_path / "run")
    folder, _ = settle(Request(members=choose_members([run]), test=str(tmp_path / "test.csv")))
    worker = Worker(folder.path, 0, None, "worker 1")
    worker.kill()
    with pytest.raises(WorkerLost, match=r"worker 1 was killed by the system or by a user \(SIGKILL") as told:
        worker.hear()
    assert "fewer workers or a lower --batch-tokens" in told.value.advice
    worker.close()


def test_a_plan_learns_from_the_runs_that_can_be_read(finished: RunFolder, tmp_path: Path) -> None:
    good, bad = (copy_of(finished, tmp_path / f"20260101-00000{number}-tiny") for number in (1, 2))
    metrics = read_metrics(good.metrics)
    assert metrics is not None
    for damage in (lambda: bad.events.unlink(), lambda: bad.events.symlink_to(bad.events)):
        damage()
        past = past_runs([tmp_path], metrics.device)
        assert [run.folder.id for run in past] == [bad.id, good.id]
        found = speed(past, good.read_profile(), metrics.precision, metrics.engine)
        assert found is not None
        assert found.run == good.id
    bad.metrics.write_bytes(b'{"run":"\xff"')
    assert [run.folder.id for run in past_runs([tmp_path], metrics.device)] == [good.id]
