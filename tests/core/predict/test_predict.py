"""Predictions as real child processes: equal to the evaluation, whoever computes them, in whatever order, resumed."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tiny
import torch
from peft import PeftModel
from places import SUPPORT
from pyarrow import parquet
from safetensors.torch import load_file, save_file
from tiny_runs import SECONDS, SETTINGS, copy_of, fill
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from core.data.rows import read_comparisons
from core.data.template import RECIPE
from core.data.tokenizer import PromptTokenizer
from core.data.tokens import encode
from core.predict.actions import create_prediction, settle
from core.predict.folder import PredictionFolder, at_work, list_predictions
from core.predict.model import probe_ids
from core.predict.passes import digest
from core.predict.protocol import PREDICT
from core.predict.request import CannotPredict, Request, choose_members
from core.profile.data_settings import Data
from core.profile.load import parse_profile, to_toml
from core.profile.settings import Profile
from core.profile.token_settings import Tokens
from core.runs import events
from core.runs.folder import RunFolder, create_run
from core.runs.liveness import is_run_alive
from core.runs.lock import locked
from core.runs.process import describe_this_process, launch
from core.runs.record import Record, Tail
from core.runs.seal import seal
from core.runs.state import Status, read_run
from core.runs.trash import StillInUse, discard

pytestmark = [pytest.mark.xdist_group("predict"), pytest.mark.slow]

ARENA_TUI = [sys.executable, "-P", "-m", "arena_tui"]
ROWS = tiny.rows(300, seed=4)
TEST_COLUMNS = ["id", "prompt", "response_a", "response_b"]


@pytest.fixture(scope="module")
def runs(checkpoint: Path, train_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> list[RunFolder]:
    """Two finished runs: another seed and limit, and the second in NF4 and by the packed engine."""
    place = tmp_path_factory.mktemp("runs")
    made = []
    for overrides in (
        ["train.seed=1"],
        ["train.seed=2", "tokens.max_length=48", "model.quantization=nf4", "train.engine=packed"],
    ):
        own = [f"data.train={train_csv}", f"model.checkpoint={checkpoint}", "train.save_steps=3", *overrides]
        profile = parse_profile(SETTINGS, source="tiny", overrides=own)
        folder = create_run(place, profile, text=SETTINGS, name="tiny")
        assert launch(folder).wait(SECONDS) == 0
        made.append(folder)
    return made


@pytest.fixture(scope="module")
def plain(runs: list[RunFolder], tmp_path_factory: pytest.TempPathFactory) -> PredictionFolder:
    """ROWS in both orders by the first run, at one go."""
    test = write_test(tmp_path_factory.mktemp("plain") / "plain.csv", ROWS)
    folder = create_prediction(Request(members=choose_members(runs[:1]), test=str(test), swap=True))
    assert launch(folder, PREDICT).wait(SECONDS) == 0
    assert list(submitted(folder)) == [row["id"] for row in ROWS]
    return folder


@pytest.fixture
def ask(runs: list[RunFolder]) -> Iterator[Callable[..., PredictionFolder]]:
    """Starts a prediction, and waits for its end unless told otherwise; what is left over is killed."""
    children: list[subprocess.Popen[bytes]] = []

    def ask(test: Path, *, of: Sequence[RunFolder] = (), code: int | None = 0, **wishes: Any) -> PredictionFolder:
        request = Request(members=choose_members(of or runs[:1], wishes.pop("weights", None)), test=str(test), **wishes)
        folder, is_at_work = settle(request)
        assert not is_at_work
        children.append(launch(folder, PREDICT))
        if code is not None:
            assert children[-1].wait(SECONDS) == code, folder.console_log.read_text()
        return folder

    yield ask
    for child in children:
        child.kill()
        child.wait()


def write_test(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Rows as test.csv has them: no models, no winners."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, TEST_COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def submitted(folder: PredictionFolder) -> dict[int, list[float]]:
    with folder.submission.open(newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0] == ["id", "winner_model_a", "winner_model_b", "winner_tie"]
    return {int(id): list(map(float, numbers)) for id, *numbers in lines[1:]}


def logits(folder: PredictionFolder, name: str) -> np.ndarray[Any, Any]:
    table = parquet.read_table(folder.table).to_pydict()
    return np.array([table[f"{name}_logit_{which}"] for which in ("a", "b", "tie")]).T


def evaluated(run: RunFolder) -> tuple[list[int], np.ndarray[Any, Any]]:
    """Which of the training file's rows the run was evaluated on, and their logits."""
    stored = parquet.read_table(run.evaluation).to_pydict()
    rows = [i for i, row in enumerate(tiny.rows(60)) if row["id"] in set(stored["id"])]
    return rows, np.array([stored["logit_a"], stored["logit_b"], stored["logit_tie"]]).T


