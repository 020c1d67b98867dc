"""What chance alone brings about: how many rows look mislabelled, which chatbots stand out, how sure one is."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from evaluated import write_evaluation
from msgspec.structs import replace
from numpy.typing import NDArray
from scipy.special import stdtr

from arena_tui.report.tables import chatbots, summary
from arena_tui.report.text import as_text
from core.data.example import Example
from core.data.rows import Origin
from core.outcomes import A_B_TIE
from core.report import bradley_terry
from core.report.build import make_report
from core.report.evaluation import Evaluation, read_evaluation
from core.report.groups import groups, position_bias, ratings
from core.report.report import Interval
from core.report.row_lists import IDENTICAL_WITH_WINNER, likely_mislabelled
from core.report.scores import binned, classes, interval, standard_error
from core.report.source_rows import Texts
from core.runs.folder import RunFolder

Floats = NDArray[np.float64]


def evaluation(probabilities: Floats, labels: Floats, swapped: Floats | None = None) -> Evaluation:
    """Of rows whose outcomes have these probabilities, (n, 3)."""
    n = len(labels)
    return Evaluation(
        outcomes=A_B_TIE,
        id=list(range(n)),
        label=np.asarray(labels, dtype=np.int64),
        prompt=None,
        log_probabilities=np.log(probabilities),
        swapped=None if swapped is None else np.log(swapped),
        tokens=np.ones(n, dtype=np.int64),
        lost=np.zeros((n, 3), dtype=np.int64),
        parts=None,
        not_finite=[],
    )


def drawn(probabilities: Floats, rng: np.random.Generator) -> Floats:
    """Labels that a perfectly calibrated model's probabilities are true of."""
    return (probabilities.cumsum(axis=1) < rng.random((len(probabilities), 1))).sum(axis=1).clip(max=2)


def texts(evaluation: Evaluation, prompt: Callable[[int], int], chatbots: tuple[str, str] | None = None) -> Texts:
    """What the rows of the evaluation hold, each with a prompt of this number, and all by the same chatbots."""
    origin = Origin(*(chatbots or (None, None)), ((), (), ()))
    n = len(evaluation)
    examples = [
        Example(
            index=row, id=row, prompt=(f"question {prompt(row)}",), response_a=("yes",), response_b=("no",), label=0
        )
        for row in range(n)
    ]
    return Texts(
        found={example.id: (example, origin) for example in examples},
        is_known=np.ones(n, dtype=np.int64),
        characters=np.ones((n, 3), dtype=np.int64),
        turns=np.ones(n, dtype=np.int64),
        train_characters=np.zeros((0, 3), dtype=np.int64),
        train_label=np.zeros(0, dtype=np.int64),
        cautions=[],
    )


def width(interval: Interval) -> float:
    assert interval.low is not None
    assert interval.high is not None
    return interval.high - interval.low


class TestMislabelled:
    @pytest.mark.parametrize("is_swapped", [False, True])
    def test_of_a_calibrated_model_as_many_look_so_as_chance_is_said_to_bring(self, is_swapped: bool) -> None:
        rng = np.random.default_rng(1)
        probabilities = rng.dirichlet((1, 1, 1), 4000)
        swapped = (probabilities + 0.02) / 1.06 if is_swapped else None
        mean = probabilities if swapped is None else (probabilities + swapped) / 2
        runs = [
            likely_mislabelled(evaluation(probabilities, drawn(mean, rng), swapped), [""] * 4000) for _ in range(40)
        ]
        counted, by_chance = (np.array(of) for of in zip(*[(len(found), told) for found, told in runs], strict=True))
        assert counted.min() > 50, "though no label is wrong"
        assert counted.mean() == pytest.approx(by_chance.mean(), rel=0.03)

    def test_wrong_labels_come_on_top_of_it(self) -> None:
        rng = np.random.default_rng(2)
        probabilities = rng.dirichlet((0.3, 0.3, 0.3), 4000)
        labels = drawn(probabilities, rng)
        labels[:400] = (labels[:400] + 1) % 3
        found, by_chance = likely_mislabelled(evaluation(probabilities, labels), [""] * 4000)
        assert len(found) > 2 * by_chance

    def test_what_a_text_contradicts_is_not_left_to_chance(self) -> None:
        probabilities = np.tile([0.92, 0.04, 0.04], (50, 1))
        found, by_chance = likely_mislabelled(evaluation(probabilities, np.zeros(50)), [IDENTICAL_WITH_WINNER] * 50)
        assert (len(found), by_chance) == (50, 0)


