"""A child that gets ready for a profile before it is asked: the same rows, and nothing fetched, made or left."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import tiny
from pyarrow import parquet

from core.cache import CACHE_VARIABLE
from core.inspect.ahead import read_ahead
from core.inspect.protocol import INSPECT, WAIT, Progress

SECONDS = 240


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, in which nothing of an earlier inspection can be found."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def write_profile(path: Path, checkpoint: Path | str) -> Path:
    rows = tiny.write_csv(path.with_suffix(".csv"), tiny.rows(30, seed=5))
    path.write_text(f'[data]\ntrain = "{rows}"\n[model]\ncheckpoint = "{checkpoint}"\n')
    return path


def waiting(profile: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([*INSPECT, WAIT, str(profile)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def told(child: "subprocess.Popen[bytes]", line: bytes) -> list[Progress]:
    printed, _ = child.communicate(line, SECONDS)
    return [msgspec.json.decode(line, type=Progress) for line in printed.splitlines()]


def ids(progress: Progress) -> list[list[int]]:
    assert progress.whole
    return parquet.read_table(progress.whole, columns=["ids"])["ids"].to_pylist()


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["the same profile", "one with another tokenizer", "one with another limit"])
def test_it_inspects_the_profile_that_it_is_asked_for(
    asked: str, cache: Path, tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = write_profile(tmp_path / "mine.toml", checkpoint)
    overrides = []
    if asked == "one with another tokenizer":
        tiny.sentencepiece_tokenizer().save_pretrained(tmp_path / "other")
        asked_profile = write_profile(tmp_path / "theirs.toml", tmp_path / "other")
    else:
        asked_profile = profile
    if asked == "one with another limit":
        overrides = ["data.limit=10"]
    last = told(waiting(profile), msgspec.json.encode([str(asked_profile), *overrides]) + b"\n")[-1]
    monkeypatch.setenv(CACHE_VARIABLE, str(cache.with_name("another")))
    plain = subprocess.run([*INSPECT, str(asked_profile), *overrides], stdout=subprocess.PIPE, check=True).stdout
    expected = msgspec.json.decode(plain.splitlines()[-1], type=Progress)
    assert (last.rows, last.frame) == (expected.rows, expected.frame)
    assert ids(last) == ids(expected)


def test_without_a_question_it_ends_with_its_stdin_and_has_made_nothing(
    cache: Path, tmp_path: Path, checkpoint: Path
) -> None:
    child = waiting(write_profile(tmp_path / "mine.toml", checkpoint))
    assert told(child, b"") == []
    assert child.returncode == 0
    assert not cache.exists()


def test_while_it_waits_it_holds_a_tokenizer_and_neither_arrow_nor_a_model(checkpoint: Path, tmp_path: Path) -> None:
    profile = write_profile(tmp_path / "mine.toml", checkpoint)
    code = "import sys; from core.inspect.__main__ import main; main(sys.argv[1:]); print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code, WAIT, str(profile)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    held = set(ran.stdout.decode().split())
    assert "tokenizers" in held
    assert not held & {"pyarrow", "pandas", "scipy", "sklearn", "datasets", "torch", "transformers", "textual"}


@pytest.mark.parametrize("checkpoint", ["demo", "nobody/has-this", "a/b/c", "/no/such/folder"])
def test_what_is_not_on_this_machine_is_neither_fetched_nor_made(
    checkpoint: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    assert read_ahead(write_profile(tmp_path / "mine.toml", checkpoint)) is None
    assert not cache.exists()
    assert not (tmp_path / "hub").exists()


def test_a_profile_that_cannot_be_read_is_told_of_when_it_is_asked_for(tmp_path: Path) -> None:
    profile = tmp_path / "broken.toml"
    profile.write_text("[data\n")
    (answer,) = told(waiting(profile), msgspec.json.encode([str(profile)]) + b"\n")
    assert answer.problem
    assert str(profile) in answer.problem
