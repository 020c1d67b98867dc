"""The parts of a prediction: batches, dealing them out, keeping what is done, averages, rules, and the file's check."""

import errno
import json
import os
import weakref
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.data.example import DataError, Example, swapped
from core.engine.scores import softmax
from core.outcomes import A_B_TIE
from core.predict.errors import in_words
from core.predict.passes import batches
from core.predict.results import average, follow_rules
from core.predict.store import LogitStore
from core.predict.submission import PROBABILITIES, WINNER, check_submission, submission
from core.predict.worker import AdaptiveBatches, NoRoomForOne
from core.predict.workers import TaskQueue


@given(st.lists(st.integers(1, 900), max_size=60), st.integers(1, 2000))
def test_every_row_is_in_one_batch_that_holds_no_more_than_it_may(lengths: list[int], most: int) -> None:
    made = batches(lengths, range(len(lengths)), most)
    assert sorted(row for batch in made for row in batch.rows) == list(range(len(lengths)))
    for batch in made:
        padded = len(batch.rows) * max(lengths[row] for row in batch.rows)
        assert padded <= most or len(batch.rows) == 1
    longest = [max(lengths[row] for row in batch.rows) for batch in made]
    assert longest == sorted(longest, reverse=True)


def test_a_task_that_is_given_back_is_done_by_those_who_thought_that_all_was_done() -> None:
    tasks = TaskQueue(["only"])
    taken = tasks.take()
    found: list[str | None] = []
    waiting = Thread(target=lambda: found.append(tasks.take()))
    waiting.start()
    assert taken == "only"
    tasks.give_back(taken)
    waiting.join(10)
    assert found == ["only"]
    tasks.done()
    assert tasks.take() is None


def test_a_closed_deal_lets_nobody_wait() -> None:
    tasks = TaskQueue(["one"])
    tasks.take()
    waiting = Thread(target=tasks.take)
    waiting.start()
    tasks.close()
    waiting.join(10)
    assert not waiting.is_alive()
    tasks.give_back("one")
    assert tasks.take() is None


def test_what_is_kept_is_read_again_and_what_is_damaged_or_of_other_rows_is_not(tmp_path: Path) -> None:
    kept = LogitStore(tmp_path, 5, 3)
    kept.add([3, 1], np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32))
    kept.add([4], np.array([[7, 8, 9]], dtype=np.float32))
    whole = (tmp_path / "3.batch").read_bytes()
    flipped = bytes([*whole[:-1], whole[-1] ^ 1])
    for name, content in (("0", b""), ("1", b"half"), ("2", whole[:-1]), ("5", flipped), ("6", bytes(4096))):
        (tmp_path / f"{name}.batch").write_bytes(content)
    again = LogitStore(tmp_path, 5, 3)
    assert again.missing == [0, 2]
    np.testing.assert_array_equal(again.logits[[1, 3, 4]], [[4, 5, 6], [1, 2, 3], [7, 8, 9]])
    assert LogitStore(tmp_path, 4, 3).missing == [0, 2]  # row 4 is none of four rows


def test_a_mean_of_probabilities_is_never_worse_than_its_members_and_sums_to_one() -> None:
    chance = np.random.default_rng(0)
    logits = [chance.normal(scale=8, size=(200, 3)).astype(np.float32) for _ in range(3)]
    members = [softmax(one) for one in logits]
    mean = average(members, [0.5, 0.3, 0.2])
    assert np.abs(mean.sum(axis=1) - 1).max() < 1e-12
    labels = chance.integers(0, 3, 200)
    losses = [-np.log(one[range(200), labels]).mean() for one in members]
    assert -np.log(mean[range(200), labels]).mean() <= np.dot(losses, [0.5, 0.3, 0.2])


@pytest.mark.slow
def test_where_memory_runs_out_a_batch_is_scored_in_halves_and_so_is_all_that_comes() -> None:
    computed: list[list[int]] = []

    def logits_of(ids: list[list[int]]) -> Any:
        if len(ids) * max(map(len, ids)) > 25:
            scratch.append(weakref.ref(torch.zeros(3)))
            held = torch.zeros(3)
            scratch.append(weakref.ref(held))
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.50 GiB.")
        assert not any(left() is not None for left in scratch), "what was computed is held while less is tried"
        computed.extend(ids)
        return np.array([[row[0], len(row), 0] for row in ids], dtype=np.float32)

    scratch: list[weakref.ref[torch.Tensor]] = []
    adaptive = AdaptiveBatches(logits_of, most_tokens=100)
    ids = [[number] * (10 - number % 3) for number in range(9)]
    expected = [[number, 10 - number % 3, 0] for number in range(9)]
    assert adaptive.logits(ids).tolist() == expected
    assert sorted(computed) == sorted(ids), "each row counts once"
    assert adaptive.most_tokens <= 25
    failed = len(scratch)
    assert failed
    assert adaptive.logits(ids).tolist() == expected
    assert len(scratch) == failed, "the smaller budget is kept"
    with pytest.raises(NoRoomForOne, match=r"GPU memory ran out: CUDA out of memory. Tried to allocate 9.50 GiB") as no:
        adaptive.logits([[1], [2] * 26, [3]])
    assert no.value.row == 1


