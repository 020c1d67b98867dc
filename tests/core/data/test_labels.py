"""What rows weigh in training and their soft labels: read as written, refused with their place, told, and kept."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_formats import SINGLE, helpsteer, lmsys, soft, write, wsdm

from core.data.example import DataError, Example, swapped
from core.data.labels import scaled
from core.data.rows import read_comparisons
from core.data.sources import RunExamples, Sources, read_run_examples
from core.outcomes import OutcomesSetting
from core.profile.data_settings import Columns, Data
from core.profile.settings import Profile, Split

WEIGHED = Data(columns=Columns(weight="w"))
SOFT = Data(soft_labels=True)


def read(source: str, data: Data, outcomes: OutcomesSetting = "auto") -> tuple[list[Example], str]:
    sources = Sources([source], data, outcomes)
    return [example for example, _ in sources], sources.told()[0].in_training


def trained_on(source: str, data: Data, evaluation: str | None = None) -> RunExamples:
    return read_run_examples([source], evaluation, Profile(data=data, split=Split(by="row" if evaluation else "none")))


def probable(number: int, *probabilities: float) -> dict[str, Any]:
    names = (f"probability_{side}" for side in ("a", "b", "tie"))
    return soft(number, SINGLE, 0) | dict(zip(names, probabilities, strict=False))


def test_a_column_of_weights_goes_with_any_format_and_is_scaled_to_a_mean_of_1(tmp_path: Path) -> None:
    cells: list[Any] = [0, 1, "2.5", 0.5]
    for form in (lmsys, wsdm):
        source = write(tmp_path, [form(n, SINGLE, n % 2) | {"w": cell} for n, cell in enumerate(cells)])
        rows, told = read(source, WEIGHED)
        assert [row.weight for row in rows] == [0, 1, 2.5, 0.5]
        assert told == "; weights 0 to 2.5, 1 on average"
        half = write(tmp_path, [form(n, SINGLE, n % 2) | {"w": cell} for n, cell in enumerate([0, 0.5, 1.25, 0.25])])
        for written in (source, half):
            assert [row.weight for row in trained_on(written, WEIGHED).train] == [0, 1, 2.5, 0.5]
        assert all(row.is_plain for row in trained_on(source, Data()).train), "a column that nobody named"


@pytest.mark.parametrize(
    "cell", [-1, "-0.1", "nan", "inf", "1e999", "", "heavy", "1_0", None, True, [1], {"a": 1}, 10**400]
)
def test_what_is_no_weight_is_refused_with_its_place(cell: Any, tmp_path: Path) -> None:
    source = write(tmp_path, [lmsys(0, SINGLE, 0) | {"w": 1}, lmsys(1, SINGLE, 0) | {"w": cell}])
    with pytest.raises(DataError, match="line 2, id 1, column w: expected a weight, a number of 0 or more, found "):
        read(source, WEIGHED)
    assert [row.id for row in read_comparisons(source, WEIGHED, "auto")] == [0, 1], "rows to predict weigh nothing"


def test_weights_are_missing_all_zero_or_named_twice(tmp_path: Path) -> None:
    plain = write(tmp_path, [lmsys(0, SINGLE, 0), lmsys(1, SINGLE, 1)], "plain.jsonl")
    with pytest.raises(DataError, match=r"no column w; found"):
        read(plain, WEIGHED)
    nothing = write(tmp_path, [lmsys(n, SINGLE, n) | {"w": 0} for n in range(2)])
    with pytest.raises(DataError, match="all 2 rows to train on have the weight 0"):
        trained_on(nothing, WEIGHED)
    weighed = write(tmp_path, [lmsys(n, SINGLE, n) | {"w": 3} for n in range(2)], "weighed.jsonl")
    found = trained_on(weighed, WEIGHED, plain)
    assert [row.weight for row in (*found.train, *found.evaluation)] == [1] * 4, "evaluated rows need no weights"
    assert [one.in_training for one in found.read] == ["; weights 3 to 3, 3 on average", ""]
    for data in (Data(weight_by_strength=True), Data(weight_by_strength=True, columns=Columns(weight="w"))):
        with pytest.raises(DataError, match=r"data\.weight_by_strength"):
            read(weighed, data)


def test_the_strength_of_a_preference_is_a_weight_where_that_is_asked_for(tmp_path: Path) -> None:
    rows = [helpsteer(0, SINGLE, 0) | {"overall_preference": n} for n in (-3, -1, 0, 2, "3.0")]
    source = write(tmp_path, rows)
    assert [row.weight for row in read(source, Data(weight_by_strength=True))[0]] == [3, 1, 1, 2, 3]
    assert all(row.is_plain for row in read(source, Data())[0])
    both = Data(weight_by_strength=True, columns=Columns(weight="overall_preference"))
    with pytest.raises(DataError, match=r"data\.columns\.weight both say what rows weigh"):
        read(source, both)


@given(st.lists(st.floats(0, 1e308), min_size=1, max_size=40).filter(any))
def test_weights_of_any_size_have_a_mean_of_1_and_keep_their_proportions(weights: list[float]) -> None:
    found = scaled(weights)
    assert math.fsum(found) / len(found) == pytest.approx(1)
    highest = max(weights)
    assert all(
        weight / highest == pytest.approx(share / max(found)) for weight, share in zip(weights, found, strict=True)
    )
    assert scaled([weights[0] or 1.0] * len(weights)) == [1.0] * len(weights), "exactly"


def test_probabilities_are_trained_on_where_that_is_asked_for(tmp_path: Path) -> None:
    source = write(tmp_path, [probable(0, 0.6, 0.3, 0.1), probable(1, 0.3333, 0.3333, 0.3333), probable(2, 0, 1, 0)])
    rows, told = read(source, SOFT)
    assert [row.probabilities for row in rows] == [
        pytest.approx((0.6, 0.3, 0.1)),
        pytest.approx((1 / 3, 1 / 3, 1 / 3)),
        (0, 1, 0),
    ]
    assert [rows[0].label, rows[2].label] == [0, 1]
    assert told == ("; soft labels of 3 rows: A 0.31, B 0.54, tie 0.14 on average, entropy 0.67 nats")
    with pytest.raises(DataError, match=r"line 2, id 1: no outcome is the most probable.*data\.soft_labels = true"):
        read(source, Data())
    turned = swapped(rows[0])
    assert turned.probabilities == pytest.approx((0.3, 0.6, 0.1))
    assert swapped(turned) == rows[0]


def test_of_equally_probable_outcomes_a_hash_of_the_row_draws_the_label(tmp_path: Path) -> None:
    parts = [((f"q{n}",), ("a",), ("b",)) for n in range(300)]
    even = {f"probability_{side}": 1 / 3 for side in ("a", "b", "tie")}
    source = write(tmp_path, [soft(n, part, 0) | even for n, part in enumerate(parts)])
    labels = [row.label for row in read(source, SOFT)[0]]
    assert all(75 < labels.count(label) < 125 for label in range(3))
    assert labels == [row.label for row in read(source, SOFT)[0]]


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ((0.5, 0.4, 0.05), ": probability_a, probability_b, probability_tie must sum to 1, found 0.95"),
        ((1.2, -0.2, 0), ", column probability_a: expected a probability, found 1.2"),
        ((0.5, None, 0.5), ", column probability_b: expected a probability, found None"),
        ((0.5, 0.5, 10**400), ", column probability_tie: expected a probability, found 1000"),
        ((True, 0, 0), ", column probability_a: expected a probability, found True"),
    ],
)
def test_what_is_no_probability_is_refused_with_its_place(cells: tuple[Any, ...], told: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        read(write(tmp_path, [probable(0, 1, 0, 0), probable(1, *cells)]), SOFT)
    assert f"line 2, id 1{told}" in str(refused.value)


def test_of_two_outcomes_a_tie_goes_to_both_or_to_neither(tmp_path: Path) -> None:
    source = write(tmp_path, [probable(0, 0.6, 0.3, 0.1), probable(1, 0.1, 0.1, 0.8), probable(2, 0.0, 0.75, 0.25)])
    rows, told = read(source, Data(soft_labels=True, ties="half"), "a-b")
    assert [row.probabilities for row in rows] == list(
        map(pytest.approx, [(0.65, 0.35, 0), (0.5, 0.5, 0), (0.125, 0.875, 0)])
    )
    assert [row.label for row in rows] == [row.label for row in read(source, Data(ties="half"), "a-b")[0]]
    assert "A 0.43, B 0.58 on average" in told
    rows, _ = read(source, Data(soft_labels=True, ties="drop"), "a-b")
    assert [row.probabilities for row in rows] == [pytest.approx((2 / 3, 1 / 3, 0)), (0, 1, 0)]
    with pytest.raises(DataError, match="line 2, id 1: a tie"):
        read(source, SOFT, "a-b")
    decided = write(tmp_path, [wsdm(0, SINGLE, 2), wsdm(1, SINGLE, 0)])
    rows, _ = read(decided, Data(soft_labels=True, ties="half"), "a-b")
    assert [row.probabilities for row in rows] == [(0.5, 0.5, 0), None]
    assert read(decided, SOFT)[1] == "; no row has a soft label"


def test_weights_and_soft_labels_stay_with_their_rows(tmp_path: Path) -> None:
    """Through several sources, a random limit and a split by id."""
    rows = [probable(n, 0.2 + n / 1000, 0.7, 0.1 - n / 1000) | {"w": n + 1} for n in range(90)]
    more = write(tmp_path, rows[:30], "more.jsonl")
    data = Data(soft_labels=True, columns=Columns(weight="w"), limit=40, limit_by="random", train=[more, "other"])
    sources = [more, write(tmp_path, rows[30:])]
    found = read_run_examples(sources, None, Profile(data=data, split=Split(by="id")))
    weight = {row.id: row.weight for row, _ in Sources(sources, data, "auto")}
    mean = sum(weight[row.id] for row in found.train) / len(found.train)
    assert len(found.train) + len(found.evaluation) == 40
    for row in found.train:
        assert row.weight * mean == pytest.approx(int(row.id) + 1)
        assert row.probabilities == pytest.approx((0.2 + int(row.id) / 1000, 0.7, 0.1 - int(row.id) / 1000))
    used = [one.soft_labels.rows for one in found.read if one.soft_labels]
    assert used == [one.rows for one in found.read]
    assert sum(used) == 40


def test_rows_to_evaluate_are_the_same_whatever_is_learned_of_the_others(tmp_path: Path) -> None:
    """A run with soft labels and one with hard ones are compared on the same rows, told by their digest."""
    source = write(tmp_path, [probable(number, 0.2, 0.5, 0.3) | {"w": 1 + number} for number in range(30)])
    kinds = (Data(), SOFT, Data(soft_labels=True, columns=Columns(weight="w")))
    hard, *others = [read_run_examples([source], None, Profile(data=data)).evaluation for data in kinds]
    assert hard
    assert all(example.is_plain for example in hard)
    assert others == [hard, hard]
