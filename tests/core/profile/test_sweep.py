"""Sweeps: lists of values in overrides, and the runs that they make."""

import pytest

from core.profile.errors import ProfileError
from core.profile.sweep import MOST_RUNS, Variant, variants


def sweep(*overrides: str, text: str = "") -> list[Variant]:
    return variants(text, source="mine.toml", name="mine", overrides=overrides)


def test_without_lists_there_is_one_run_as_without_a_sweep() -> None:
    [only] = sweep("train.seed=7", "run.name=a b")
    assert (only.differs, only.profile.train.seed, only.profile.run.name) == ({}, 7, "a b")
    [only] = sweep()
    assert only.profile.run.name is None


def test_lists_make_all_combinations_and_names_say_what_differs() -> None:
    runs = sweep("train.learning_rate=[1e-4, 2e-4]", "train.epochs=2", "train.seed = [1, 2, 3]")
    assert [(run.profile.train.learning_rate, run.profile.train.seed) for run in runs] == [
        (rate, seed) for rate in (1e-4, 2e-4) for seed in (1, 2, 3)
    ]
    assert {run.profile.train.epochs for run in runs} == {2}
    assert runs[0].profile.run.name == "mine-learning_rate-0.0001-seed-1"
    assert runs[0].differs == {"train.learning_rate": "0.0001", "train.seed": "1"}


@pytest.mark.parametrize("written", ['["linear", "cosine"]', "[linear,cosine]", "[ linear, 'cosine' ]"])
def test_words_need_no_quotes_which_a_shell_takes_away(written: str) -> None:
    assert [run.profile.train.schedule for run in sweep(f"train.schedule={written}")] == ["linear", "cosine"]


def test_a_list_for_a_setting_that_takes_one_is_its_value_and_a_list_of_lists_a_sweep() -> None:
    [only] = sweep('lora.target_modules=["q_proj", "v_proj"]')
    assert only.profile.lora.target_modules == ["q_proj", "v_proj"]
    runs = sweep('lora.target_modules=[["q_proj"], "all-linear"]')
    assert [run.profile.lora.target_modules for run in runs] == [["q_proj"], "all-linear"]


def test_a_name_keeps_within_its_bounds_and_the_profiles_own_name_comes_first() -> None:
    rows = ",".join(f"data/{'x' * 90}{number}.csv" for number in range(2))
    for run in sweep(f"data.train=[{rows}]", text='[run]\nname = "a rather long name for a profile, in words"\n'):
        assert run.profile.run.name is not None
        assert len(run.profile.run.name) <= 60
        assert run.profile.run.name.startswith("a rather long")
    assert [run.profile.run.name for run in sweep("run.name=[one,two]")] == ["one", "two"]


def test_every_bad_value_is_told_once_with_its_key_and_those_of_the_text_with_their_line() -> None:
    with pytest.raises(ProfileError) as refused:
        sweep("train.seed=[1, -1, x]", "train.epochs=[0, 1]", text="[tokens]\nmax_length = 3\n")
    told = str(refused.value).splitlines()
    assert len(told) == 4
    assert sum("--set: train.seed = -1: must be" in line for line in told) == 1
    assert sum("--set: train.seed = 'x': must be" in line for line in told) == 1
    assert sum("--set: train.epochs = 0: must be" in line for line in told) == 1
    assert sum("mine.toml: line 2: tokens.max_length = 3" in line for line in told) == 1


@pytest.mark.parametrize(
    ("overrides", "why"),
    [
        (["train.seed=[]"], "train.seed: a list without items"),
        (["train.sed=[1,2]"], "did you mean seed"),
        (["nonsense=[1,2]"], "nonsense=[1,2]"),
        (["train.seed=[{a = 1}]"], "train.seed"),
        (
            [f"train.seed={list(range(MOST_RUNS // 2))}", "train.epochs=[1,2,3]"],
            "train.seed × train.epochs: 96 runs; a sweep has at most 64",
        ),
        ([f"train.seed={list(range(10_000))}", f"split.fold={list(range(10_000))}"], "100,000,000 runs"),
    ],
)
def test_what_cannot_be_swept_is_refused_before_anything_is_made(overrides: list[str], why: str) -> None:
    with pytest.raises(ProfileError) as refused:
        sweep(*overrides)
    assert why in str(refused.value)


def test_the_last_of_two_overrides_of_a_setting_counts() -> None:
    assert [run.profile.train.seed for run in sweep("train.seed=[1,2]", "train.seed=3")] == [3]