def assert_same(one: dict[int, list[float]], other: dict[int, list[float]]) -> None:
    assert one.keys() == other.keys()
    np.testing.assert_allclose([one[id] for id in one], [other[id] for id in one], atol=1e-6)


def test_rows_of_the_evaluation_get_the_logits_of_the_evaluation(
    ask: Callable[..., PredictionFolder], runs: list[RunFolder], train_csv: Path
) -> None:
    folder = ask(train_csv, of=runs, weights=[3, 1], batch_tokens=200)
    for run, name in zip(runs, ("run_1", "run_2"), strict=True):
        rows, known = evaluated(run)
        np.testing.assert_allclose(logits(folder, name)[rows], known, atol=1e-5)

    shares = [softmax(logits(folder, name)) for name in ("run_1", "run_2")]
    expected = 0.75 * shares[0] + 0.25 * shares[1]
    np.testing.assert_allclose(list(submitted(folder).values()), expected, atol=1e-12)
    labels = [row.index("1") for row in ([r[c] for c in tiny.COLUMNS[6:]] for r in tiny.rows(60))]
    summary = json.loads(folder.summary.read_bytes())
    assert summary["log_loss"] == pytest.approx(-np.log(expected[range(60), labels]).mean())
    assert [member["weight"] for member in summary["members"]] == [0.75, 0.25]
    assert read_run(folder)[1] is Status.FINISHED
    assert not folder.scores.exists()
    assert "packed" in runs[1].events.read_text()


def test_a_swap_is_averaged_by_id_where_lengths_tie_or_differ_by_a_token(
    ask: Callable[..., PredictionFolder], runs: list[RunFolder], checkpoint: Path, tmp_path: Path
) -> None:
    answers = ["good", "bad good", "good bad", "bad", "good good bad", "", "bad bad bad good", "good"]
    pairs = [(a, b) for a in answers[:4] for b in answers[4:]] + [("good", "good")]
    ids = [2**63 - 1 - 7 * number for number in range(len(pairs) - 1)] + [-(2**63)]
    cells = [{"response_a": json.dumps([a]), "response_b": json.dumps([b])} for a, b in pairs]
    test = write_test(tmp_path / "test.csv", [tiny.row(id, 0, **more) for id, more in zip(ids, cells, strict=True)])
    folder = ask(test, swap=True, batch_tokens=120)

    base = AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=3)
    model = PeftModel.from_pretrained(base, runs[0].adapter).eval()
    tokenizer = AutoTokenizer.from_pretrained(runs[0].adapter)

    def alone(a: str, b: str) -> list[float]:
        text = f"<prompt>: Hello\n\n<response_a>: {a}\n\n<response_b>: {b}"
        tokens = [2, *tokenizer(text, add_special_tokens=False).input_ids[:62], 1]
        with torch.no_grad():
            return model(torch.tensor([tokens])).logits.double().softmax(-1)[0].tolist()

    found = submitted(folder)
    assert list(found) == ids
    for id, (a, b) in zip(ids, pairs, strict=True):
        straight, (first, second, tie) = alone(a, b), alone(b, a)
        np.testing.assert_allclose(found[id], np.mean([straight, [second, first, tie]], axis=0), atol=1e-5)
        assert abs(sum(found[id]) - 1) < 1e-6


