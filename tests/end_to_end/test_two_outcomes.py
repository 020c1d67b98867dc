"""Two outcomes from rows without ties: trained, resumed, reported, predicted, averaged; and never mixed with three."""

import csv
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from command_line import ARENA_TUI, arena_tui
from evaluated import LOGITS
from pyarrow import parquet
from safetensors.numpy import load_file
from sklearn.metrics import log_loss
from tiny_runs import SECONDS, Start, copy_of, halting, kill, wait_until_halted

from core.data.example import PARTS
from core.engine.scores import softmax
from core.outcomes import A_B
from core.predict.folder import list_predictions
from core.runs import events
from core.runs.folder import RunFolder, run_in
from core.runs.metrics import read_metrics
from core.runs.process import launch
from core.runs.protocol import RESUME, TRAIN
from core.runs.record import Tail
from core.runs.resume import prepare


def write_wsdm(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """The rows of the tiny file as texts with a column that names the winner."""
    words = {"100": "model_a", "010": "model_b", "001": "tie"}
    made = [
        {"id": f"w-{row['id']}", **{part: json.loads(row[part])[0] for part in PARTS}}
        | {"winner": words["".join(row[column] for column in tiny.COLUMNS[6:])]}
        for row in rows
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in made))
    return path


@pytest.fixture(scope="module")
def with_ties(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wsdm(tmp_path_factory.mktemp("ties") / "ties.jsonl", tiny.rows(80))


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [row for row in tiny.rows(120) if row["winner_tie"] == "0"]
    return write_wsdm(tmp_path_factory.mktemp("decided") / "decided.jsonl", rows)


@pytest.fixture(scope="module")
def run(start_shared: Start, decided: Path) -> RunFolder:
    """Of rows without ties; nobody has told it how many outcomes there are."""
    folder, child = start_shared(f"data.train={decided}", "eval.swap=true")
    assert child.wait(SECONDS) == 0, folder.console_log.read_text()
    return folder


@pytest.fixture(scope="module")
def other(start_shared: Start, with_ties: Path, run: RunFolder) -> RunFolder:  # noqa: ARG001  (begun after it)
    """Of rows with ties, halves of which count as wins."""
    settings = ("model.outcomes=a-b", "data.ties=half", "train.seed=1", "run.name=other")
    folder, child = start_shared(f"data.train={with_ties}", *settings)
    assert child.wait(SECONDS) == 0, folder.console_log.read_text()
    return folder


def logits_in(run: RunFolder, prefix: str = "") -> "np.ndarray[Any, Any]":
    table = parquet.read_table(run.evaluation)
    return np.stack([table[f"{prefix}{column}"].to_numpy() for column in A_B.logits], axis=1)


def test_what_a_run_leaves_is_of_two_outcomes(run: RunFolder) -> None:
    columns = parquet.read_schema(run.evaluation).names
    assert [name for name in columns if "logit" in name] == [*A_B.logits, *A_B.swapped_logits]
    weights = load_file(run.adapter / "adapter_model.safetensors")
    assert [weight.shape[0] for name, weight in weights.items() if "score" in name] == [2]
    [started] = [event for event in Tail(run.events).read() if isinstance(event, events.Started)]
    assert (started.format, started.outcomes, started.outcomes_reason) == ("wsdm", "a-b", "no row read is a tie")
    metrics = read_metrics(run.metrics)
    labels = parquet.read_table(run.evaluation)["label"].to_pylist()
    assert metrics
    assert metrics.log_loss == pytest.approx(log_loss(labels, softmax(logits_in(run))), abs=1e-6)
    assert metrics.prior_log_loss == pytest.approx(np.log(2), abs=0.05)
    card = (run.adapter / "README.md").read_text()
    assert "class 0 is A, 1 is B. An" in card
    assert "num_labels=2," in card
    assert "# A wins, B wins\n" in card
    assert "| a half for each class | 0.6931 |" in card


def test_the_swapped_copies_say_the_same_of_the_same_answers(run: RunFolder, decided: Path) -> None:
    """Their columns are changed back: predicted as rows of their own, they stand there the other way round."""
    table = parquet.read_table(run.evaluation)
    rows = {row["id"]: row for row in map(json.loads, decided.read_text().splitlines())}
    swapped = [rows[id] for id in table["id"].to_pylist()]
    path = run.path / "swapped.jsonl"
    path.write_text(
        "".join(
            json.dumps(row | {"response_a": row["response_b"], "response_b": row["response_a"], "winner": None}) + "\n"
            for row in swapped
        ).replace(', "winner": null', "")
    )
    answered = predicted(run, str(path))
    found = np.stack([answered[f"run_1_{column}"].to_numpy() for column in A_B.logits], axis=1)
    np.testing.assert_allclose(logits_in(run, "swapped_"), found[:, ::-1], atol=1e-5)


def predicted(run: RunFolder, *arguments: str) -> Any:
    """The table of a new prediction."""
    before = {folder.id for folder in list_predictions(run)}
    ran = arena_tui("predict", str(run.path), *arguments, cwd=run.path.parent.parent)
    assert ran.returncode == 0, ran.stderr
    [folder] = [folder for folder in list_predictions(run) if folder.id not in before]
    return parquet.read_table(folder.table)


def test_a_prediction_in_both_orders_by_two_runs_is_their_mean_and_is_handed_in_by_winners(
    run: RunFolder, other: RunFolder, with_ties: Path
) -> None:
    out = run.path.parent.parent / "out.csv"
    table = predicted(run, str(other.path), str(with_ties), "--swap", "-o", str(out))
    passes = [
        softmax(np.stack([table[f"{name}_{column}"].to_numpy() for column in A_B.logits], axis=1))
        for name in ("run_1", "run_1_swapped", "run_2", "run_2_swapped")
    ]
    given = np.stack([table[column].to_numpy() for column in A_B.winners], axis=1)
    np.testing.assert_allclose(given, np.mean(passes, axis=0), atol=1e-6)
    assert "winner_tie" not in table.column_names
    ties = [json.loads(line)["winner"] == "tie" for line in with_ties.read_text().splitlines()]
    assert [label is None for label in table["label"].to_pylist()] == ties, "a tie is answered and has no label"
    with out.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["id", "winner"]
    assert rows == [
        [id, "model_b" if b > a else "model_a"] for id, (a, b) in zip(table["id"].to_pylist(), given, strict=True)
    ]
    checked = arena_tui("submission", "check", str(out), str(with_ties), cwd=out.parent)
    assert (checked.returncode, checked.stdout) == (0, f"{out}: 80 rows, nothing wrong with it\n")


def test_the_columns_of_a_sample_are_taken_where_the_outcomes_have_them(
    run: RunFolder, finished: RunFolder, with_ties: Path, tmp_path: Path
) -> None:
    samples = {
        "wsdm": "id,winner\n7,model_a\n",
        "lmsys": "id,winner_model_a,winner_model_b,winner_tie\n7,1,0,0\n",
        "neither": "id,label\n7,1\n",
    }
    for name, text in samples.items():
        (tmp_path / f"{name}.csv").write_text(text)

    def ask(of: RunFolder, sample: str) -> "tuple[int, str]":
        out = tmp_path / "out.csv"
        arguments = [str(of.path), str(with_ties), "--sample", str(tmp_path / f"{sample}.csv"), "-o", str(out)]
        ran = arena_tui("predict", *arguments, cwd=tmp_path)
        return ran.returncode, out.read_text() if ran.returncode == 0 else ran.stdout

    code, told = ask(run, "lmsys")
    assert code == 2
    assert "has a column for ties, and the run has two outcomes" in told
    code, told = ask(run, "neither")
    assert code == 2
    assert "id, winner_model_a, winner_model_b, winner_tie (LMSYS) or id, winner (WSDM); found id, label" in told
    three = copy_of(finished, run.path.parent / "20260101-000000-of-three")
    for of in (run, three):
        code, told = ask(of, "wsdm")
        assert (code, told.partition("\n")[0]) == (0, "id,winner")
    code, told = ask(three, "lmsys")
    assert (code, told.partition("\n")[0]) == (0, "id,winner_model_a,winner_model_b,winner_tie")


def test_the_report_knows_no_tie(run: RunFolder, other: RunFolder) -> None:
    ran = arena_tui("report", str(run.path), "--json", cwd=run.path.parent)
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert [one["name"] for one in report["classes"]] == ["A wins", "B wins"]
    assert [len(counts) for counts in report["confusion"]] == [2, 2]
    names = {one["name"]: one["log_loss"] for one in report["references"]}
    assert names["ln 2"] == pytest.approx(np.log(2))
    assert "recipe" not in names
    assert len(report["lists"]["random"][0]["probabilities"]) == len(report["lists"]["random"][0]["swapped"]) == 2
    labels = np.array(parquet.read_table(run.evaluation)["label"].to_pylist())
    averaged = (softmax(logits_in(run)) + softmax(logits_in(run, "swapped_"))) / 2
    assert report["position_bias"]["averaged"]["value"] == pytest.approx(log_loss(labels, averaged), abs=1e-9)

    told = arena_tui("report", str(run.path), "--html", "page.html", cwd=run.path)
    assert told.returncode == 0, told.stderr
    page = (run.path / "page.html").read_text().partition("</style>")[2]
    plain = arena_tui("report", str(run.path), cwd=run.path).stdout
    for text in (page, plain):
        assert "ln 2" in text
        assert "tie" not in text.replace("ties", "").replace("properties", "")
        assert "ties apart" not in text
    scored = copy_of(other, other.path.parent / "20260101-000000-scored")
    assert [name for name in parquet.read_schema(scored.evaluation).names if "swapped" in name] == []
    again = arena_tui("report", str(scored.path), "--score-swap", "--json", cwd=run.path)
    assert again.returncode == 0, again.stderr
    assert [name for name in parquet.read_schema(scored.evaluation).names if "swapped" in name] == [*A_B.swapped_logits]
    assert json.loads(again.stdout)["position_bias"]["flip_rate"] is not None


def test_runs_of_unlike_outcomes_are_neither_compared_nor_averaged(
    run: RunFolder, other: RunFolder, finished: RunFolder, with_ties: Path
) -> None:
    three = copy_of(finished, run.path.parent / "20260101-000000-three")
    both = f"{run.id} has two outcomes and {three.id} has three"
    for arguments, told in (
        (("compare", run.id, three.id), f"{both}: their log losses cannot be compared"),
        (("predict", run.id, three.id, str(with_ties)), f"{both}: they cannot be averaged"),
        (("report", run.id, "--against", three.id), f"this run has two outcomes and {three.id} has three"),
    ):
        ran = arena_tui(*arguments, "--runs-dir", str(run.path.parent), cwd=run.path.parent)
        assert ran.returncode == 2
        assert told in ran.stderr
    compared = arena_tui("compare", run.id, other.id, "--runs-dir", str(run.path.parent), cwd=run.path.parent)
    assert compared.returncode == 0
    assert "ln 2 is 0.6931" in compared.stdout


def test_a_resumed_run_keeps_its_outcomes_whatever_would_be_found_now(start: Start, decided: Path) -> None:
    """By themselves these rows have two; the run was begun with three."""
    folder, child = start(f"data.train={decided}", "model.outcomes=a-b-tie", "train.save_steps=1", program=halting(3))
    wait_until_halted(folder, child)
    kill(child)
    folder.resolved.write_text(folder.resolved.read_text().replace('outcomes = "a-b-tie"', 'outcomes = "auto"'))
    prepare(folder)
    assert launch(folder, (*TRAIN, RESUME)).wait(SECONDS) == 0, folder.console_log.read_text()
    assert [name for name in parquet.read_schema(folder.evaluation).names if "logit" in name] == [*LOGITS]
    kinds = {event.outcomes for event in Tail(folder.events).read() if isinstance(event, events.Started)}
    assert kinds == {"a-b-tie"}
    assert run_in(folder.path.parent, folder.id).metrics.exists()


def test_a_run_of_two_outcomes_goes_on_as_one(start: Start, decided: Path, run: RunFolder) -> None:
    folder, child = start(f"data.train={decided}", "eval.swap=true", "train.save_steps=1", program=halting(4))
    wait_until_halted(folder, child)
    kill(child)
    prepare(folder)
    assert launch(folder, (*TRAIN, RESUME)).wait(SECONDS) == 0, folder.console_log.read_text()
    np.testing.assert_array_equal(logits_in(folder), logits_in(run))


def test_a_line_is_judged_of_two_outcomes(run: RunFolder) -> None:
    line = json.dumps({"prompt": "Name a river.", "response_a": "kind exact", "response_b": "vague"})
    judged = subprocess.run([*ARENA_TUI, "judge", str(run.path)], input=line, capture_output=True, text=True)
    verdict = json.loads(judged.stdout)
    for probabilities in (verdict["probabilities"], verdict["swapped"]["probabilities"]):
        assert list(probabilities) == list(A_B.winners)
        assert sum(probabilities.values()) == pytest.approx(1)