class TestMany:
    def test_adjusted_p_values_are_benjamini_and_hochbergs(self) -> None:
        rng = np.random.default_rng(3)
        names = [("champion", f"b{number % 30:02}") for number in range(3000)]
        probabilities = rng.dirichlet((2, 2, 1), 3000)
        labels = drawn(probabilities, rng)
        labels[:2400:30] = 1  # b00 wins whatever the model says
        found = ratings(evaluation(probabilities, labels), names)
        assert found is not None
        rated = sorted(found[0].rated, key=lambda one: -abs(one.z or 0))
        from scipy import stats

        p_values = [2 * stats.t.sf(abs(one.z or 0), one.rows - 1) for one in rated]
        order = np.argsort(p_values)
        expected, least = [1.0] * len(rated), 1.0
        for rank in range(len(rated), 0, -1):
            place = order[rank - 1]
            least = min(least, p_values[place] * len(rated) / rank)
            expected[place] = least
        assert [one.q for one in rated] == pytest.approx(expected)
        assert min(rated, key=lambda one: one.q or 0).name == "b00"

    def test_of_many_chatbots_that_are_rated_right_hardly_ever_one_is_marked(self) -> None:
        rng = np.random.default_rng(4)
        names = [(f"a{number % 40:02}", f"b{number % 43:02}") for number in range(2000)]
        marked = naive = 0
        for _ in range(20):
            probabilities = rng.dirichlet((2, 2, 1), 2000)
            found = ratings(evaluation(probabilities, drawn(probabilities, rng)), names)
            assert found is not None
            marked += any((one.q or 0) <= 0.05 for one in found[0].rated)
            naive += any(abs(one.z or 0) >= 2 for one in found[0].rated)
        assert naive >= 19, "83 chatbots: some reach two standard errors every time"
        assert marked <= 4

    def test_one_that_never_lost_moves_no_other(self) -> None:
        rng = np.random.default_rng(12)
        names = [(f"a{number % 4}", f"b{number % 3}") for number in range(300)]
        names += [("a0", "new"), *[("a1", "champion")] * 30]
        marked = 0
        for _ in range(20):
            probabilities = rng.dirichlet((3, 3, 1), 331)
            labels = drawn(probabilities, rng)
            labels[300:] = 1
            found = ratings(evaluation(probabilities, labels), names)
            assert found is not None
            assert found[0].few == 1
            told = [one for one in found[0].rated if one.z is not None]
            assert {one.name for one in found[0].rated} - {one.name for one in told} == {"champion"}
            assert np.mean([(one.people, one.model) for one in told], axis=0) == pytest.approx([1000, 1000])
            marked += any(one.q is not None and one.q <= 0.05 for one in told)
        assert marked <= 4, "nobody but the champion is underrated"

    def test_rows_of_one_prompt_count_once_for_pairs_chatbots_and_groups(self) -> None:
        rng = np.random.default_rng(10)
        probabilities = rng.dirichlet((3, 2, 1), 60)
        single = evaluation(probabilities, drawn(probabilities, rng))
        fivefold = evaluation(np.repeat(probabilities, 5, axis=0), np.repeat(single.label, 5))
        numbers = np.arange(300) // 5
        alone, shared = ratings(single, [("a", "b")] * 60), ratings(fivefold, [("a", "b")] * 300, numbers)
        assert alone is not None
        assert shared is not None
        [pair], [of_single] = shared[1].rated, alone[1].rated
        assert (pair.rows, pair.z, pair.q) == (300, pytest.approx(of_single.z), pytest.approx(of_single.q))
        assert [one.q for one in shared[0].rated] == pytest.approx([one.q for one in alone[0].rated], rel=0.01)
        [lengths, uncut], [of_single, _] = groups(fivefold, None, numbers), groups(single, None)
        assert (lengths.rows, lengths.margin) == (300, pytest.approx(of_single.margin))
        assert uncut.margin == lengths.margin

    def test_where_one_prompt_has_most_rows_chance_is_still_chance(self) -> None:
        rng = np.random.default_rng(13)
        share = 1 / np.arange(1, 31) ** 2
        tested = []
        for _ in range(400):
            numbers = rng.choice(30, 200, p=share / share.sum())
            alike = rng.normal(size=30)[numbers]
            error, free = standard_error(alike, numbers)
            assert error is not None
            tested.append(2 * stdtr(free, -abs(alike.mean()) / error))
        assert np.mean(np.array(tested) < 0.05) < 0.07, "by their number less one, a third of them"
        asked = evaluation(np.tile([0.4, 0.4, 0.2], (200, 1)), rng.integers(0, 3, 200))
        evenly, unevenly = (
            ratings(asked, [("a", "b")] * 200, number)
            for number in (np.arange(200) % 20, np.arange(200).clip(180) % 20)
        )
        assert evenly is not None
        assert unevenly is not None
        for even, uneven in ((evenly[0].rated[0], unevenly[0].rated[0]), (evenly[1].rated[0], unevenly[1].rated[0])):
            assert even.z is not None
            assert even.q == pytest.approx(2 * stdtr(19, -abs(even.z)))
            assert uneven.z is not None
            free = 200**2 / (181**2 + 19) - 1
            assert uneven.q == pytest.approx(2 * stdtr(free, -abs(uneven.z)))

    def test_of_one_prompt_nothing_is_marked(self) -> None:
        rng = np.random.default_rng(11)
        probabilities = rng.dirichlet((3, 2, 1), 60)
        asked = evaluation(probabilities, drawn(probabilities, rng))
        of_one = np.zeros(60, dtype=np.int64)
        found = ratings(asked, [("a", "b")] * 60, of_one)
        assert found is not None
        assert {(one.z, one.q) for one in [*found[0].rated, *found[1].rated]} == {(None, None)}
        assert {one.margin for one in groups(asked, None, of_one)} == {None}


