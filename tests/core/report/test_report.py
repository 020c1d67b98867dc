"""The report: its figures are scikit-learn's, it tells what it leaves out, and makes nothing twice."""

import csv
import json
import os
import signal
import subprocess
from pathlib import Path

import msgspec
import numpy as np
import pytest
import tiny
from evaluated import HOSTILE, evaluate, id_of, logits_for, write_evaluation, write_rows
from msgspec.structs import replace
from pyarrow import parquet
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, precision_score, recall_score
from sklearn.preprocessing import StandardScaler

from core.data.example import DataError
from core.inspect.lookup import read_row
from core.outcomes import A_B, A_B_TIE, TIE
from core.profile.data_settings import Data
from core.profile.load import to_toml
from core.profile.settings import Profile
from core.profile.token_settings import Tokens
from core.report.build import make_report
from core.report.evaluation import Evaluation, read_evaluation
from core.report.groups import position_bias, ratings
from core.report.protocol import REPORT, Progress
from core.report.report import Interval, Report
from core.report.row_lists import IDENTICAL_WITH_WINNER, _remark
from core.report.scores import BINS, against, calibration, interval
from core.runs.folder import RunFolder
from core.runs.metrics import Metrics, save_metrics

LABELS = [0, 1, 2, 2, 0, 1, 1, 0]
LOGITS = np.array(
    [[2, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 3], [0, 2, 1], [0, 0.1, 0], [-1, 4, 0], [5, 0, 0]], dtype=np.float32
)


def by_hand(folder: Path, labels: list[int] = LABELS, logits: "np.ndarray" = LOGITS, **more: object) -> Evaluation:
    run = RunFolder(folder)
    write_evaluation(run.evaluation, [7 * n for n in range(len(labels))], labels, logits, **more)  # type: ignore[arg-type]
    return read_evaluation(run)


def report_on(evaluation: Evaluation) -> Report:
    return make_report("by-hand", evaluation, None, None, None, None, [])


