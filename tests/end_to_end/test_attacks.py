"""What somebody who did not write the program found when they tried to break its promises of safety."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet
from tiny_runs import copy_of, fill

from core.data.bounds import MOST_ROWS
from core.data.example import DataError
from core.model.checkpoint import demand_weights
from core.model.load import load_config
from core.model.locate import locate
from core.plan.history import _evaluated_tokens
from core.profile import settings
from core.profile.errors import ProfileError, SettingError
from core.profile.load import parse_profile
from core.profile.settings import Profile
from core.report.evaluation import read_evaluation
from core.runs.folder import RunFolder, choose_run, create_run, find_run
from core.runs.notes import NotesError, load_notes

DEEP = "[" * 200_000 + "]" * 200_000


@pytest.mark.parametrize(
    "key",
    [
        "a" + ".a" * 30_000,
        "a" + " . a" * 15_000,
        "a" + '."\\""' * 10_000,
        'x = {y = """a"""", ' + "a." * 30_000 + "a",
        "x = {y = '''a''''', " + "a." * 30_000 + "a",
        '# "\n' + "a." * 30_000 + "a",
    ],
    ids=["bare", "spaced", "quoted", "behind a string", "behind a literal string", "behind a comment"],
)
def test_a_key_of_thousands_of_parts_takes_neither_the_time_nor_the_memory(key: str, tmp_path: Path) -> None:
    """The parser takes them as the square of the parts: a profile of 120 KB took 8 GB and more than a minute."""
    text = key + " = 1" + "}" * key.count("{")
    with pytest.raises(ProfileError, match=f"line {key.count(chr(10)) + 1}: nested too deeply"):
        parse_profile(text, source="hostile.toml")
    run = RunFolder(tmp_path)
    run.notes.write_text(text)
    with pytest.raises(NotesError, match="nested too deeply"):
        load_notes(run)


@pytest.mark.parametrize("quote", ['"', "'", '"""\n', "'''\n"])
def test_dots_in_texts_and_comments_are_no_keys(quote: str) -> None:
    text = f"[run]\nname = {quote}{'.' * 50}{quote[:3].strip()} # {'.' * 500}\n"
    assert parse_profile(text, source="own.toml").run.name == "." * 50


@pytest.mark.parametrize("written", ["1" * 5000, "[" * 5000], ids=["long", "deep"])
def test_an_override_that_the_parser_cannot_take_is_a_word(written: str) -> None:
    with pytest.raises(ProfileError, match=r"--set: train\.seed"):
        parse_profile("", source="own.toml", overrides=[f"train.seed={written}"])


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation", "experts_implementation"])
def test_a_base_does_not_choose_the_code_that_computes_it(checkpoint: Path, tmp_path: Path, key: str) -> None:
    """transformers fetches and runs the code of a repository that is named there, where `kernels` is installed."""
    folder = Path(shutil.copytree(checkpoint, tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {key: "kernels-community/anything"}))
    model = settings.Model(quantization="none")
    plain, found = (load_config(str(place), model, max_length=64) for place in (checkpoint, folder))
    assert found._attn_implementation == plain._attn_implementation
    assert found._experts_implementation == plain._experts_implementation


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("config.json", f'{{"model_type": "gemma2", "a": {DEEP}}}', "its config.json is not a JSON object"),
        ("config.json", '{"model_type": "gemma2", "quantization_config": [1]}', "an invalid quantization_config"),
        ("tokenizer.json", f'{{"a": {DEEP}}}', "its tokenizer.json is not a JSON object"),
        ("model.safetensors.index.json", '{"weight_map": [1]}', "is not an index of weights"),
        ("model.safetensors.index.json", '{"weight_map": {"a": {}}}', "is not an index of weights"),
        ("model.safetensors.index.json", '{"weight_map": {"a": "../b"}}', "names '../b', which is not a file in this"),
    ],
    ids=["deep config", "quantized as a list", "deep tokenizer", "index of a list", "index of objects", "outside"],
)
def test_a_base_with_hostile_small_files_is_refused_in_a_sentence(
    checkpoint: Path, tmp_path: Path, name: str, content: str, told: str
) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / "model"))
    if "index" in name:
        (folder / "model.safetensors").unlink()
    (folder / name).write_text(content)
    with pytest.raises(SettingError, match=r"model\.checkpoint") as refused:
        demand_weights(locate(settings.Model(checkpoint=str(folder))), str(folder))
    assert told in str(refused.value)


@pytest.mark.parametrize("is_sparse", [True, False])
def test_the_header_of_weights_is_bounded(checkpoint: Path, tmp_path: Path, is_sparse: bool) -> None:
    """A sparse file of kilobytes may call all of its terabyte a header."""
    folder = Path(shutil.copytree(checkpoint, tmp_path / "model"))
    header = f'{{"a": {DEEP}}}'.encode()
    length = 1 << 40 if is_sparse else len(header)
    with (folder / "model.safetensors").open("wb") as weights:
        weights.write(length.to_bytes(8, "little"))
        weights.write(b"" if is_sparse else header)
        weights.truncate(8 + length)
    with pytest.raises(SettingError, match=r"model\.safetensors is not a safetensors file"):
        demand_weights(str(folder), str(folder))


def test_last_is_the_newest_run_though_a_folder_here_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archive that was unpacked here may bring one."""
    newest = create_run(tmp_path / "runs", Profile(), text="", name="mine")
    shutil.copytree(newest.path, tmp_path / "last")
    monkeypatch.chdir(tmp_path)
    assert choose_run(tmp_path / "runs", "last").path == newest.path
    assert find_run(tmp_path / "runs", "last").path == newest.path
    assert choose_run(tmp_path / "runs", "./last").path == tmp_path / "last"


@pytest.mark.parametrize("kind", ["rows", "texts"])
def test_an_evaluation_that_unfolds_without_bound_is_not_read(finished: RunFolder, tmp_path: Path, kind: str) -> None:
    """What is alike is written once: 200 million rows of 10 MB took 7 GB from whoever opened the report."""
    run = copy_of(finished, tmp_path / "run")
    known = _evaluated_tokens(run)
    assert known
    table = parquet.read_table(run.evaluation)
    if kind == "rows":
        table = table.take(np.zeros(MOST_ROWS + 1, dtype=np.int64))
    else:
        table = table.append_column("text", pyarrow.array(["x" * 1000] * len(table)))
    parquet.write_table(table, run.evaluation)
    with pytest.raises(DataError, match=r"5,000,001 rows of|the column 'text' holds string, not numbers"):
        read_evaluation(run)
    assert _evaluated_tokens(run) == 0


def test_a_run_that_has_no_room_to_begin_leaves_nothing_and_says_where(small_disk: Path) -> None:
    fill(small_disk)
    with pytest.raises(OSError, match=r"No space left on device: '.*-mine'"):
        create_run(small_disk, Profile(), text="# mine", name="mine")
    assert [path.name for path in small_disk.iterdir()] == ["filler"]
