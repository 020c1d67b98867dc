"""Several sources are read as one, a limit may draw its rows, and what is evaluated may stand in one of its own."""

import json
from pathlib import Path
from typing import Any

import pytest
import tiny

from core.data.example import DataError, RowsRead
from core.data.sources import RunExamples, Sources, read_run_examples
from core.data.split import split
from core.inspect.store import Store, digest_of_all
from core.outcomes import TIE, OutcomesSetting
from core.profile.data_settings import Data
from core.profile.division import held_out, unused_split
from core.profile.errors import ProfileError
from core.profile.files import absent_paths, rooted
from core.profile.load import parse_profile, to_toml
from core.profile.settings import Profile, Split
from core.profile.sweep import variants


def csv(folder: Path, name: str, ids: range, prompt: str = "Hello", **cells: Any) -> str:
    rows = [tiny.row(id, id % 3, prompt=json.dumps([f"{prompt} {id}"]), **cells) for id in ids]
    return str(tiny.write_csv(folder / name, rows))


def jsonl(folder: Path, name: str, count: int, **cells: Any) -> str:
    """WSDM's format, without ids."""
    texts = {"prompt": "plain text", "response_a": "yes", "response_b": "no", "winner": "model_b"}
    path = folder / name
    path.write_text("".join(json.dumps({**texts, **cells}) + "\n" for _ in range(count)))
    return str(path)


def ids(sources: Sources) -> list[int | str]:
    return [example.id for example, _ in sources]


def read(train: list[str], evaluation: str | None = None, profile: Profile | None = None) -> RunExamples:
    return read_run_examples(train, evaluation, profile or Profile())


def test_sources_are_read_one_after_the_other_each_in_its_own_format(tmp_path: Path) -> None:
    sources = Sources([csv(tmp_path, "a.csv", range(100, 103)), jsonl(tmp_path, "b.jsonl", 2)], Data(), "auto")
    found = [example for example, _ in sources]
    assert [example.id for example in found] == [100, 101, 102, 3, 4], "rows without ids are numbered through all"
    assert [example.index for example in found] == [0, 1, 2, 3, 4]
    assert [(Path(one.source).name, one.rows, one.format) for one in sources.told()] == [
        ("a.csv", 3, "lmsys"),
        ("b.jsonl", 2, "wsdm"),
    ]


def test_an_id_stands_once_in_all_sources_and_both_places_are_named(tmp_path: Path) -> None:
    first, second = csv(tmp_path, "a.csv", range(3)), csv(tmp_path, "b.csv", range(2, 4))
    with pytest.raises(DataError) as refused:
        ids(Sources([first, second], Data(), "auto"))
    assert str(refused.value) == (f"{second}, line 2, id 2: this id is already in {first}, line 4; ids must be unique")
    with pytest.raises(DataError, match="rows without ids are numbered, through all sources"):
        ids(Sources([csv(tmp_path, "c.csv", range(3, 5)), jsonl(tmp_path, "d.jsonl", 2)], Data(), "auto"))