class TestFigures:
    def test_they_are_scikit_learns_on_a_file_made_by_hand(self, tmp_path: Path) -> None:
        report = report_on(by_hand(tmp_path))
        probabilities = softmax(LOGITS.astype(np.float64), axis=1)
        predicted = probabilities.argmax(axis=1)
        assert report.log_loss.value == pytest.approx(log_loss(LABELS, probabilities, labels=[0, 1, 2]), abs=1e-12)
        assert report.accuracy == accuracy_score(LABELS, predicted)
        assert report.confusion == confusion_matrix(LABELS, predicted, labels=[0, 1, 2]).tolist()
        recalls = recall_score(LABELS, predicted, labels=[0, 1, 2], average=None)
        precisions = precision_score(LABELS, predicted, labels=[0, 1, 2], average=None)
        assert [one.recall for one in report.classes] == pytest.approx(recalls)
        assert [one.precision for one in report.classes] == pytest.approx(precisions)
        of_ties = log_loss([2, 2], probabilities[[2, 3]], labels=[0, 1, 2])
        assert report.classes[2].log_loss == pytest.approx(of_ties)
        prior = log_loss(LABELS, [[3 / 8, 3 / 8, 2 / 8]] * 8, labels=[0, 1, 2])
        assert {one.name: one.log_loss for one in report.references}["prior"] == pytest.approx(prior)

    def test_the_calibration_error_weighs_each_bin_by_its_rows(self, tmp_path: Path) -> None:
        sure, doubtful = np.log([[0.9, 0.05, 0.05]]), np.log([[0.5, 0.3, 0.2]])
        logits = np.concatenate([sure] * 3 + [doubtful] * 2).astype(np.float32)
        found = calibration(by_hand(tmp_path, [0, 0, 1, 0, 1], logits))
        assert found.error == pytest.approx((3 * abs(0.9 - 2 / 3) + 2 * abs(0.5 - 0.5)) / 5, abs=1e-6)
        assert [(bin.rows, round(bin.confidence, 4)) for bin in found.filled] == [(2, 0.5), (3, 0.9)]

    def test_by_chance_is_the_error_of_probabilities_that_are_true(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(5)
        probabilities = rng.dirichlet((2, 2, 2), 300)
        confidence = probabilities.max(axis=1)
        place = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
        drawn = [
            np.abs(np.bincount(place, weights=(rng.random(300) < confidence) - confidence)).sum() / 300
            for _ in range(2000)
        ]
        found = calibration(by_hand(tmp_path, [0] * 300, np.log(probabilities).astype(np.float32)))
        assert found.by_chance == pytest.approx(np.mean(drawn), rel=0.05)

    def test_a_row_thought_impossible_counts_as_much_as_in_scikit_learn_alone_and_averaged(
        self, tmp_path: Path
    ) -> None:
        sure = np.array([[0, 2000, 0], [0, 1, 0]], dtype=np.float32)
        evaluation = by_hand(tmp_path, [0, 1], sure, swapped=sure)
        expected = log_loss([0, 1], softmax(sure.astype(np.float64), axis=1), labels=[0, 1, 2])
        assert report_on(evaluation).log_loss.value == pytest.approx(expected)
        found = position_bias(evaluation)
        assert found is not None
        assert found.averaged.value == pytest.approx(expected)
        assert found.gain.value == pytest.approx(0)

    def test_the_interval_is_seeded_and_as_wide_as_the_standard_error_says(self) -> None:
        values = np.random.default_rng(3).exponential(size=400)
        found = interval(values)
        assert found == interval(values)
        assert found.low is not None
        assert found.high is not None
        assert found.low < values.mean() < found.high
        assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)

    def test_groups_hold_every_row_once_by_length_and_by_cut(self, tmp_path: Path) -> None:
        lost = np.array([[0, 0, 0], [0, 0, 5], [0, 0, 9], [0, 3, 9], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]])
        parts = np.full((8, 3), 9)
        tokens = [100, 128, 300, 300, 129, 1, 1, 1]
        found = report_on(by_hand(tmp_path, lost=lost.astype(np.int32), parts=parts.astype(np.int32), tokens=tokens))
        named = {group.name: group.rows for group in found.groups}
        assert named == {
            "up to 128": 4, "129 to 256": 2, "257 to 512": 2,
            "none": 5, "any": 3, "part of A": 1, "part of B": 1, "all of B": 2,
        }  # fmt: skip
        gone = next(group for group in found.groups if group.name == "all of B")
        probabilities = softmax(LOGITS[[2, 3]].astype(np.float64), axis=1)
        assert gone.log_loss == pytest.approx(log_loss([2, 2], probabilities, labels=[0, 1, 2]))

    def test_swapped_copies_tell_flips_the_first_place_and_the_averaged_log_loss(self, tmp_path: Path) -> None:
        plain = np.log([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1]]).astype(np.float32)
        swapped = np.log([[0.4, 0.5, 0.1], [0.2, 0.7, 0.1]]).astype(np.float32)
        found = position_bias(by_hand(tmp_path, [0, 1], plain, swapped=swapped))
        assert found is not None
        assert found.flip_rate == Interval(0.5, 0, 1)
        assert found.first.value == pytest.approx(((0.2 + 0.2) / 2 + 0) / 2, abs=1e-6)
        mean = [[0.5, 0.4, 0.1], [0.2, 0.7, 0.1]]
        assert found.averaged.value == pytest.approx(log_loss([0, 1], mean, labels=[0, 1, 2]), abs=1e-6)
        assert found.gain.value == pytest.approx(np.mean([np.log(0.6 / 0.5), 0]), abs=1e-6)
        assert found.averaged_accuracy == 1

    def test_who_is_overrated_stands_first(self, tmp_path: Path) -> None:
        evaluation = by_hand(tmp_path, [1, 1, 2] * 10, np.array([[2, 0, 0]] * 30, dtype=np.float32))
        found = ratings(evaluation, [("loser", "winner")] * 30)
        assert found is not None
        first, last = found[0].rated
        assert (first.name, last.name) == ("loser", "winner")
        assert first.people == pytest.approx(1000 + 200 * np.log10(1 / 5), abs=1), "it scored 1/6"
        assert first.difference > 250
        assert last.difference == pytest.approx(-first.difference)
        assert found[1].rated[0].score == pytest.approx(1 / 6)
        assert (found[1].rated[0].name, found[1].rated[0].rows) == ("loser : winner", 30)
        assert (found[1].enough, found[1].few) == (1, 0)

    def test_of_many_pairs_the_furthest_are_listed_and_the_others_counted(self, tmp_path: Path) -> None:
        evaluation = by_hand(tmp_path, [0, 1] * 300, np.zeros((600, 3), dtype=np.float32))
        names = [("a", f"b{number // 20:02}") for number in range(570)] + [("a", f"c{n}") for n in range(30)]
        found = ratings(evaluation, names)
        assert found is not None
        assert (len(found[1].rated), found[1].enough, found[1].few) == (20, 28, 31)

    def test_rows_that_are_all_alike_have_no_standard_error(self, tmp_path: Path) -> None:
        found = ratings(by_hand(tmp_path, [0] * 30, np.full((30, 3), 0.1, dtype=np.float32)), [("a", "b")] * 30)
        assert found is not None
        assert [one.z for one in found[0].rated] == [None, None]

    def test_two_runs_are_compared_on_the_rows_of_both_in_pairs(self, tmp_path: Path) -> None:
        better = LOGITS.copy()
        better[2] = [0, 0, 1]
        here = by_hand(tmp_path / "a", logits=better)
        run = RunFolder(tmp_path / "b")
        write_evaluation(run.evaluation, [7 * n for n in range(1, 8)][::-1], LABELS[:0:-1], LOGITS[:0:-1])
        there = read_evaluation(run)
        found, gained, lost = against(here, "b", there)
        assert (found.rows, found.only_here, found.only_there) == (7, 1, 0)
        assert found.difference.value == pytest.approx(-1 / 7)
        assert found.difference.high == 0, "seven rows of which one differs: never worse, sometimes equal"
        assert (gained.tolist(), lost.tolist()) == ([2], [])
        assert found.log_loss - found.other_log_loss == pytest.approx(found.difference.value)
        with pytest.raises(DataError, match="none of the rows"):
            against(here, "b", replace(there, id=[id + 1 for id in there.id]))
        with pytest.raises(DataError, match="b has a different winner in 7 of its rows"):
            against(here, "b", replace(there, label=(there.label + 1) % 3))