def test_an_error_that_has_nothing_to_do_with_memory_is_not_tried_again() -> None:
    calls = []

    def logits_of(ids: list[list[int]]) -> Any:
        calls.append(ids)
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape mismatch"):
        AdaptiveBatches(logits_of, 100).logits([[1], [2]])
    assert len(calls) == 1


def test_swapped_answers_and_columns_are_put_back() -> None:
    example = Example(index=0, id=1, prompt=("p",), response_a=("a",), response_b=("b",), label=0)
    assert swapped(example) == Example(index=0, id=1, prompt=("p",), response_a=("b",), response_b=("a",), label=1)
    assert swapped(swapped(example)) == example
    assert A_B_TIE.unswapped(np.array([[1, 2, 3]], dtype=np.float32)).tolist() == [[2, 1, 3]]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (["", " "], ["x"], [0.04, 0.88, 0.08]),
        (["x"], [""], [0.88, 0.04, 0.08]),
        (["x", "y"], ["x", "y"], [0.06, 0.06, 0.88]),
        ([""], [], [0.06, 0.06, 0.88]),
        (["x"], ["y"], [0.2, 0.3, 0.5]),
    ],
)
def test_rules_answer_rows_that_need_no_model(a: list[str], b: list[str], expected: list[float]) -> None:
    example = Example(index=0, id=1, prompt=("p",), response_a=tuple(a), response_b=tuple(b), label=-1)
    ruled, count = follow_rules([example], np.array([[0.2, 0.3, 0.5]]))
    assert ruled.tolist() == [expected]
    assert count == (expected != [0.2, 0.3, 0.5])


def test_the_rules_leave_nothing_to_a_tie_where_there_is_none() -> None:
    answers = [("", "b"), ("a", ""), ("a", "a"), ("a", "b")]
    rows = [
        Example(index=n, id=n, prompt=(), response_a=(a,), response_b=(b,), label=-1)
        for n, (a, b) in enumerate(answers)
    ]
    ruled, count = follow_rules(rows, np.array([[0.2, 0.8]] * 4))
    expected = [[0.04 / 0.92, 0.88 / 0.92], [0.88 / 0.92, 0.04 / 0.92], [0.5, 0.5], [0.2, 0.8]]
    np.testing.assert_allclose(ruled, expected)
    assert count == 3


def rows_file(path: Path, ids: Sequence[int]) -> str:
    path.write_text("".join(json.dumps({"id": id, "prompt": "[]"}) + "\n" for id in ids))
    return str(path)


BIG = 2**63 - 1