def test_the_order_of_rows_the_size_of_batches_and_a_killed_worker_change_nothing(
    ask: Callable[..., PredictionFolder], plain: PredictionFolder, tmp_path: Path
) -> None:
    test = write_test(tmp_path / "backwards.csv", ROWS[::-1])
    folder = ask(test, swap=True, workers=2, batch_tokens=64, code=None)
    until(lambda: kept(folder) > 20)
    victim, other = psutil.Process(folder.read_info().pid).children()  # type: ignore[union-attr]
    victim.kill()
    until(lambda: folder.summary.exists())
    assert list(submitted(folder)) == [row["id"] for row in ROWS[::-1]]
    assert_same(submitted(plain), submitted(folder))
    said = [event.message for event in Tail(folder.events).read() if isinstance(event, events.Warning)]
    assert len(said) == 1
    assert "was killed by the system or by a user (SIGKILL" in said[0]
    assert "; its rows are done by the other one" in said[0]
    until(lambda: not other.is_running())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_prediction_that_was_stopped_half_way_goes_on_and_equals_the_plain_one(
    number: int, ask: Callable[..., PredictionFolder], plain: PredictionFolder, tmp_path: Path
) -> None:
    test = write_test(tmp_path / "test.csv", ROWS)
    folder = ask(test, swap=True, batch_tokens=64, code=None)
    until(lambda: kept(folder) > 20)
    owner = psutil.Process(folder.read_info().pid)  # type: ignore[union-attr]
    workers = owner.children()
    owner.send_signal(number)
    until(lambda: not any(process.is_running() for process in workers))  # none of them is left behind
    until(lambda: read_run(folder)[1] is (Status.LOST if number == signal.SIGKILL else Status.CANCELLED))
    until(lambda: is_run_alive(folder) is False)
    before = kept(folder)
    assert 20 < before < 2 * len(ROWS)
    next(folder.scores.glob("*/*.batch")).write_bytes(b"half")

    assert ask(test, swap=True).path == folder.path
    started = [event for event in Tail(folder.events).read() if isinstance(event, events.Predicting)]
    assert started[-1].rows_kept == before - 1
    assert_same(submitted(plain), submitted(folder))
    assert read_run(folder)[1] is Status.FINISHED


def test_what_is_kept_belongs_to_its_rows_its_adapter_and_its_settings(runs: list[RunFolder], tmp_path: Path) -> None:
    [member] = choose_members(runs[:1])
    profile, adapter = member.read_profile(), Path(member.adapter)
    encoded = [
        row
        for batch in encode(
            read_comparisons(str(write_test(tmp_path / "test.csv", ROWS)), Data(), "auto"),
            PromptTokenizer(adapter),
            profile.tokens,
            RECIPE,
        )
        for row in batch
    ]
    other = Path(choose_members(runs[1:])[0].adapter)
    digests = [
        digest(encoded, profile, adapter, merge=False),
        digest(encoded[1:], profile, adapter, merge=False),
        digest(encoded, profile, other, merge=False),
        digest(encoded, profile, adapter, merge=True),
    ]
    assert len(set(digests)) == 4
    assert digest(encoded, profile, adapter, merge=False) == digests[0]


def test_merged_weights_say_what_they_change_and_checkpoints_can_be_used(
    ask: Callable[..., PredictionFolder], runs: list[RunFolder], train_csv: Path
) -> None:
    folder = ask(train_csv, of=runs[1:], merge=True)
    stored = parquet.read_table(runs[1].evaluation).to_pydict()
    rows = [i for i, row in enumerate(tiny.rows(60)) if row["id"] in set(stored["id"])]
    known = np.array([stored["logit_a"], stored["logit_b"], stored["logit_tie"]]).T
    apart = np.abs(logits(folder, "run_1")[rows] - known).max()
    assert 0 < apart < 0.05
    said = [event.message for event in Tail(folder.events).read() if isinstance(event, events.Warning)]
    assert "merged into bfloat16 weights" in said[0]

    [early] = choose_members(runs[:1], checkpoint=3)
    assert Path(early.adapter) == runs[0].checkpoints / "checkpoint-3"
    with pytest.raises(CannotPredict, match="no checkpoint of step 4; it has 6, 3"):
        choose_members(runs[:1], checkpoint=4)