class TestWhatCannotBeTold:
    def test_a_class_that_is_absent_is_said_and_has_no_recall(self, tmp_path: Path) -> None:
        report = report_on(by_hand(tmp_path, [0, 1, 0, 1, 0, 0, 1, 1]))
        assert "no evaluation row has the outcome tie" in report.cautions
        assert (report.classes[2].rows, report.classes[2].recall, report.classes[2].log_loss) == (0, None, None)

    def test_one_row_has_no_interval(self, tmp_path: Path) -> None:
        report = report_on(by_hand(tmp_path, [1], LOGITS[1:2]))
        assert (report.rows, report.log_loss.low, report.groups[0].margin) == (1, None, None)
        assert any("there is one evaluation row" in caution for caution in report.cautions)

    def test_rows_without_finite_logits_are_named_and_left_out(self, tmp_path: Path) -> None:
        broken = LOGITS.copy()
        broken[3, 1], broken[5, 0] = np.nan, np.inf
        report = report_on(by_hand(tmp_path, logits=broken))
        assert report.rows == 6
        assert "2 of 8 rows have non-finite logits (id 21, 35)" in report.cautions[0]
        kept = [0, 1, 2, 4, 6, 7]
        probabilities = softmax(LOGITS[kept].astype(np.float64), axis=1)
        true = [LABELS[n] for n in kept]
        assert report.log_loss.value == pytest.approx(log_loss(true, probabilities, labels=[0, 1, 2]))

    @pytest.mark.parametrize(
        ("labels", "logits", "says"),
        [
            ([], np.zeros((0, 3)), "no rows: the run evaluated nothing"),
            ([0, 1], np.full((2, 3), np.nan), "no row has finite logits"),
            ([0, 3], np.zeros((2, 3)), "a label is none of 0"),
        ],
    )
    def test_a_file_that_tells_nothing_is_refused_with_a_reason(
        self, labels: list[int], logits: "np.ndarray", says: str, tmp_path: Path
    ) -> None:
        with pytest.raises(DataError, match=says):
            by_hand(tmp_path, labels, logits.astype(np.float32))

    def test_neither_a_missing_file_nor_another_kind_of_file_is_a_traceback(self, tmp_path: Path) -> None:
        run = RunFolder(tmp_path / "20260131-120000-unfinished")
        with pytest.raises(DataError, match="it is written when a run finishes"):
            read_evaluation(run)
        run.path.mkdir()
        run.evaluation.write_bytes(b"PAR1 not really")
        with pytest.raises(DataError, match="not the evaluation rows of a run"):
            read_evaluation(run)


