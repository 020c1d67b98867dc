"""One bad byte, or a kill at the worst moment, costs no more than it must: of records, small files and weights."""

import time
from pathlib import Path

import pytest
from tiny_runs import copy_of

from arena_tui.lines import exit_code
from core.runs import events
from core.runs.folder import RunFolder
from core.runs.record import Record, Tail
from core.runs.seal import MANIFEST, flaw, has_checksums
from core.runs.settings import read_settings
from core.runs.state import RunState, fold
from core.score.errors import ScoringError

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
            events.Scoring(
                runs=[], rows=1, rows_total=1, rows_kept=0, rows_cut=0, tokens_total=2**40, swapped=False, workers=1,
                precision="fp32", engine="padded", device=card,
            ),
            events.Scored(
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
    from core.score.model import load_trained

    run = copy_of(finished, tmp_path / "run")
    assert has_checksums(run.adapter)
    assert flaw(run.adapter, content=True) is None
    weights = run.adapter / "adapter_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-9] ^= 1
    weights.write_bytes(content)
    assert flaw(run.adapter) is None, "sizes do not tell"
    profile = read_settings(run)
    with pytest.raises(ScoringError, match=r"run/adapter: adapter_model.safetensors is not what was written"):
        load_trained(profile, run.adapter, precision="fp32", kind="cpu")
    (run.adapter / MANIFEST).unlink()  # as older versions left it
    load_trained(profile, run.adapter, precision="fp32", kind="cpu")