def test_the_probe_of_a_merge_is_shown_as_rows_are_between_bos_and_eos(runs: list[RunFolder]) -> None:
    adapter = runs[0].adapter
    tokenizer = AutoTokenizer.from_pretrained(adapter)
    text = "<prompt>: Which is larger, 7 or 12?\n\n<response_a>: 12 is larger.\n\n<response_b>: I cannot say."
    written = tokenizer(text, add_special_tokens=False)["input_ids"]
    [ids] = probe_ids(adapter, Profile())
    assert ids == [tokenizer.bos_token_id, *written, tokenizer.eos_token_id]
    [short] = probe_ids(adapter, Profile(tokens=Tokens(max_length=16)))
    assert short == [*ids[:15], tokenizer.eos_token_id]


def test_logits_that_are_not_finite_end_it_with_the_row_and_the_run(
    ask: Callable[..., PredictionFolder], runs: list[RunFolder], tmp_path: Path
) -> None:
    broken = copy_of(runs[0], tmp_path / "broken")
    weights = load_file(broken.adapter / "adapter_model.safetensors")
    head = next(name for name in weights if "score" in name)
    save_file(weights | {head: weights[head] * torch.nan}, broken.adapter / "adapter_model.safetensors")
    seal(broken.adapter)
    folder = ask(write_test(tmp_path / "test.csv", [tiny.row(41, 0)]), of=[broken], code=1)
    failed = Tail(folder.events).read()[-1]
    assert isinstance(failed, events.Failed)
    assert "broken gives the row with id 41 non-finite logits" in failed.cause
    assert not folder.submission.exists()