ROWS = 300


def finished(rows_train: int) -> Metrics:
    """What a run tells when it ends."""
    return Metrics(
        run="a", log_loss=1.0, accuracy=0.5, prior_log_loss=1.09, rows_train=rows_train, rows_eval=60, rows_cut=0,
        steps=1, tokens=1, seconds=1.0, training_seconds=1.0, tokens_per_second=1.0, memory_peak=1, precision="fp32",
        device="cpu",
    )  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A finished run on 300 rows, 60 of them evaluated in both orders."""
    monkeypatch.setenv("ARENA_TUI_CACHE", str(tmp_path / "cache"))
    write_rows(tmp_path / "train.csv", ROWS)
    folder = RunFolder(tmp_path / "runs" / "20260131-120000-a")
    folder.path.mkdir(parents=True)
    profile = Profile(data=Data(train=str(tmp_path / "train.csv")), tokens=Tokens(max_length=160))
    folder.resolved.write_text(to_toml(profile))
    tiny.tokenizer().save_pretrained(folder.adapter)
    evaluate(folder.path, tmp_path / "train.csv", swap=True)
    return folder


def child(*arguments: object) -> tuple[int, list[Progress]]:
    ran = subprocess.run([*REPORT, *map(str, arguments)], capture_output=True, check=False)
    assert ran.stderr == b""
    return ran.returncode, [msgspec.json.decode(line, type=Progress) for line in ran.stdout.splitlines()]


def made_by(*arguments: object) -> tuple[Report, Progress]:
    code, told = child(*arguments)
    assert code == 0, told[-1].problem
    assert told[-1].report
    return msgspec.json.decode(Path(told[-1].report).read_bytes(), type=Report), told[-1]


class TestRows:
    @pytest.mark.slow
    def test_lengths_turns_chatbots_and_listed_rows_come_from_the_data_file(
        self, run: RunFolder, tmp_path: Path
    ) -> None:
        report, told = made_by(run.path)
        assert report.cautions == []
        with (tmp_path / "train.csv").open() as file:
            rows = list(csv.DictReader(file))
        sizes = np.array(
            [[len("".join(json.loads(r[p]))) for p in ("prompt", "response_a", "response_b")] for r in rows]
        )
        labels = np.array([[r[w] for w in ("winner_model_a", "winner_model_b", "winner_tie")].index("1") for r in rows])
        logs = np.log1p(sizes)
        known = np.column_stack([logs, abs(logs[:, 1] - logs[:, 2])])
        held_out = np.arange(ROWS) % 5 == 0
        scaler = StandardScaler().fit(known[~held_out])
        model = LogisticRegression(max_iter=1000).fit(scaler.transform(known[~held_out]), labels[~held_out])
        expected = log_loss(labels[held_out], model.predict_proba(scaler.transform(known[held_out])), labels=[0, 1, 2])
        assert {one.name: one.log_loss for one in report.references}["lengths"] == pytest.approx(expected, abs=1e-9)

        prior = log_loss(labels[held_out], [np.bincount(labels[~held_out]) / (~held_out).sum()] * 60, labels=[0, 1, 2])
        assert {one.name: one.log_loss for one in report.references}["prior"] == pytest.approx(prior)

        turns = {group.name: group.rows for group in report.groups if group.kind == "turns"}
        assert turns == {"1": 30, "2": 30}
        decided = held_out & (labels != 2) & (sizes[:, 1] != sizes[:, 2])
        a_is_longer = sizes[:, 1] > sizes[:, 2]
        longer_won = a_is_longer == (labels == 0)
        assert report.length_bias is not None
        assert report.length_bias.rows == decided.sum()
        assert report.length_bias.humans == pytest.approx(longer_won[decided].mean())
        given = np.zeros((ROWS, 3))
        given[held_out] = softmax(logits_for(labels[held_out].tolist()).astype(float), axis=1)
        of_a = given[decided, 0] / (given[decided, 0] + given[decided, 1])
        of_longer = np.where(a_is_longer[decided], of_a, 1 - of_a)
        assert report.length_bias.model == pytest.approx(of_longer.mean())
        assert report.length_bias.picked == pytest.approx((of_longer > 0.5).mean())
        with_winner = held_out & (labels != 2)
        over_twice = (sizes[:, 1] + 1) > 2 * (sizes[:, 2] + 1)
        bin = report.length_bias.bins[-1]
        assert (bin.name, bin.rows) == ("A over twice B", (with_winner & over_twice).sum())
        chosen = given[with_winner & over_twice]
        assert bin.model == pytest.approx((chosen[:, 0] / (chosen[:, 0] + chosen[:, 1])).mean())
        assert bin.humans == pytest.approx((labels[with_winner & over_twice] == 0).mean())
        assert report.models is not None
        assert sum(one.rows for one in report.models.rated) <= 2 * 60
        assert report.position_bias is not None

        assert [row.loss for row in report.lists.worst] == sorted((r.loss for r in report.lists.worst), reverse=True)
        assert report.lists.mislabelled[0].remark == IDENTICAL_WITH_WINNER
        hostile = next(row for row in report.lists.worst + report.lists.best if row.id == id_of(5))
        assert hostile.models is not None
        assert hostile.models[0] == HOSTILE
        assert told.rows
        assert hostile.number is not None
        assert read_row(Path(told.rows), hostile.number).model_a == HOSTILE

    @pytest.mark.slow
    def test_without_the_data_file_the_rest_is_told_and_the_reason(self, run: RunFolder, tmp_path: Path) -> None:
        with_rows, _ = made_by(run.path)
        (tmp_path / "train.csv").rename(tmp_path / "moved.csv")
        without, told = made_by(run.path)
        assert "train.csv: cannot be read: No such file" in without.cautions[0]
        assert (without.models, without.length_bias, told.rows) == (None, None, None)
        assert without.log_loss.value == with_rows.log_loss.value
        assert without.prompts == with_rows.prompts, "the run itself tells which rows share one"
        assert without.log_loss == with_rows.log_loss
        assert with_rows.prompts
        assert made_by(run.path, "--data", tmp_path / "moved.csv")[0] == with_rows
        parquet.write_table(parquet.read_table(run.evaluation).drop_columns(["prompt"]), run.evaluation)
        older, _ = made_by(run.path)
        assert older.prompts is None, "of an older run it is not known: the interval is by row"
        assert "which rows share a prompt is not known" in older.cautions[0]
        assert made_by(run.path, "--data", tmp_path / "moved.csv")[0] == with_rows

    @pytest.mark.slow
    def test_a_changed_data_file_is_said_with_how_much_of_it_changed(self, run: RunFolder, tmp_path: Path) -> None:
        lines = (tmp_path / "train.csv").read_text().splitlines()
        lines[1] = lines[1][:-5] + ("0,0,1" if not lines[1].endswith("0,0,1") else "1,0,0")
        (tmp_path / "train.csv").write_text("\n".join(line for n, line in enumerate(lines) if n not in (6, 11)))
        report, _ = made_by(run.path)
        assert "it lacks 2 of the evaluation rows" in report.cautions[0]
        assert "another winner in 1 of the evaluation rows" in report.cautions[1]
        assert "lengths" not in {one.name for one in report.references}

    @pytest.mark.slow
    def test_texts_and_training_rows_that_have_changed_are_said(self, run: RunFolder, tmp_path: Path) -> None:
        save_metrics(run.metrics, finished(rows_train=240))
        assert made_by(run.path)[0].cautions == []
        lines = (tmp_path / "train.csv").read_text().splitlines()
        worst = made_by(run.path)[0].lists.worst[0].id
        edited = [line.replace('"[""a', '"[""b a a', 1) if line.startswith(f"{worst},") else line for line in lines]
        assert edited != lines
        (tmp_path / "train.csv").write_text("\n".join([*edited, lines[2].replace(lines[2].split(",")[0], "77", 1)]))
        cautions = made_by(run.path)[0].cautions
        assert any("it has 241 rows to train on, where the run had 240" in one for one in cautions)
        assert any("the run was given other texts in 1 of the listed rows" in one for one in cautions)

    @pytest.mark.slow
    def test_lone_surrogates_in_the_chatbots_names_do_not_end_it(self, run: RunFolder, tmp_path: Path) -> None:
        """JSON text may hold them, and a report cannot be written with them."""
        with (tmp_path / "train.csv").open(newline="", encoding="utf-8") as file:
            rows = [{**row, "model_a": "half \ud83d"} for row in csv.DictReader(file)]
        (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        report, told = made_by(run.path, "--data", tmp_path / "train.jsonl")
        assert {row.models[0] for row in report.lists.worst if row.models} == {"half \ufffd"}
        assert told.rows

    @pytest.mark.slow
    def test_without_a_tokenizer_the_rows_are_listed_without_their_cut(self, run: RunFolder) -> None:
        (run.adapter / "tokenizer.json").unlink()
        report, told = made_by(run.path)
        assert "no row can be shown with its cut" in report.cautions[0]
        assert (told.rows, report.lists.worst[0].number) == (None, None)

    @pytest.mark.slow
    def test_the_same_content_is_computed_once_and_changed_content_anew(self, run: RunFolder, tmp_path: Path) -> None:
        first = child(run.path)[1]
        again = child(run.path)[1]
        assert again[-1] == first[-1]
        assert len(again) == 2 < len(first)
        evaluate(run.path, tmp_path / "train.csv", seed=9)
        assert child(run.path)[1][-1].report != first[-1].report

    @pytest.mark.slow
    def test_ending_it_leaves_nothing_half_done(self, run: RunFolder, tmp_path: Path) -> None:
        with subprocess.Popen([*REPORT, str(run.path)], env=os.environ, stdout=subprocess.PIPE) as process:
            assert process.stdout
            for _ in range(3):
                process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            process.stdout.read()
            assert process.wait() in (143, 0)  # 0 where it was done already
        assert not [path for path in (tmp_path / "cache").glob("reports/*") if path.name.startswith(".making")]

    @pytest.mark.slow
    @pytest.mark.parametrize(("problem", "says"), [("none", "has no eval.parquet"), ("profile", "resolved.toml")])
    def test_what_stands_in_the_way_is_told_and_exits_2(self, problem: str, says: str, run: RunFolder) -> None:
        if problem == "none":
            run.evaluation.unlink()
        else:
            run.resolved.write_text("[train]\nepochs = 0\n")
        code, told = child(run.path)
        assert code == 2
        assert says in (told[-1].problem or "")

    @pytest.mark.slow
    def test_a_cache_that_cannot_be_written_is_an_error_in_words(
        self, run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("ARENA_TUI_CACHE", str(tmp_path / "file"))
        code, told = child(run.path)
        assert code == 1
        assert (told[-1].problem or "").startswith("the report failed: ")


@pytest.mark.slow
def test_a_model_that_prefers_neither_answer_picks_the_longer_one_in_half_of_the_rows(run: RunFolder) -> None:
    held_out = parquet.read_table(run.evaluation, columns=["id", "label"]).to_pydict()
    write_evaluation(run.evaluation, held_out["id"], held_out["label"], np.zeros((ROWS // 5, 3), dtype=np.float32))
    found = made_by(run.path)[0].length_bias
    assert found is not None
    assert (found.model, found.picked) == (0.5, 0.5)


@pytest.mark.slow
def test_skill_is_worth_what_the_comparison_says(run: RunFolder, tmp_path: Path) -> None:
    other = RunFolder(tmp_path / "runs" / "20260131-120000-b")
    labels = write_rows(tmp_path / "train.csv", ROWS)
    tiny.tokenizer().save_pretrained(other.adapter)
    evaluate(other.path, tmp_path / "train.csv", skill=0.0)
    report, _ = made_by(run.path, "--against", other.path)
    assert report.against is not None
    held_out = [labels[n] for n in range(0, ROWS, 5)]
    here, there = (softmax(logits_for(held_out, skill=skill).astype(float), axis=1) for skill in (0.7, 0.0))
    expected = log_loss(held_out, here, labels=[0, 1, 2]) - log_loss(held_out, there, labels=[0, 1, 2])
    assert report.against.difference.value == pytest.approx(expected)
    assert report.against.gained == len(report.lists.gained) > 0


def test_identical_answers_with_a_winner_are_odd_only_where_there_could_have_been_a_tie() -> None:
    assert _remark(A_B_TIE, 0, "same", "same") == IDENTICAL_WITH_WINNER
    assert _remark(A_B_TIE, TIE, "same", "same") == "identical answers"
    assert _remark(A_B, 0, "same", "same") == "identical answers"
