"""Random search: ranges and lists that values are drawn from, and settings that get values together."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.profile.errors import ProfileError
from core.profile.search import Search
from core.profile.sweep import MOST_RUNS, Variant, variants


def search(*overrides: str, trials: int | None = None, seed: int = 0) -> list[Variant]:
    asked = None if trials is None else Search(trials, seed)
    return variants("", source="mine.toml", name="mine", overrides=overrides, search=asked)


@given(st.integers(0, 1000))
def test_values_lie_in_their_ranges_and_are_those_of_their_seed(seed: int) -> None:
    asked = ("train.learning_rate=loguniform(5e-5, 5e-4)", "lora.dropout=uniform(0,0.3)", "lora.r=integers(4,6)")
    runs = search(*asked, "train.seed=[1, 2]", trials=20, seed=seed)
    assert len(runs) == 20
    for run in runs:
        profile = run.profile
        assert 5e-5 <= profile.train.learning_rate <= 5e-4
        assert profile.train.learning_rate == float(f"{profile.train.learning_rate:.3g}")
        assert 0 <= profile.lora.dropout <= 0.3
        assert profile.lora.r in (4, 5, 6)
        assert profile.train.seed in (1, 2)
        assert run.differs.keys() == {"train.learning_rate", "lora.dropout", "lora.r", "train.seed"}
    assert runs == search(*asked, "train.seed=[1, 2]", trials=20, seed=seed)
    assert runs != search(*asked, "train.seed=[1, 2]", trials=20, seed=seed + 1)


def test_a_rate_is_drawn_by_its_logarithm() -> None:
    runs = search("train.learning_rate=loguniform(1e-5,1e-3)", trials=MOST_RUNS)
    below = sum(run.profile.train.learning_rate < 1e-4 for run in runs)
    assert math.isclose(below / MOST_RUNS, 0.5, abs_tol=0.2)  # by their values it would be a tenth


def test_settings_with_commas_between_them_get_values_together() -> None:
    runs = search("lora.r, lora.alpha=[[16, 32], [64, 16]]", "train.seed=[1, 2]")
    assert [(run.profile.lora.r, run.profile.lora.alpha, run.profile.train.seed) for run in runs] == [
        (16, 32, 1), (16, 32, 2), (64, 16, 1), (64, 16, 2),
    ]  # fmt: skip
    assert runs[2].differs == {"lora.r": "64", "lora.alpha": "16", "train.seed": "1"}


@pytest.mark.parametrize(
    ("overrides", "trials", "why"),
    [
        (
            ["train.learning_rate=loguniform(1e-5,1e-4)"],
            None,
            "a range needs --trials N, the number of runs to draw",
        ),
        (["train.learning_rate=loguniform(0,1e-4)"], 3, "loguniform takes numbers above 0"),
        (["train.learning_rate=uniform(2e-4,1e-4)"], 3, "the first number of a range is below the second"),
        (["lora.r=integers(1.5,4)"], 3, "integers takes two whole numbers"),
        (["train.learning_rate=uniform(a,b)"], 3, "uniform takes two numbers"),
        (["train.seed=3"], 3, "nothing to draw"),
        (["train.seed=[1,2]"], 0, "takes a number from 1 on"),
        (["train.seed=[1,2]"], MOST_RUNS + 1, f"a sweep has at most {MOST_RUNS}"),
        (["lora.r,lora.alpha=[16, 32]"], None, "takes a list of lists, each of 2 values"),
        (["lora.r,lora.alpha=16"], None, "takes a list of lists, each of 2 values"),
        (["lora.r,lora.alpha=[[16, 32, 64]]"], None, "takes a list of lists, each of 2 values"),
        (["train.learning_rate=uniform(2,3)"], 2, "must be"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_way_out(overrides: list[str], trials: int | None, why: str) -> None:
    with pytest.raises(ProfileError) as refused:
        search(*overrides, trials=trials)
    assert why in str(refused.value)
