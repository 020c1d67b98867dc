"""What runs are evaluated on, with real children: rows of a source of their own, or nothing at all."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import tiny
from msgspec.structs import replace
from pyarrow import parquet
from scripted_child import started
from tiny_runs import SECONDS, Start

from core.data.example import DataError
from core.data.split import prompt_key
from core.report.protocol import Progress, Swap
from core.report.report import Report
from core.runs.events import AnyEvent, Evaluated, Finished, Phase, Started, Warning
from core.runs.figures import RowsDigest
from core.runs.folder import RunFolder
from core.runs.metrics import read_metrics
from core.runs.record import Tail
from core.train.attempt import Attempt

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("evaluated rows")]


def asked(folder: RunFolder, cache: Path, *arguments: str, module: str = "core.report") -> list[dict[str, Any]]:
    program = [sys.executable, "-P", "-m", module, str(folder.path), *arguments]
    environment = {**os.environ, "ARENA_TUI_CACHE": str(cache)}
    ran = subprocess.run(program, env=environment, capture_output=True, timeout=SECONDS, check=False)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def events_of(folder: RunFolder, kind: type[AnyEvent]) -> list[Any]:
    return [event for event in Tail(folder.events).read() if isinstance(event, kind)]


@pytest.mark.parametrize("engine", ["padded", "packed"])
def test_a_run_may_train_on_all_rows_and_evaluate_none(engine: str, start: Start, tmp_path: Path) -> None:
    folder, child = start('split.by="none"', "eval.swap=true", "eval.every=2", f"train.engine={engine}")
    assert child.wait(SECONDS) == 0, folder.console_log.read_text()
    [started] = events_of(folder, Started)
    assert (started.rows_eval, started.prior_log_loss) == (0, None)
    assert started.rows_train == 60
    assert events_of(folder, Evaluated) == []
    assert not [event for event in events_of(folder, Phase) if event.phase == "evaluating"]
    [last] = events_of(folder, Finished)
    assert (last.log_loss, last.accuracy) == (None, None)
    metrics = read_metrics(folder.metrics)
    assert metrics
    assert (metrics.rows_train, metrics.rows_eval, metrics.log_loss, metrics.accuracy) == (60, 0, None, None)
    assert not folder.evaluation.exists()
    assert isinstance(folder.due_end(), Finished), "it is complete without an evaluation"
    card = (folder.adapter / "README.md").read_text()
    assert "Nothing was evaluated" in card
    assert "log loss" not in card
    [*_, told] = asked(folder, tmp_path / "cache")
    assert "evaluated nothing: its split.by is none" in told["problem"]


def test_rows_of_ones_own_are_evaluated_and_found_again_for_the_report(
    start: Start, train_csv: Path, tmp_path: Path
) -> None:
    more = tmp_path / "more.jsonl"
    more.write_text(
        "".join(
            json.dumps({"id": f"r{n}", "prompt": f"Why {n}?", "response_a": "so", "response_b": "no", "winner": winner})
            + "\n"
            for n, winner in enumerate(["model_a", "model_b", "tie"] * 4)
        )
    )
    rows = [tiny.row(n, n % 3, prompt=json.dumps([f"Why {n - 4}?"]), model_a=f"bot {n}") for n in range(10)]
    own = tiny.write_csv(tmp_path / "own.csv", rows)
    folder, child = start(
        f'data.train=["{train_csv}", "{more}"]', f"data.eval={own}", "data.drop_leaks=true", "split.fold=1"
    )
    assert child.wait(SECONDS) == 0, folder.console_log.read_text()
    [started] = events_of(folder, Started)
    assert (started.rows_train, started.rows_eval) == (60 + 12 - 6, 10), "of more.jsonl six prompts are evaluated"
    told = [event.detail for event in events_of(folder, Phase)]
    assert f"60 rows of {train_csv}: CSV with commas, read as lmsys (list of turns; a column for each winner)" in told
    assert f"12 rows of {more}: JSON lines, read as wsdm (text; a column that names the winner)" in told
    assert any(detail.startswith(f"10 rows of {own}: ") for detail in told)
    assert [event.message for event in events_of(folder, Warning)][:2] == [
        "split.fold is not used: data.eval names what is evaluated",
        "6 rows of data.train are left out: their prompts are in data.eval too",
    ]
    written = parquet.read_table(folder.evaluation)
    assert written["id"].to_pylist() == list(range(10))
    assert written["prompt"].to_pylist() == [prompt_key((f"Why {n - 4}?",)) for n in range(10)]
    card = (folder.adapter / "README.md").read_text()
    assert "On `own.csv`, whose prompts were left out of the training rows." in card
    assert f"`{train_csv.name}`, SHA-256" in card
    assert str(tmp_path) not in card

    [*_, last] = asked(folder, tmp_path / "cache")
    progress = msgspec.convert(last, Progress)
    assert progress.report
    report = msgspec.json.decode(Path(progress.report).read_bytes(), type=Report)
    assert not [caution for caution in report.cautions if "changed" in caution or "without" in caution]
    assert {row.models for row in report.lists.worst} <= {(f"bot {n}", "right") for n in range(10)}
    swapped = msgspec.convert(asked(folder, tmp_path / "cache", module="core.report.swap")[-1], Swap)
    assert swapped.rows
    assert len(Path(swapped.rows).read_text().splitlines()) == 10

    moved = own.rename(tmp_path / "moved.csv")
    [*_, last] = asked(folder, tmp_path / "cache", "--data", str(moved))
    report = msgspec.json.decode(Path(last["report"]).read_bytes(), type=Report)
    assert report.lists.worst[0].models is not None
    more.unlink()
    [*_, last] = asked(folder, tmp_path / "cache", "--data", str(moved))
    report = msgspec.json.decode(Path(last["report"]).read_bytes(), type=Report)
    assert [caution for caution in report.cautions if "without the training rows" in caution]
    assert report.lists.worst[0].models is not None, "the evaluated rows are known all the same"


def test_a_resumed_run_names_the_source_that_has_changed() -> None:
    one, other = (RowsDigest(ids="i", labels=label, tokens="t") for label in ("one", "other"))
    before = replace(started(8), rows_train=0, tokens_train=0, digest_train=one, digest_eval=one)
    attempt = Attempt(before=before)
    attempt.demand_same_rows(0, 0, one, one, has_own_eval=True)
    for digests, has_own, named in (
        ((one, other), True, "data.eval has changed since the run was started: other labels in the evaluation rows"),
        ((one, other), False, "data.train has changed since the run was started: other labels in the evaluation rows"),
        ((other, one), True, "data.train has changed since the run was started: other labels in the training rows"),
    ):
        with pytest.raises(DataError, match=named):
            attempt.demand_same_rows(0, 0, *digests, has_own_eval=has_own)