def arena_tui(*arguments: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    command = [*ARENA_TUI, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def test_the_command_predicts_one_row_follows_and_writes_where_it_is_told(
    runs: list[RunFolder], tmp_path: Path
) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps(tiny.row(2**60 + 1, 2, response_b='[""]')) + "\n")
    ran = arena_tui("predict", runs[0].path, "rows.jsonl", "-o", "out.csv", "--rules", "--json", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    [line] = ran.stdout.splitlines()
    assert json.loads(line)["rows_ruled"] == 1
    assert (tmp_path / "out.csv").read_text().splitlines()[1] == f"{2**60 + 1},0.88,0.04,0.08"
    assert "scoring: 1 row," in ran.stderr
    assert "predicted 1 row: log loss 2.5257" in ran.stderr
    *_, rules, means = ran.stderr.splitlines()
    assert "rules (used) decide 1 row: log loss 2.5257 with them, " in rules
    assert means == "  mean probability: A wins 88.0 %, B wins 4.0 %, tie 8.0 %"
    checked = arena_tui("submission", "check", "out.csv", "rows.jsonl", cwd=tmp_path)
    assert (checked.returncode, checked.stdout) == (0, "out.csv: 1 row, nothing wrong with it\n")


def test_what_cannot_be_predicted_is_refused_in_words(runs: list[RunFolder], tmp_path: Path) -> None:
    bare = RunFolder(tmp_path / "bare")
    bare.path.mkdir()
    shutil.copy(runs[0].resolved, bare.resolved)
    binary, stripped, cropped = (copy_of(runs[0], tmp_path / name) for name in ("binary", "stripped", "cropped"))
    binary.resolved.write_bytes(b"\xff\xfe")
    (stripped.adapter / "adapter_model.safetensors").unlink()
    os.truncate(cropped.adapter / "adapter_model.safetensors", 1000)
    (runs[0].path.parent.parent / "link").symlink_to(runs[0].path)
    write_test(tmp_path / "row.csv", ROWS[:1])
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "heading.csv").write_text("id,prompt,response_a,response_b\n")
    for arguments, found in (
        ((bare.path, "heading.csv"), "bare has no adapter: it has not finished"),
        ((runs[0].path, "absent.csv"), "absent.csv: no such file"),
        ((runs[0].path, "empty.csv"), "empty.csv: the file is empty"),
        ((runs[0].path, "heading.csv"), "heading.csv: no rows"),
        ((runs[0].path, "heading.csv", "--weights", "1,2"), "2 weights for 1 runs"),
        ((runs[0].path, runs[0].path, "heading.csv"), "a run is given twice"),
        ((runs[0].path, "heading.csv", "--truncation", "middle"), "one of right, left"),
        ((runs[0].path, runs[0].path.parent / "." / ".." / "link", "heading.csv"), "is a link to a run, not a run"),
        ((runs[0].path, runs[1].path, "heading.csv", "--weights", "1e308,1e308"), "weights are numbers above 0"),
        ((runs[0].path, "heading.csv", "-o", "no/where.csv"), "there is no such folder"),
        ((runs[0].path, "heading.csv", "-o", "."), ". is a folder; name a file in it"),
        ((runs[0].path, "heading.csv", "-o", "./heading.csv"), "holds the rows; the submission needs another name"),
        ((binary.path, "heading.csv"), "line 1: not UTF-8 text"),
        ((stripped.path, "heading.csv"), "no adapter_model.safetensors in its adapter; --checkpoint takes"),
        ((cropped.path, "row.csv"), "adapter_model.safetensors has 1,000 of"),
    ):
        ran = arena_tui("predict", *arguments, cwd=tmp_path)
        assert ran.returncode == (1 if "row.csv" in arguments else 2), arguments
        assert found in ran.stdout + ran.stderr, ran.stdout + ran.stderr
        assert "Traceback" not in ran.stdout + ran.stderr


def test_a_prediction_that_is_at_work_is_followed_and_not_begun_twice(
    runs: list[RunFolder], plain: PredictionFolder, tmp_path: Path
) -> None:
    """This process plays the one at work."""
    test = write_test(tmp_path / "test.csv", ROWS[:3])
    request = Request(members=choose_members(runs[:1]), test=str(test))
    folder, is_at_work = settle(request)
    assert not is_at_work
    folder.write_info(describe_this_process(["arena"]))
    with locked(folder.lock), Record(folder.events) as record:
        record.write(events.Phase(phase="loading"))
        assert settle(request)[0].path == folder.path
        assert settle(request)[1]
        other = arena_tui("predict", runs[0].path, test, "--rules", cwd=tmp_path)
        assert other.returncode == 1
        assert "is predicting these rows with other options" in other.stderr
        record.write(events.Predicted(submission="out.csv", rows=3, log_loss=None, accuracy=None))
    for done in (plain.table, plain.submission, plain.summary):
        shutil.copy(done, folder.path)
    assert settle(request)[0].path != folder.path


def test_two_that_ask_for_the_same_at_once_begin_it_once(runs: list[RunFolder], tmp_path: Path) -> None:
    """The slower one may come before the other's process has said who it is."""
    write_test(tmp_path / "test.csv", ROWS[:3])
    command = [*ARENA_TUI, "predict", str(runs[0].path), "test.csv", "-o", "out.csv"]
    before = len(list_predictions(runs[0]))
    both = [
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [child.communicate(timeout=SECONDS) for child in both]
    assert [child.returncode for child in both] == [0, 0, 0], said
    assert len(list_predictions(runs[0])) == before + 1
    assert sum(out.startswith("already running: ") for out, _ in said) == 2
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 4


def test_one_that_is_just_beginning_elsewhere_is_waited_for(runs: list[RunFolder], tmp_path: Path) -> None:
    test = write_test(tmp_path / "test.csv", ROWS[:4])
    folder, is_at_work = settle(Request(members=choose_members(runs[:1]), test=str(test)))
    assert not is_at_work
    command = [*ARENA_TUI, "predict", str(runs[0].path), "test.csv"]
    other = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert other.stdout
    assert other.stdout.readline().startswith("already running")
    child = launch(folder, PREDICT)
    out, err = other.communicate(timeout=SECONDS)
    assert (other.returncode, err) == (0, "")
    assert "predicted 4 rows" in out
    assert child.wait(SECONDS) == 0


def with_settings(run: RunFolder, place: Path, *overrides: str) -> RunFolder:
    """A copy of `run` that says it was trained with these."""
    copy = copy_of(run, place)
    profile = parse_profile(copy.resolved.read_text(), source="copy", overrides=overrides)
    copy.resolved.write_text(to_toml(profile))
    return copy


def test_a_run_that_was_packed_is_predicted_where_packing_is_impossible_and_the_record_says_why(
    ask: Callable[..., PredictionFolder], runs: list[RunFolder], train_csv: Path, tmp_path: Path
) -> None:
    impossible = with_settings(runs[1], tmp_path / "eager", "model.attention=eager")
    folder = ask(train_csv, of=[impossible], workers=2, batch_tokens=64)
    rows, known = evaluated(runs[1])
    np.testing.assert_allclose(logits(folder, "run_1")[rows], known, atol=2e-5)
    said = [event.message for event in Tail(folder.events).read() if isinstance(event, events.Warning)]
    assert said == [
        "run 1 asks for train.engine = 'packed'; the padded engine scores it: the packed engine cannot compute this: "
        "model.attention asks for eager"
    ]


def test_scores_are_gone_on_with_whatever_the_weights_and_tell_on_what_they_were_made(
    ask: Callable[..., PredictionFolder], runs: list[RunFolder], tmp_path: Path
) -> None:
    test = write_test(tmp_path / "test.csv", ROWS[:6])
    blocked = tmp_path / "out.csv"
    blocked.mkdir()
    folder = ask(test, of=runs, weights=[1, 1], output=str(blocked), code=1)
    assert not folder.summary.exists()
    assert ask(test, of=runs, weights=[3, 1]).path == folder.path
    summary = json.loads(folder.summary.read_bytes())
    assert [member["weight"] for member in summary["members"]] == [0.75, 0.25]
    assert summary["precision"] == "fp32"
    assert summary["device"]
    assert sum(isinstance(event, events.Predicting) for event in Tail(folder.events).read()) == 1, (
        "nothing is scored twice"
    )


def test_memory_that_runs_out_halves_the_batches_once_for_all_and_changes_no_answer(
    runs: list[RunFolder], plain: PredictionFolder, tmp_path: Path
) -> None:
    test = write_test(tmp_path / "test.csv", ROWS)
    request = Request(members=choose_members(runs[:1]), test=str(test), swap=True, batch_tokens=512, workers=2)
    folder = create_prediction(request)
    assert launch(folder, short_of_memory(3)).wait(SECONDS) == 0, folder.console_log.read_text()
    assert_same(submitted(plain), submitted(folder))
    [said] = [event.message for event in Tail(folder.events).read() if isinstance(event, events.Warning)]
    assert said.startswith(f"memory ran out with 512 tokens at once: {runs[0].id} continues with ")
    assert said.endswith(" does so from the start")


def test_a_row_that_does_not_fit_by_itself_is_named_with_its_length_and_the_way_out(
    runs: list[RunFolder], tmp_path: Path
) -> None:
    rows = [tiny.row(1, 0), tiny.row(2**50 + 3, 0, response_b=json.dumps(["good " * 200]))]
    test = write_test(tmp_path / "test.csv", rows)
    folder = create_prediction(Request(members=choose_members(runs[:1]), test=str(test)))
    assert launch(folder, short_of_memory(0)).wait(SECONDS) == 1
    failed = Tail(folder.events).read()[-1]
    assert isinstance(failed, events.Failed)
    assert (
        f"the row with id {2**50 + 3}, 64 tokens, does not fit in memory even by itself: GPU memory ran" in failed.cause
    )
    assert "A lower --max-length cuts it" in failed.advice
    assert psutil.Process().children() == []


def test_each_run_of_a_prediction_leads_to_it_and_stays_while_it_is_at_work(
    ask: Callable[..., PredictionFolder], runs: list[RunFolder], tmp_path: Path
) -> None:
    test = write_test(tmp_path / "long.csv", ROWS)
    own = [copy_of(run, tmp_path / "runs" / run.id) for run in runs]  # what becomes of them concerns no other test
    folder = ask(test, of=own, swap=True, batch_tokens=64, code=None)
    until(lambda: kept(folder) > 5)
    assert [at_work(run) and at_work(run).path for run in own] == [folder.path] * 2  # type: ignore[union-attr]
    for run in own:
        with pytest.raises(StillInUse, match=f"a prediction with {run.id} is at work"):
            discard(run)
    deleted = arena_tui("delete", own[1].path, "--yes", cwd=tmp_path)
    assert deleted.returncode == 1
    assert f"a prediction with {own[1].id} is at work: wait, or arena-tui stop {own[1].id}" in deleted.stderr

    watching = [*ARENA_TUI, "watch", folder.id, "--runs-dir", str(tmp_path / "runs")]
    watched = subprocess.Popen(watching, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert watched.stdout
    until(lambda: "scoring: 300 rows" in watched.stdout.readline())  # type: ignore[union-attr]
    stopped = arena_tui("stop", own[1].id, "--runs-dir", tmp_path / "runs", cwd=tmp_path)
    assert stopped.returncode == 0, stopped.stderr
    assert stopped.stdout == f"{folder.id} cancelled\n"
    assert "stopping on SIGTERM\n" in stopped.stderr
    assert "they are kept, and the same command resumes" in watched.communicate(timeout=SECONDS)[0]
    assert discard(own[1]).path.exists()
    again = arena_tui("stop", own[0].id, "--runs-dir", tmp_path / "runs", cwd=tmp_path)
    assert again.returncode == 1
    assert f"{own[0].id} is not running here" in again.stderr
    unknown = arena_tui("watch", "nothing", "--runs-dir", tmp_path / "runs", cwd=tmp_path)
    assert (unknown.returncode, "no run called 'nothing'" in unknown.stderr) == (2, True)


def test_a_full_disk_is_told_at_the_beginning_and_on_the_way_and_once_there_is_room_the_same_goes_on(
    ask: Callable[..., PredictionFolder], plain: PredictionFolder, runs: list[RunFolder], small_disk: Path
) -> None:
    run, test = copy_of(runs[0], small_disk / "run"), write_test(small_disk / "test.csv", ROWS)
    run.predictions.mkdir()
    filler = fill(small_disk)
    refused = arena_tui("predict", run.path, test, cwd=small_disk)
    assert refused.returncode == 1
    assert refused.stderr == f"{run.path}: the prediction cannot start: No space left on device\n"
    assert list_predictions(run) == []
    assert [path for path in run.predictions.iterdir() if path.is_dir()] == []
    filler.unlink()

    folder = ask(test, of=[run], swap=True, batch_tokens=64, code=None)
    until(lambda: kept(folder) > 5)
    filler = fill(small_disk)
    until(lambda: read_run(folder)[1] is Status.FAILED)
    failed = read_run(folder)[0].last
    assert isinstance(failed, events.Failed)
    assert "no space is left on the disk" in failed.cause
    until(lambda: is_run_alive(folder) is False)
    filler.unlink()
    assert ask(test, of=[run], swap=True).path == folder.path
    assert_same(submitted(plain), submitted(folder))


def short_of_memory(most_rows: int) -> list[str]:
    return [sys.executable, "-P", str(SUPPORT / "failing_worker.py"), str(most_rows)]


def kept(folder: PredictionFolder) -> int:
    """Rows whose logits are on disk."""
    return len(list(folder.scores.glob("*/*.batch")))


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def softmax(of: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    exponents = np.exp(of.astype(np.float64))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))
