"""A run as a data set for Kaggle: what a notebook without network needs, the notebook among it."""

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from core.files import as_their_folder, aside_of
from core.model.checkpoint import ADAPTER_CONFIG
from core.model.locate import TOKENIZER_FILES
from core.predict.errors import BAD_INPUT, PredictionError, demand_whole
from core.predict.kaggle_notebook import notebook
from core.predict.wheel import write_wheel
from core.profile.data_settings import Data
from core.profile.distill_settings import Distill
from core.profile.load import to_toml
from core.profile.settings import Profile, Run
from core.runs.folder import RunFolder
from core.runs.record import Record
from core.runs.seal import seal
from core.runs.settled import first_started, read_settled
from core.train.model_card import CARD

UPLOADED = (
    "transformers", "tokenizers", "huggingface-hub", "hf-xet", "httpx2", "httpcore2", "truststore", "safetensors",
    "peft", "accelerate", "bitsandbytes", "msgspec", "psutil", "nvidia-ml-py", "tomli-w", "tree-sitter",
    "tree-sitter-toml",
)  # fmt: skip
"""Packages that the notebook installs, in the versions of this installation: an image has others or none. torch, numpy,
scipy, scikit-learn and pyarrow are too large or too near to the image's CUDA: its own are taken."""


ADAPTER_FILES = ("adapter_*", *TOKENIZER_FILES, CARD)
"""Of a folder with an adapter: a checkpoint's holds as much again, to go on with training."""


def write_kaggle(target: Path, run: RunFolder, adapter: Path) -> None:
    """Write the data set to `target`, which appears whole. Raises PredictionError, and OSError."""
    if target.exists() or target.is_symlink():
        raise PredictionError(f"{target} already exists", "Choose a folder that does not exist yet.", BAD_INPUT)
    demand_whole(adapter)
    aside = aside_of(target)
    aside.mkdir()
    try:
        _fill(aside, target.name, run, adapter)
        as_their_folder(aside)
        aside.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _fill(folder: Path, name: str, run: RunFolder, adapter: Path) -> None:
    wheels = folder / "wheels"
    wheels.mkdir()
    write_wheel(wheels)
    (folder / "requirements.txt").write_text("".join(f"{package}=={version(package)}\n" for package in UPLOADED))
    profile = _without_paths(read_settled(run))
    _copy_run(RunFolder(folder / "run"), run, adapter, profile)
    (folder / "predict.ipynb").write_text(_json(notebook(name, run.id, profile.model.checkpoint)))
    about = {"title": name, "id": f"INSERT_OWNER_HERE/{name}", "licenses": [{"name": "unknown"}]}
    (folder / "dataset-metadata.json").write_text(_json(about))


def _without_paths(profile: Profile) -> Profile:
    """The settings that predictions go by, without a path of this machine: computed by the padded engine, in the
    precision of the card that there is."""
    base = Path(profile.model.checkpoint)
    name = base.name if base.is_absolute() else profile.model.checkpoint
    model = replace(profile.model, checkpoint=name, revision=None)  # there it is a folder
    train = replace(profile.train, precision="auto", engine="padded")
    return replace(profile, data=Data(), model=model, train=train, distill=Distill(), run=Run())


def _copy_run(copy: RunFolder, run: RunFolder, adapter: Path, profile: Profile) -> None:
    """What predicting needs of a run: settings, outcomes and adapter."""
    copy.path.mkdir()
    for path in (copy.profile, copy.resolved):
        path.write_text(to_toml(profile))
    copy.adapter.mkdir()
    for file in {path for pattern in ADAPTER_FILES for path in adapter.glob(pattern)}:
        shutil.copy(file, copy.adapter)
    config = copy.adapter / ADAPTER_CONFIG
    known = json.loads(config.read_text())
    config.write_text(_json({**known, "base_model_name_or_path": profile.model.checkpoint}))
    seal(copy.adapter)
    if started := first_started(run):
        with Record(copy.events) as record:
            record.write(replace(started, slurm={}))


def _json(content: Any) -> str:
    return json.dumps(content, indent=1) + "\n"
