"""What is no checkpoint that can be trained is refused in a sentence with the way out, before anything heavy begins."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_runs import SETTINGS

from core.data.example import DataError
from core.data.files import read_records
from core.model.checkpoint import demand_weights
from core.model.locate import locate, tokenizer_folder
from core.predict.errors import in_words
from core.predict.model import load_trained
from core.profile import settings
from core.profile.errors import SettingError
from core.profile.load import parse_profile

ARENA_TUI = [sys.executable, "-P", "-m", "arena_tui"]
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 17000000\n"


@pytest.fixture
def folder(checkpoint: Path, tmp_path: Path) -> Path:
    """A checkpoint of the test's own."""
    return Path(shutil.copytree(checkpoint, tmp_path / "model"))


def change_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def quantized(**config: object) -> Callable[[Path], None]:
    return lambda folder: change_config(folder, quantization_config=config)


def write(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


def cut_short(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])


def without_a_shard(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))


def only_pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def an_adapter(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "google/gemma-2-9b-it"}))


def custom_code(folder: Path) -> None:
    change_config(folder, model_type="mine", auto_map={"AutoConfig": "mine.Config", "AutoModel": "mine.Model"})
    (folder / "mine.py").write_text("from pathlib import Path\nPath(__file__).with_name('was-run').touch()\n")


def no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (write("config.json", "{"), r"its config\.json is not a JSON object"),
        (write("config.json", POINTER), r"its config\.json is a Git LFS pointer.*git lfs pull"),
        (write("config.json", '{"hidden_size": 8}'), "names no model_type"),
        (lambda folder: (folder / "config.json").unlink(), r"there is no config\.json in this folder"),
        (write("tokenizer.json", POINTER), r"its tokenizer\.json is a Git LFS pointer"),
        (write("tokenizer.json", '{"model": {'), r"its tokenizer\.json is not a JSON object"),
        (write("model.safetensors", POINTER), r"its model\.safetensors is a Git LFS pointer"),
        (write("model.safetensors", "x"), r"its model\.safetensors is not a safetensors file"),
        (write("model.safetensors", "<html>Not found</html>"), r"its model\.safetensors is not a safetensors file"),
        (cut_short, r"its model\.safetensors is truncated, [\d,]+ of [\d,]+ bytes"),
        (without_a_shard, r"its model-00002-of-00002\.safetensors is missing"),
        (only_pickled, r"weights as pytorch_model\.bin only.*save_pretrained"),
        (lambda folder: (folder / "model.safetensors").unlink(), r"model\.safetensors is missing"),
        (an_adapter, r"is an adapter.*\(google/gemma-2-9b-it\).*arena-tui export RUN --merged DIR"),
        (custom_code, r"needs code of its own \(auto_map in config\.json\), which is never run here"),
        (quantized(quant_method="gptq", bits=4), r"stored quantized \(gptq\).*16-bit checkpoint"),
        (quantized(quant_method="mxfp4"), r"stored quantized \(mxfp4\)"),
        (quantized(quant_method="fp8"), r"stored quantized \(fp8\)"),
        (quantized(quant_method="bitsandbytes", load_in_4bit=True), r"stored quantized \(bitsandbytes fp4\)"),
        (no_tokenizer, r"has no tokenizer\.json, and none can be made from its other files"),
    ],
)
def test_what_cannot_be_trained_is_named_with_the_way_out(
    spoil: Callable[[Path], object], told: str, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ARENA_TUI_CACHE", str(tmp_path / "cache"))
    spoil(folder)
    model = settings.Model(checkpoint=str(folder))
    with pytest.raises(SettingError, match=f"model.checkpoint = .*{told}"):
        source = locate(model)
        demand_weights(source, model.checkpoint)
        tokenizer_folder(source, None)


@pytest.mark.parametrize(
    "harmless",
    [
        lambda _: None,
        # transformers has the family itself, and never looks at the code
        lambda folder: change_config(folder, auto_map={"AutoConfig": "mine.Config"}),
        quantized(quant_method="bitsandbytes", load_in_4bit=True, bnb_4bit_quant_type="nf4"),
        quantized(load_in_8bit=True),
    ],
)
def test_what_can_be_trained_is_let_through(harmless: Callable[[Path], None], folder: Path) -> None:
    harmless(folder)
    model = settings.Model(checkpoint=str(folder))
    source = locate(model)
    demand_weights(source, model.checkpoint)
    assert source == str(folder)


def test_judging_a_checkpoint_loads_no_heavy_library(folder: Path) -> None:
    code = (
        "import sys; from core.model.locate import locate; from core.model.checkpoint import demand_weights; "
        "from core.profile.settings import Model; demand_weights(locate(Model(checkpoint=sys.argv[1])), ''); "
        "print([name for name in ('torch', 'transformers', 'safetensors') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-P", "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_rows_that_git_lfs_has_not_fetched_are_named_so(tmp_path: Path) -> None:
    for name in ("train.csv", "train.parquet", "train.jsonl"):
        (tmp_path / name).write_text(POINTER)
        with pytest.raises(DataError, match="Git LFS pointer"):
            list(read_records(str(tmp_path / name)))


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "inspect"])
def test_no_command_runs_a_checkpoints_code_or_asks_whether_it_may(
    command: str, folder: Path, train_csv: Path, tmp_path: Path
) -> None:
    custom_code(folder)
    profile = tmp_path / "mine.toml"
    settings_text = SETTINGS.replace("[model]", f'[model]\ncheckpoint = "{folder}"')
    profile.write_text(f'[data]\ntrain = "{train_csv}"\n{settings_text}')
    ran = subprocess.run([*ARENA_TUI, command, str(profile)], cwd=tmp_path, capture_output=True, text=True, input="y\n")
    assert ran.returncode == 2
    assert "needs code of its own" in ran.stdout + ran.stderr
    assert not (folder / "was-run").exists()


def test_a_prediction_refuses_a_base_that_was_spoilt_since(folder: Path) -> None:
    custom_code(folder)
    (folder / "adapter").mkdir()
    profile = parse_profile(SETTINGS, source="tiny", overrides=[f"model.checkpoint={folder}"])
    with pytest.raises(SettingError, match="needs code of its own") as refused:
        load_trained(profile, folder / "adapter", precision="fp32", kind="cpu")
    assert in_words(refused.value).advice == "The run's base is needed as it was when the run began."
    assert not (folder / "was-run").exists()
