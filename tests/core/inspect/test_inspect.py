"""The inspection of a file: figures that agree with the rows as trained, caching by content, hostile cells."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import tiny
from examples import read_examples
from msgspec.structs import replace
from pyarrow import parquet

from arena_tui.dataset.text import as_text
from arena_tui.rows.view import by_strategy, load
from core.data.split import split
from core.data.template import RECIPE
from core.data.tokenizer import PromptTokenizer
from core.data.tokens import encode
from core.inspect.cuts import LIMITS, NoRoom
from core.inspect.export import export
from core.inspect.figures import Rows, epoch, histogram, lengths, read_rows
from core.inspect.lookup import read_pieces, read_prompts, read_row
from core.inspect.protocol import INSPECT, Progress
from core.inspect.report import Report, margin, report, sides
from core.profile.data_settings import Data
from core.profile.load import parse_profile
from core.profile.settings import Profile
from core.profile.token_settings import TRUNCATIONS, Tokens

TURNS = ["one two three", "four " * 30, "five 🤷🏽 é"]


def hostile_rows() -> list[dict[str, Any]]:
    """Ordinary rows, and one of each kind that the report must count."""
    made = tiny.rows(700, seed=3)
    for number, row in enumerate(made[:300]):
        if number % 3 == 0:
            row["response_b"] = json.dumps(TURNS)
            row["prompt"] = json.dumps([f"unlike any other {number}", "and again"])
    flawed: dict[str, Any] = {"prompt": json.dumps(["like no other"])}
    made[300] |= {**flawed, "response_a": "[null]", "prompt": json.dumps(["null"])}
    made[301] |= {**flawed, "response_a": '["\\ud800 half"]', "prompt": '["whole \\ud83e\\udd37"]'}
    made[302] |= {**flawed, "response_b": json.dumps(["\x1b[31mred"])}
    made[303] |= {**flawed, "response_a": '["same"]', "response_b": '["same"]'}
    made[303] |= {"winner_model_a": "1", "winner_model_b": "0", "winner_tie": "0"}
    made[304] |= {**flawed, "response_b": '["  \\n"]'}
    return made


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {**os.environ, "ARENA_TUI_CACHE": str(tmp_path_factory.mktemp("cache"))}


@pytest.fixture(scope="module")
def train_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_csv(tmp_path_factory.mktemp("inspected") / "train.csv", hostile_rows())


@pytest.fixture(scope="module")
def profile_file(train_csv: Path, checkpoint: Path) -> Path:
    path = train_csv.with_name("mine.toml")
    path.write_text(f'[data]\ntrain = "{train_csv}"\n[tokens]\nmax_length = 64\n[model]\ncheckpoint = "{checkpoint}"\n')
    return path


def inspect(profile: Path, environment: dict[str, str], *overrides: str) -> list[Progress]:
    ran = subprocess.run([*INSPECT, str(profile), *overrides], env=environment, stdout=subprocess.PIPE, check=False)
    return [msgspec.json.decode(line, type=Progress) for line in ran.stdout.splitlines()]


@pytest.fixture(scope="module")
def found(profile_file: Path, environment: dict[str, str]) -> tuple[Rows, Progress, Profile]:
    last = inspect(profile_file, environment)[-1]
    assert last.whole
    return read_rows(Path(last.whole)), last, parse_profile(profile_file.read_text(), source="mine")


def the_report(found: tuple[Rows, Progress, Profile]) -> Report:
    rows, progress, profile = found
    assert progress.frame
    return report(rows, profile, progress.frame, LIMITS, progress.read)


@pytest.mark.slow
def test_each_row_is_found_in_a_file_of_many_groups(
    profile_file: Path, checkpoint: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    path = tiny.write_csv(
        tmp_path / "many.csv", [tiny.row(n, n % 3, prompt=json.dumps([f"prompt {n}"])) for n in range(1_300)]
    )
    [*_, last] = inspect(profile_file, environment, f"data.train={path}")
    assert last.whole
    whole = Path(last.whole)
    numbers = [0, 255, 256, 511, 512, 767, 768, 1_023, 1_024, 1_299]
    assert read_prompts(whole, numbers, 20) == {number: f"prompt {number}" for number in numbers}
    encoded = encode(read_examples(str(path), Data()), PromptTokenizer(checkpoint), Tokens(max_length=4096), RECIPE)
    ids = [row.ids.tolist()[1:-1] for batch in encoded for row in batch]
    assert [read_row(whole, number).ids for number in numbers] == [[ids[number]] for number in numbers]
    with pytest.raises(IndexError, match=r"no row 1,300"):
        read_row(whole, 1_300)


@pytest.mark.slow
@pytest.mark.parametrize("truncation", TRUNCATIONS)
@pytest.mark.parametrize("ellipsis", ["", "…"])
def test_the_figures_are_those_of_the_rows_as_they_are_trained_on(
    truncation: str, ellipsis: str, profile_file: Path, train_csv: Path, checkpoint: Path, environment: dict[str, str]
) -> None:
    overrides = [f"tokens.truncation={truncation}", f"tokens.ellipsis='{ellipsis}'", "tokens.max_length=90"]
    last = inspect(profile_file, environment, *overrides)[-1]
    profile = parse_profile(profile_file.read_text(), source="mine", overrides=overrides)
    assert last.whole
    assert last.frame
    rows = read_rows(Path(last.whole))
    own = next(r for r in report(rows, profile, last.frame, LIMITS, last.read).limits if r.max_length == 90)

    examples = read_examples(str(train_csv), Data())
    tokenizer = PromptTokenizer(checkpoint)
    encoded = [row for batch in encode(examples, tokenizer, profile.tokens, RECIPE) for row in batch]
    lost = np.array([row.lost for row in encoded])
    assert rows.id.tolist() == [str(row.example.id) for row in encoded]
    assert (own.rows, own.rows_over) == (len(encoded), sum(row.is_cut for row in encoded))
    assert own.tokens_shown == sum(len(row.ids) for row in encoded)
    for number, part in ((1, "response_a"), (2, "response_b")):
        gone = (lost[:, number] == rows.parts[:, number]) & (lost[:, number] > 0)
        assert getattr(own, f"{part}_lost") == gone.sum()
        assert getattr(own, f"{part}_cut") == (lost[:, number] > 0).sum() - gone.sum()
    train, evaluation = split(examples, profile.split)
    assert own.by_split["train"].rows == len(train)
    held = {row.id for row in evaluation}
    assert own.by_split["eval"].rows_over == sum(row.is_cut for row in encoded if row.example.id in held)
    assert own.by_label["tie"].rows_over == sum(row.is_cut for row in encoded if row.example.label == 2)
    for figure in ("rows", "rows_over", "tokens_lost", "response_b_lost"):
        assert sum(getattr(part, figure) for part in own.by_label.values()) == getattr(own, figure)


def test_flaws_are_counted_each_by_its_own(found: tuple[Rows, Progress, Profile]) -> None:
    hygiene = the_report(found).hygiene
    assert (hygiene.null_turns, hygiene.with_nulls) == (1, 1)
    assert hygiene.with_empty_answer == 2
    assert hygiene.with_replaced_surrogates == 1
    assert hygiene.with_control_characters == 1
    assert hygiene.identical_answers_with_winner == 1
    assert hygiene.with_several_turns == 100
    assert sum(hygiene.classes.values()) == 700


@pytest.mark.parametrize(("by", "leaks"), [("row", True), ("id", True), ("prompt", False)])
def test_a_split_by_prompt_ends_the_leak(by: str, leaks: bool, found: tuple[Rows, Progress, Profile]) -> None:
    rows, progress, profile = found
    chosen = msgspec.structs.replace(profile, split=msgspec.structs.replace(profile.split, by=by))
    result = the_report((rows, progress, chosen))
    assert (result.hygiene.eval_rows_with_leaked_prompt > 0) == leaks
    assert (result.hygiene.prompts_on_both_sides > 0) == leaks


def test_the_split_is_that_of_training(found: tuple[Rows, Progress, Profile], train_csv: Path) -> None:
    rows, _, profile = found
    examples = read_examples(str(train_csv), Data())
    for by in ("row", "id", "prompt"):
        chosen = msgspec.structs.replace(profile.split, by=by)
        evaluation = split(examples, chosen)[1]
        assert rows.id[sides(rows, Profile(split=chosen)).eval].tolist() == [str(row.id) for row in evaluation]


def test_the_first_rows_come_before_the_whole_and_are_its_beginning(
    profile_file: Path, environment: dict[str, str], found: tuple[Rows, Progress, Profile]
) -> None:
    command = [*INSPECT, str(profile_file), "data.limit=699"]  # another inspection than any before
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as child:
        assert child.stdout
        first = msgspec.json.decode(child.stdout.readline(), type=Progress)
        assert first.sample
        assert first.rows_total and 600 < first.rows_total <= 699, "estimated from the first rows"
        sample = read_rows(Path(first.sample))
        child.stdout.read()
    assert 0 < len(sample) < 699
    assert sample.id.tolist() == found[0].id[: len(sample)].tolist()
    assert sample.parts.tolist() == found[0].parts[: len(sample)].tolist()


@pytest.mark.slow
def test_what_was_inspected_is_not_read_again_until_its_content_changes(
    profile_file: Path,
    environment: dict[str, str],
    found: tuple[Rows, Progress, Profile],
    train_csv: Path,
    tmp_path: Path,
) -> None:
    [again] = inspect(profile_file, environment)
    assert again == found[1]
    moved = tmp_path / "renamed.csv"
    moved.write_bytes(train_csv.read_bytes())
    [of_moved] = inspect(profile_file, environment, f"data.train={moved}")
    assert of_moved.read[0].source == str(moved)
    assert msgspec.structs.replace(of_moved, read=again.read) == again
    moved.write_bytes(train_csv.read_bytes().replace(b"unlike any other 3", b"unlike any other thing 3"))
    changed = inspect(profile_file, environment, f"data.train={moved}")
    assert len(changed) > 1
    assert changed[-1].whole not in (None, again.whole)


def test_ending_it_leaves_nothing_half_done(profile_file: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "ARENA_TUI_CACHE": str(tmp_path)}
    with subprocess.Popen([*INSPECT, str(profile_file)], env=environment, stdout=subprocess.PIPE) as child:
        assert child.stdout
        assert msgspec.json.decode(child.stdout.readline(), type=Progress).sample
        child.send_signal(signal.SIGTERM)
        child.stdout.read()
        assert child.wait() in (143, 0)  # 0 where it was done already
    assert not [path for path in (tmp_path / "inspections").iterdir() if path.name.startswith(".making")]


@pytest.mark.slow
def test_a_killed_inspection_is_made_anew(profile_file: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "ARENA_TUI_CACHE": str(tmp_path)}
    with subprocess.Popen([*INSPECT, str(profile_file)], env=environment, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        child.kill()
    assert read_rows(Path(inspect(profile_file, environment)[-1].whole or "")).id.size == 700


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("data.train=absent.csv", "absent.csv: cannot be read: No such file or directory. Correct the file"),
        ("model.checkpoint=/nowhere/at/all", "there is no such folder"),
        ("tokens.max_length=1", "tokens.max_length = 1: must be"),
    ],
)
def test_what_stands_in_the_way_is_told_with_a_way_out(
    override: str, says: str, profile_file: Path, environment: dict[str, str]
) -> None:
    [only] = inspect(profile_file, environment, override)
    assert says in (only.problem or "")
    assert only.whole is None


def test_the_exported_rows_are_those_of_training(
    found: tuple[Rows, Progress, Profile], train_csv: Path, checkpoint: Path, tmp_path: Path
) -> None:
    rows, progress, profile = found
    assert progress.whole
    assert progress.frame
    to = tmp_path / "rows.parquet"
    export(Path(progress.whole), rows, sides(rows, profile), profile.tokens, progress.frame, to)
    table = parquet.read_table(to).to_pydict()
    tokenizer = PromptTokenizer(checkpoint)
    encoded = [
        row
        for batch in encode(read_examples(str(train_csv), Data()), tokenizer, profile.tokens, RECIPE)
        for row in batch
    ]
    assert table["input_ids"] == [row.ids.tolist() for row in encoded]
    assert table["split"][:6] == ["eval", "train", "train", "train", "train", "eval"]
    shown = (rows.parts - np.array([row.lost for row in encoded])).T.tolist()
    assert [table[f"{part}_tokens"] for part in ("prompt", "response_a", "response_b")] == shown
    assert table["tokens_lost"] == [max(0, row.full_length - len(row.ids)) for row in encoded]


def test_the_text_of_a_row_can_be_had_back_from_its_tokens(found: tuple[Rows, Progress, Profile]) -> None:
    _, progress, _ = found
    assert progress.pieces
    pieces = read_pieces(Path(progress.pieces))
    table = parquet.read_table(progress.whole, columns=["ids", "response_b"]).slice(0, 3).to_pydict()
    for ids, answer in zip(table["ids"], table["response_b"], strict=True):
        assert b"".join(pieces[i] for i in ids).decode().endswith("\n\n<response_b>: " + " ".join(answer))


def test_padding_is_what_batches_of_unlike_lengths_add() -> None:
    assert epoch(np.array([[7], [7], [7]]), batch_size=2, seed=0).padding_share == 0
    assert epoch(np.array([[1], [9]]), batch_size=2, seed=0).padding_share == pytest.approx(8 / 18)
    assert epoch(np.zeros((0, 1), dtype=int), batch_size=2, seed=0).effective_tokens == 0


def test_percentiles_and_histogram_count_every_row() -> None:
    full = np.arange(1, 101)
    assert lengths(full).percentiles == {50: 50, 75: 75, 90: 90, 95: 95, 99: 99, 100: 100}
    assert histogram(full, most=50, bins=10).tolist() == [4, 5, 5, 5, 5, 5, 5, 5, 5, 56]


def test_the_margin_of_a_sample_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(5000) < 0.1
    samples = [truth[rng.permutation(5000)[:512]] for _ in range(400)]
    within = [abs(s.mean() - truth.mean()) <= margin(int(s.sum()), 512, 5000) for s in samples]
    assert 0.92 < np.mean(within) <= 0.99
    assert margin(3, 512, 512) == 0
    assert 0 < margin(0, 512, 5000) < 0.01


@pytest.mark.slow
def test_the_command_prints_the_agreed_keys(profile_file: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-P", "-m", "arena_tui", "inspect", str(profile_file), "--max-length", "32,64"]
    ran = subprocess.run([*command, "--json"], env=environment, capture_output=True, text=True, check=True)
    result = json.loads(ran.stdout)
    assert result.keys() >= {"rows", "limits", "strategies", "hygiene", "split"}
    assert [limit["max_length"] for limit in result["limits"]] == [32, 64]
    names = {"rows_over", "tokens_lost", "response_a_cut", "response_a_lost", "response_b_cut", "response_b_lost"}
    assert names <= result["limits"][0].keys()
    assert [strategy["truncation"] for strategy in result["strategies"]] == list(TRUNCATIONS)
    words = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert f"{result['limits'][1]['response_b_lost']} rows" in words
    assert 'split.by = "prompt" prevents it' in words


def test_the_command_and_the_screen_tell_alike_which_strategies_leave_no_room(
    found: tuple[Rows, Progress, Profile],
) -> None:
    rows, progress, profile = found
    assert progress.frame
    tokens = replace(profile.tokens, max_length=20)  # by right the tags may be cut too, else they take more
    short = replace(profile, tokens=tokens)
    told = report(rows, short, progress.frame, LIMITS, progress.read)
    seen = load(progress, profile)
    assert seen
    shown = by_strategy(seen, tokens)
    assert {one.truncation for one in told.strategies if isinstance(one, NoRoom)} == set(TRUNCATIONS) - {"right"}
    assert {one.truncation: getattr(one, "tokens_lost", None) for one in told.strategies} == {
        name: figures and figures.tokens_lost for name, figures in shown.items()
    }
    assert as_text(told, short).count("leaves no room for text") == len(TRUNCATIONS) - 1


@pytest.mark.slow
def test_the_command_refuses_a_bad_file_and_a_limit_without_room(
    profile_file: Path, environment: dict[str, str]
) -> None:
    for more in (["--set", "data.train=absent.csv"], ["--set", "tokens.truncation=rounds", "--max-length", "16"]):
        command = [sys.executable, "-P", "-m", "arena_tui", "inspect", str(profile_file), *more]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 2
        assert "absent.csv" in ran.stderr or "leave no room for text" in ran.stderr
        assert "Traceback" not in ran.stderr


def test_lone_surrogates_in_the_chatbots_names_do_not_end_an_inspection(
    profile_file: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """JSON text may hold them, and Parquet cannot."""
    rows = tmp_path / "train.jsonl"
    rows.write_text("".join(json.dumps({**row, "model_a": "half \ud83d"}) + "\n" for row in tiny.rows(60)))
    *_, last = inspect(profile_file, environment, f"data.train={rows}")
    assert last.problem is None
    assert parquet.read_table(str(last.whole))["model_a"].to_pylist() == ["half \ufffd"] * 60