@pytest.mark.parametrize("content", ["", '{"prompt": "p", "response_a": "a", "response_b": "b", "winner": "nobody"}\n'])
def test_what_is_wrong_with_a_later_source_is_told_with_its_name(content: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text(content)
    with pytest.raises(DataError) as refused:
        ids(Sources([csv(tmp_path, "a.csv", range(3)), str(bad)], Data(), "auto"))
    assert str(refused.value).startswith(f"{bad}, line 1, id 3, column winner: " if content else f"{bad}: no rows")


def test_a_limit_goes_through_all_sources_and_says_which_it_did_not_come_to(tmp_path: Path) -> None:
    places = [csv(tmp_path, "a.csv", range(3)), csv(tmp_path, "b.csv", range(3, 6)), csv(tmp_path, "c.csv", range(9))]
    sources = Sources(places, Data(limit=4), "auto")
    assert ids(sources) == [0, 1, 2, 3]
    told = sources.told()
    assert [one.rows for one in told] == [3, 1, 0]
    assert "not read: data.limit was reached" in str(told[2])


def test_rows_are_drawn_by_seed_in_their_order_and_a_larger_limit_adds_to_them(tmp_path: Path) -> None:
    places = [csv(tmp_path, "a.csv", range(60)), csv(tmp_path, "b.csv", range(60, 100))]

    def drawn(limit: int, seed: int = 0, sources: list[str] = places) -> list[int | str]:
        return ids(Sources(sources, Data(limit=limit, limit_by="random", limit_seed=seed), "auto"))

    ten, thirty = drawn(10), drawn(30)
    assert len(ten) == 10
    assert ten == sorted(ten, key=int) == drawn(10)
    assert ten != list(range(10))
    assert set(ten) < set(thirty)
    assert drawn(10, seed=1) != ten
    assert set(drawn(10, sources=places[::-1])) == set(ten), "where a row stands makes no difference"
    assert drawn(500) == list(range(100))
    sources = Sources(places, Data(limit=30, limit_by="random"), "auto")
    assert [example.index for example, _ in sources] == list(range(30)), "folds go by it"
    assert sum(one.rows for one in sources.told()) == 30
    assert 9 < sources.told()[0].rows < 30


def test_what_is_told_of_ties_is_that_of_the_rows_that_are_drawn(tmp_path: Path) -> None:
    rows = [f"{n},p,a,b,{'tie' if n % 3 else 'model_a'}" for n in range(300)]
    path = tmp_path / "wsdm.csv"
    path.write_text("\n".join(["id,prompt,response_a,response_b,winner", *rows]))

    def told(limit: int, *, outcomes: OutcomesSetting = "a-b", **data: Any) -> tuple[list[int], RowsRead]:
        sources = Sources([str(path)], Data(limit=limit, limit_by="random", **data), outcomes)
        labels = [example.label for example, _ in sources]
        [read] = sources.told()
        return labels, read

    assert 4 < told(20, ties="half")[1].ties_halved < 20
    assert told(20, ties="drop")[1].ties_dropped == 200, "left out before any is drawn"
    for seed in range(20):
        [label], read = told(1, outcomes="auto", limit_seed=seed)
        assert read.outcomes == ("a-b-tie" if label == TIE else "a-b")


def test_with_rows_of_its_own_to_evaluate_nothing_is_split(tmp_path: Path) -> None:
    train, own = csv(tmp_path, "train.csv", range(20)), csv(tmp_path, "own.csv", range(4), prompt="Other")
    found = read([train], own, Profile(split=Split(by="prompt", fold=1)))
    assert [example.id for example in found.train] == list(range(20))
    assert [example.id for example in found.evaluation] == list(range(4)), "ids of both sides may be the same"
    assert [(Path(one.source).name, one.rows) for one in found.read] == [("train.csv", 20), ("own.csv", 4)]
    assert found.leaks == 0
    limited = read([train], own, Profile(data=Data(limit=2)))
    assert (len(limited.train), len(limited.evaluation)) == (2, 4), "the limit is for rows to train on"


def test_rows_whose_prompt_is_evaluated_are_counted_and_dropped_on_demand(tmp_path: Path) -> None:
    train, own = csv(tmp_path, "train.csv", range(20)), csv(tmp_path, "own.csv", range(18, 25))
    kept = read([train], own)
    assert (len(kept.train), kept.leaks) == (20, 2)
    dropped = read([train], own, Profile(data=Data(drop_leaks=True)))
    assert ([example.id for example in dropped.train], dropped.leaks) == (list(range(18)), 2)
    prompts = {example.prompt for example in dropped.evaluation}
    assert not prompts & {example.prompt for example in dropped.train}
    with pytest.raises(DataError, match=r"own\.csv: has the prompts of all 1 rows of data\.train"):
        read([csv(tmp_path, "one.csv", range(18, 19))], own, Profile(data=Data(drop_leaks=True)))


def test_a_bad_row_to_evaluate_is_told_with_its_place(tmp_path: Path) -> None:
    own = csv(tmp_path, "own.csv", range(7, 8), winner_tie="1", winner_model_a="1")
    with pytest.raises(DataError) as refused:
        read([csv(tmp_path, "train.csv", range(3))], own)
    assert str(refused.value).startswith(f"{own}, line 2, id 7")


def test_without_a_split_all_rows_are_trained_on(tmp_path: Path) -> None:
    path = csv(tmp_path, "train.csv", range(7))
    found = read([path], None, Profile(split=Split(by="none")))
    assert (len(found.train), found.evaluation) == (7, [])
    assert split(found.train[:1], Split(by="none"))[0] == found.train[:1]


def test_an_inspection_is_known_by_the_content_of_all_sources(tmp_path: Path) -> None:
    a, b, own = (csv(tmp_path, f"{name}.csv", range(n, n + 2)) for n, name in enumerate(["a", "b", "own"]))
    known = [digest_of_all([a], None), digest_of_all([a, b], None), digest_of_all([b, a], None)]
    known += [digest_of_all([a], b), digest_of_all([a, b], own), digest_of_all([a], own)]
    for later in (b, own):
        Path(later).write_text(Path(later).read_text().replace("Hello", "Bye"))
        known.append(digest_of_all([a, b], own))
    assert len(set(known)) == len(known)
    paths = [
        Store("content", "words", Profile(data=Data(train=a, eval=b, drop_leaks=drop))).folder for drop in (False, True)
    ]
    assert paths[0] == paths[1], "which rows are left out is reckoned from all of them"


def test_a_profile_takes_a_list_of_sources_and_one_to_evaluate_on(tmp_path: Path) -> None:
    text = '[data]\ntrain = ["a.csv", "owner/name", "demo"]\neval = "own.csv"\n[split]\nby = "prompt"\nfold = 2\n'
    profile = parse_profile(text, source="mine")
    assert profile.data.sources == ["a.csv", "owner/name", "demo", "own.csv"]
    assert held_out(profile) == "all of own.csv"
    assert unused_split(profile) == "split.by and split.fold are not used: data.eval names what is evaluated"
    assert parse_profile(to_toml(profile), source="again") == profile
    there = rooted(profile, tmp_path)
    assert there.data.train == [str(tmp_path / "a.csv"), "owner/name", "demo"]
    assert there.data.eval == str(tmp_path / "own.csv")
    csv(tmp_path, "a.csv", range(1))
    assert absent_paths(profile, tmp_path) == {"data.eval": str(tmp_path / "own.csv")}
    assert unused_split(Profile()) == ""


def test_a_list_of_sources_is_one_value_and_a_list_of_lists_a_sweep() -> None:
    [one] = variants("", source="mine", name="mine", overrides=['data.train=["a.csv", "b.csv"]'])
    assert one.profile.data.train == ["a.csv", "b.csv"]
    two = variants("", source="mine", name="mine", overrides=['data.train=[["a.csv"], ["b.csv"]]'])
    assert [variant.profile.data.train for variant in two] == [["a.csv"], ["b.csv"]]


def test_of_each_source_its_share_is_drawn_and_its_rows_weigh_as_it_does(tmp_path: Path) -> None:
    sources = [csv(tmp_path, "a.csv", range(200)), csv(tmp_path, "b.csv", range(200, 400))]
    profile = Profile(data=Data(train=sources, train_shares=[1, 0.25], train_weights=[1, 3]), split=Split(by="none"))
    found = read(sources, None, profile)
    of_b = [row for row in found.train if isinstance(row.id, int) and row.id >= 200]
    assert len(found.train) - len(of_b) == 200
    assert 30 < len(of_b) < 70
    weights = {row.weight for row in found.train}
    assert len(weights) == 2 and max(weights) == pytest.approx(3 * min(weights))
    assert sum(row.weight for row in found.train) == pytest.approx(len(found.train))
    assert {row.weight for row in of_b} == {max(weights)}
    a, b = found.read
    assert (a.rows, a.not_drawn, b.rows, b.not_drawn) == (200, 0, len(of_b), 200 - len(of_b))
    assert f"{b.not_drawn} not drawn" in str(b)
    assert [row.index for row in found.train] == list(range(len(found.train)))
    more = Profile(data=Data(train=sources, train_shares=[1, 0.5]), split=Split(by="none"))
    assert {row.id for row in of_b} < {row.id for row in read(sources, None, more).train}, "a larger share adds to them"
    few = Sources(sources, Data(train=sources, train_shares=[0.1, 1], limit=150), "auto")
    assert len(ids(few)) == 150, "a limit counts what is drawn"


@pytest.mark.parametrize("name", ["train_shares", "train_weights"])
def test_there_is_a_share_and_a_weight_for_each_source(name: str) -> None:
    parse_profile("", source="t", overrides=['data.train=["a.csv", "b.csv"]', f"data.{name}=[1, 0.5]"])
    with pytest.raises(ProfileError, match=r"one number for each source of data\.train, of which there are 2"):
        parse_profile("", source="t", overrides=['data.train=["a.csv", "b.csv"]', f"data.{name}=[1]"])
    with pytest.raises(ProfileError, match="of which there is 1"):
        parse_profile("", source="t", overrides=[f"data.{name}=[1, 1]"])
