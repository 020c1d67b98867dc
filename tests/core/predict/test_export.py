"""Out of the house: an adapter, a merged checkpoint and the README's example, used as strangers would."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from peft import AutoPeftModelForSequenceClassification, PeftModel
from places import ROOT
from pyarrow import parquet
from stand_in_hub import TOKEN, hub
from tiny_runs import SECONDS, SETTINGS
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from core.data.example import join
from core.profile.load import parse_profile
from core.runs.folder import RunFolder, create_run
from core.runs.process import launch

pytestmark = [pytest.mark.xdist_group("export"), pytest.mark.slow]

README = ROOT / "README.md"


@pytest.fixture(scope="module")
def run(checkpoint: Path, train_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    own = [f"data.train={train_csv}", f"model.checkpoint={checkpoint}", "tokens.max_length=200"]
    profile = parse_profile(SETTINGS, source="tiny", overrides=own)
    folder = create_run(tmp_path_factory.mktemp("runs"), profile, text=SETTINGS, name="tiny")
    assert launch(folder).wait(SECONDS) == 0
    return folder


def evaluated(run: RunFolder) -> tuple[list[list[int]], np.ndarray]:  # type: ignore[type-arg]
    """The first evaluation rows in tokens, made here, and their logits as the run has stored them."""
    tokenizer = AutoTokenizer.from_pretrained(run.adapter)
    table = parquet.read_table(run.evaluation).to_pydict()
    rows = [row for row in tiny.rows(60) if row["id"] in set(table["id"][:3])]
    texts = [join(*(json.loads(row[part]) for part in tiny.COLUMNS[3:6])) for row in rows]
    ids = [[2, *tokenizer(text, add_special_tokens=False).input_ids, 1] for text in texts]
    return ids, np.array([table["logit_a"], table["logit_b"], table["logit_tie"]]).T[:3]


def test_an_adapter_loads_by_itself_and_on_its_base_and_answers_as_in_the_run(run: RunFolder, checkpoint: Path) -> None:
    base = AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=3)
    ids, stored = evaluated(run)
    for model in (
        PeftModel.from_pretrained(base, run.adapter),
        AutoPeftModelForSequenceClassification.from_pretrained(run.adapter, num_labels=3),
    ):
        with torch.no_grad():
            logits = [model.eval()(torch.tensor([row])).logits[0].numpy() for row in ids]
        np.testing.assert_allclose(logits, stored, atol=1e-4)


def test_its_card_tells_data_settings_figures_and_versions_and_no_path(run: RunFolder, train_csv: Path) -> None:
    card = (run.adapter / "README.md").read_text()
    metrics = json.loads(run.metrics.read_bytes())
    assert hashlib.sha256(train_csv.read_bytes()).hexdigest() in card
    assert f"| log loss | {metrics['log_loss']:.4f} |" in card
    assert "learning_rate = 0.001" in card
    assert f"- torch {torch.__version__}" in card
    assert "`train.csv`" in card
    for private in (str(train_csv.parent), str(run.path), "/tmp"):
        assert private not in card
    _, heading, _ = card.split("---\n", 2)
    assert "library_name: peft" in heading


@pytest.mark.parametrize("is_merged", [False, True])
def test_the_example_in_a_card_scores_a_pair(is_merged: bool, run: RunFolder, tmp_path: Path) -> None:
    folder = run.adapter
    if is_merged:
        folder = tmp_path / "whole"
        command = [sys.executable, "-P", "-m", "arena_tui", "export", str(run.path), "--merged", str(folder)]
        subprocess.run(command, check=True)
    code = (folder / "README.md").read_text().split("```python\n")[1].split("```")[0]
    assert ("peft" in code) is not is_merged
    script = tmp_path / "example.py"
    script.write_text(code.replace('"this folder"', repr(str(folder))))
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("tensor([[0.")


def test_the_example_in_the_readme_scores_a_pair(run: RunFolder, tmp_path: Path) -> None:
    after = README.read_text().split("```python\n")[1]
    code = after.split("```")[0]
    assert len(code.splitlines()) <= 12
    line = next(line for line in code.splitlines() if line.startswith("folder = "))
    script = tmp_path / "example.py"
    script.write_text(code.replace(line, f"folder = {str(run.adapter)!r}"))
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    printed = [float(number) for number in ran.stdout[ran.stdout.index("[[") + 2 : ran.stdout.index("]]")].split(",")]
    assert sum(printed) == pytest.approx(1, abs=1e-3)


def test_what_a_run_leaves_is_as_readable_as_the_umask_says(run: RunFolder) -> None:
    weights = list(run.path.rglob("*.safetensors"))
    assert {path.parent.name.partition("-")[0] for path in weights} >= {"adapter", "checkpoint"}
    files = [path for path in run.path.rglob("*") if path.is_file() and not path.name.startswith(".")]  # but for locks
    modes = {str(path): path.stat().st_mode & 0o777 for path in files}
    assert modes == dict.fromkeys(modes, run.path.stat().st_mode & 0o666)


def test_a_merged_checkpoint_is_plain_appears_whole_and_answers_alike(run: RunFolder, tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "arena_tui", "export", str(run.path), "--merged", "whole"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == f"merged into {tmp_path / 'whole'}\n"
    config = json.loads((tmp_path / "whole" / "config.json").read_text())
    assert "quantization_config" not in config
    assert config["id2label"] == {"0": "A wins", "1": "B wins", "2": "tie"}
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "whole").eval()
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "whole").iterdir()}
    assert modes == {(tmp_path / "whole").stat().st_mode & 0o666}
    assert type(model).__name__ == "Gemma2ForSequenceClassification"
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    ids, stored = evaluated(run)
    with torch.no_grad():
        logits = [model(torch.tensor([row])).logits[0].float().numpy() for row in ids]
    np.testing.assert_allclose(logits, stored, atol=0.05)
    assert "AutoModelForSequenceClassification" in (tmp_path / "whole" / "README.md").read_text()
    assert AutoTokenizer.from_pretrained(tmp_path / "whole")("x").input_ids

    again = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert again.returncode == 2
    assert "whole already exists" in again.stderr


def test_what_cannot_be_pushed_says_why(run: RunFolder, tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "arena_tui", "export", str(run.path)]
    ran = subprocess.run([*command, "--push-to-hub", "me/x"], capture_output=True, text=True, cwd=tmp_path)
    assert ran.returncode == 2
    assert "add --merged" in ran.stderr
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert ran.returncode == 2
    assert "nothing to do" in ran.stderr
    for name, found in (("demo", "add --merged"), ("[", "line 1: not TOML")):
        other = RunFolder(Path(shutil.copytree(run.path, tmp_path / f"run {name}")))
        model = f'[model]\ncheckpoint = "{name}"\n' if name == "demo" else name
        other.resolved.write_text(model)
        command = [sys.executable, "-P", "-m", "arena_tui", "export", str(other.path), "--push-to-hub", "me/x"]
        ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert ran.returncode == 2, ran.stderr
        assert found in ran.stderr


def test_a_merged_checkpoint_is_pushed_whole_to_a_private_repository(run: RunFolder, tmp_path: Path) -> None:
    """By the hub's own client to a server of this machine. It has no Xet storage, so that goes by plain uploads."""
    command = [sys.executable, "-P", "-m", "arena_tui", "export", str(run.path), "--merged", "whole", "--push-to-hub"]
    with hub() as server:
        here = {**os.environ, "HF_ENDPOINT": server.address, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1"}
        here |= {"HF_HUB_OFFLINE": "0", "HF_TOKEN": TOKEN}
        ran = subprocess.run([*command, "me/x"], capture_output=True, text=True, cwd=tmp_path, env=here)
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.splitlines() == [
            f"merged into {tmp_path / 'whole'}",
            f"pushed to {server.address}/me/x/commit/1",
        ]
        assert server.made["visibility"] == "private"
        assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= server.files.keys()
        assert server.files == {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}

        stranger = pushed(tmp_path / "whole", here | {"HF_TOKEN": "hf_none"})
        assert stranger.startswith("the hub refuses me/x: Invalid user token")
    gone = pushed(tmp_path / "whole", here)
    assert gone.startswith("the Hugging Face hub cannot be reached: ConnectError: ")
    assert f"`hf upload me/x {tmp_path / 'whole'} --private` tries again" in gone


@pytest.mark.parametrize(
    ("token", "found"), [(None, "not logged in"), ("hf_none", "the Hugging Face hub cannot be reached")]
)
def test_a_hub_without_login_or_network_is_an_error_in_words(token: str | None, found: str, tmp_path: Path) -> None:
    environment = {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "PATH": "", "PYTHONPATH": str(README.parent)}
    assert found in pushed(tmp_path, environment | ({"HF_TOKEN": token} if token else {}))


def pushed(folder: Path, environment: dict[str, str]) -> str:
    """What comes of it. In a process of its own, since the hub's library reads its environment once."""
    code = (
        "import sys; from pathlib import Path\nfrom core.predict.errors import in_words\n"
        "from core.predict.export import push\n"
        "try: push(Path(sys.argv[1]), 'me/x')\n"
        "except Exception as error: print(in_words(error).cause, in_words(error).advice)"
    )
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code, str(folder)], capture_output=True, text=True, env=environment
    )
    return ran.stdout or ran.stderr