def test_a_submission_of_ours_is_accepted_to_the_last_digit_of_its_ids(tmp_path: Path) -> None:
    ids = [BIG, BIG - 1, -(2**63), 0]
    (tmp_path / "out.csv").write_bytes(submission(PROBABILITIES, ids, [[1 / 3, 1 / 3, 1 / 3]] * 4))
    found = check_submission(str(tmp_path / "out.csv"), rows_file(tmp_path / "rows.jsonl", ids))
    assert (found.problems, found.rows, found.expected_rows) == ([], 4, 4)
    assert (tmp_path / "out.csv").read_text().splitlines()[1].split(",")[0] == str(BIG)


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["1,0.2,0.3,0.5"], ["ids that are missing (1): 2"]),
        (["1,1,0,0", "2,1,0,0", "1,1,0,0"], ["duplicate ids (1): 1 (lines 2 and 4)"]),
        (["1,1,0,0", "2,1,0,0", f"{BIG},1,0,0"], [f"ids that are not in the rows (1): {BIG}"]),
        (["1,0.5,0.3,0.3", "2,1,0,0"], ["rows that do not sum to 1 (1): 1 (1.1)"]),
        (["1,nan,0.5,0.5", "2,1,0,0"], ["rows with a number that is not finite (1): 1 (winner_model_a nan)"]),
        (["1,-0.5,1,0.5", "2,1,0,0"], ["rows with a negative number (1): 1 (winner_model_a -0.5)"]),
        (["1,,0.5,0.5", "2,1,0,0"], ["rows with something that is not a number (1): 1 (winner_model_a '')"]),
        (["1,0.3333335,0.3333335,0.3333335", "2,1,0,0"], []),
        (
            ["1,1,0,0", "2,1,0,0", "0_2,1,0,0"],
            ["ids that are not in the rows (1): 0_2"],
        ),
        (
            ["1.0,1,0,0", "1,1,0,0", "2,1,0,0"],
            ["ids that are missing or decimal numbers (1): line 2, column id"],
        ),
    ],
)  # fmt: skip
def test_a_submission_is_checked_for(lines: list[str], found: list[str], tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("id,winner_model_a,winner_model_b,winner_tie\n" + "".join(f"{line}\n" for line in lines))
    assert check_submission(str(file), rows_file(tmp_path / "rows.jsonl", [1, 2])).problems == found


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["id,winner", "1,model_a", "2,model_b"], []),
        (["id,winner", "1,model_a"], ["ids that are missing (1): 2"]),
        (
            ["id,winner", "1,model_a", "2,tie"],
            ["rows with a winner that is neither model_a nor model_b (1): 2 ('tie')"],
        ),
        (["id,winner,more", "1,model_a,x", "2,model_b,x"], ["unexpected columns (1): more"]),
        (["winner", "model_a"], ["no column id; found winner"]),
    ],
)
def test_a_submission_of_winners_is_checked_for(lines: list[str], found: list[str], tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("".join(f"{line}\n" for line in lines))
    assert check_submission(str(file), rows_file(tmp_path / "rows.jsonl", [1, 2])).problems == found


def test_a_submission_of_winners_names_the_more_probable_of_both() -> None:
    for rows in ([[0.6, 0.4], [0.4, 0.6], [0.5, 0.5]], [[0.3, 0.2, 0.5], [0.1, 0.2, 0.7], [0.2, 0.2, 0.6]]):
        assert submission(WINNER, ["x", 2, 3], rows) == b"id,winner\nx,model_a\n2,model_b\n3,model_a\n"


@pytest.mark.parametrize(("column", "ids"), [("question_id", ["a", "b"]), ("other", [0, 1])])
def test_rows_with_another_column_of_ids_or_none_are_a_measure_too(
    column: str, ids: list[int | str], tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({column: cell}) + "\n" for cell in "ab"))
    (tmp_path / "out.csv").write_bytes(submission(PROBABILITIES, ids, [[1.0, 0.0, 0.0]] * 2))
    assert check_submission(str(tmp_path / "out.csv"), str(rows)).problems == []


def test_rows_whose_ids_are_not_unique_are_no_measure_of_a_submission(tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("id,winner_model_a,winner_model_b,winner_tie\n1,1,0,0\n")
    with pytest.raises(DataError, match=r"line 2, id 1: this id is already on line 1"):
        check_submission(str(file), rows_file(tmp_path / "rows.jsonl", [1, 1]))


def test_a_submission_without_its_columns_or_without_rows_says_so(tmp_path: Path) -> None:
    rows = rows_file(tmp_path / "rows.jsonl", range(1, 31))
    file = tmp_path / "out.csv"
    file.write_text("id,a,b,tie\n1,0,0,1\n")
    [problem] = check_submission(str(file), rows).problems
    assert problem == "no column winner_model_a, winner_model_b, winner_tie; found id, a, b, tie"
    file.write_text("id,winner_model_a,winner_model_b,winner_tie\n")
    [problem] = check_submission(str(file), rows).problems
    assert problem == "ids that are missing (30): 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 20 more"
    file.write_text("")
    with pytest.raises(DataError, match="the file is empty"):
        check_submission(str(file), rows)


def test_figures_of_labelled_rows_are_scikit_learns() -> None:
    from core.predict.results import measure

    def example(label: int) -> Any:
        return Example(index=0, id=1, prompt=(), response_a=(), response_b=(), label=label)

    figures = measure([example(0), example(2)], np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]]))
    assert figures is not None
    assert figures.log_loss == pytest.approx((-np.log(0.5) - np.log(0.1)) / 2)
    assert figures.accuracy == 0.5
    assert measure([example(-1)], np.array([[0.5, 0.25, 0.25]])) is None


def test_a_full_disk_says_that_what_is_scored_is_kept() -> None:
    why = in_words(OSError(errno.ENOSPC, "No space left on device", "/runs/x/scores/3.npy"))
    assert why.cause == "no space is left on the disk: /runs/x/scores/3.npy"
    assert "the same command resumes" in why.advice
    for number in (errno.ENOSPC, errno.EDQUOT):
        assert in_words(OSError(number, os.strerror(number))).cause == "no space is left on the disk"