def test_without_a_fit_a_report_has_all_but_the_ratings_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(9)
    probabilities = rng.dirichlet((3, 1, 1), 40)
    asked = evaluation(probabilities, drawn(probabilities, rng))
    monkeypatch.setattr(bradley_terry, "MOST_STEPS", 1)
    made = make_report("run", asked, texts(asked, lambda row: row, ("one", "other")), None, None, None, [])
    assert made.models is None
    assert "chatbots have no ratings: no fit to their rows was found" in as_text(made, 0)
    assert made.pairs is not None
    assert [pair.name for pair in made.pairs.rated] == ["one : other"], "pairs need no fit"
    assert "one : other" in chatbots(made, 80).plain


class TestIntervals:
    def test_rows_of_one_prompt_are_drawn_together(self) -> None:
        of_prompt = np.random.default_rng(5).normal(size=200)
        values, numbers = np.repeat(of_prompt, 5), np.repeat(np.arange(200), 5)
        by_row, by_prompt = interval(values), interval(values, numbers)
        assert by_prompt.value == by_row.value
        assert width(by_prompt) == pytest.approx(2 * 1.96 * of_prompt.std() / np.sqrt(200), rel=0.1)
        assert interval(values, np.zeros(1000, dtype=np.int64)).low is None, "of one prompt nothing is known"
        assert interval(of_prompt, np.arange(200)) == interval(of_prompt)

    def test_a_report_draws_prompts_where_rows_share_them_and_says_how_many_there_are(self) -> None:
        rng = np.random.default_rng(8)
        probabilities = np.repeat(rng.dirichlet((1, 1, 1), 60), 5, axis=0)
        asked = evaluation(probabilities, np.repeat(drawn(probabilities[::5], rng), 5))
        shared, apart = (
            make_report("run", asked, texts(asked, prompt), None, None, None, [])
            for prompt in (lambda row: row // 5, lambda row: row)
        )
        assert (shared.prompts, apart.prompts) == (60, None)
        assert width(shared.log_loss) == pytest.approx(width(interval(asked.losses, np.arange(300) // 5)), rel=0.1)
        assert width(shared.log_loss) > 1.8 * width(apart.log_loss), "five equal rows tell no more than one"
        assert apart.log_loss == interval(asked.losses)
        by_the_run = make_report("run", replace(asked, prompt=np.arange(300) // 5), None, None, None, None, [])
        assert by_the_run.log_loss == interval(asked.losses, np.arange(300) // 5), "no text is needed for it"
        assert by_the_run.groups[0].margin == pytest.approx(shared.groups[0].margin)
        assert ", by 60 prompts" in as_text(shared, 0)
        of_one = make_report("run", replace(asked, prompt=np.zeros(300, dtype=np.int64)), None, None, None, None, [])
        assert "all evaluation rows share one prompt" in of_one.cautions[0]
        assert "no interval: one prompt\n" in as_text(of_one, 0)
        assert "–, only one prompt" in summary(of_one, 60).plain
        unknown = make_report("run", asked, None, None, None, None, [])
        assert "which rows share a prompt is not known" in unknown.cautions[0]
        assert "prompts" not in as_text(apart, 0)

    def test_flips_and_the_first_place_have_the_width_that_their_standard_errors_say(self) -> None:
        rng = np.random.default_rng(6)
        plain, swapped = rng.dirichlet((2, 2, 1), 900), rng.dirichlet((2, 2, 1), 900)
        found = position_bias(evaluation(plain, drawn(plain, rng), swapped))
        assert found is not None
        flipped = plain.argmax(axis=1) != swapped.argmax(axis=1)
        first = (plain[:, 0] - swapped[:, 0] + swapped[:, 1] - plain[:, 1]) / 2
        for told, values in ((found.flip_rate, flipped), (found.first, first)):
            assert told.value == pytest.approx(values.mean())
            assert width(told) == pytest.approx(2 * 1.96 * values.std() / 30, rel=0.1)


def test_an_outcomes_calibration_is_that_of_its_own_probability(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    probabilities = rng.dirichlet((1, 1, 1), 300)
    labels = drawn(probabilities, rng)
    run = RunFolder(tmp_path)
    write_evaluation(run.evaluation, list(range(300)), labels.tolist(), np.log(probabilities).astype(np.float32))
    for number, one in enumerate(classes(read_evaluation(run))):
        given, came = probabilities[:, number], labels == number
        expected = 0.0
        for low in np.arange(15) / 15:
            inside = (given > low) & (given <= low + 1 / 15)
            expected += abs(came[inside].sum() - given[inside].sum()) / 300
        assert one.calibration.error == pytest.approx(expected, abs=1e-5)
        assert sum(bin.rows for bin in one.calibration.filled) == 300
    assert binned(np.full(4, 0.5), np.array([True, False, True, False])).error == 0
