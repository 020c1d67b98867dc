"""Which head a checkpoint stores, by its small files, and what becomes of it. Imports nothing heavy."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct
from safetensors import safe_open

from core.files import MOST_OF_A_CONFIG, read_bounded
from core.model.checkpoint import CONFIG, INDEX, WEIGHTS

MOST_OUTPUTS = 100
"""Of a stored head. What has more is the head of a language model, with an output for each token."""
LAYER = re.compile(r"(^|\.)(layers?|blocks?|h|\w*layer_groups)\.\d+\.")
NO_HEAD = re.compile(
    r"(^|\.)(\w*(embed|projector|connector)\w*|wpe)\.|^(cls|predictions|sop_classifier|discriminator_predictions)\."
)
"""In names of weights: embeddings, what joins images to texts, and what BERT and its kin are pretrained with."""
CLASSIFIER = "ForSequenceClassification"


class Head(Struct, frozen=True):
    """What the last module of a classifier's head is at first, and what the checkpoint stores: its name and outputs.

    `kept` is that of a checkpoint which this program has made, and which goes on being trained; `replaced` is new in
    place of that of another classifier or reward model.
    """

    fate: Literal["new", "kept", "replaced"]
    stored: str = ""

    def __str__(self) -> str:
        stored = f" ({self.stored})" if self.stored else ""
        match self.fate:
            case "new":
                return "its head is new"
            case "kept":
                return f"its head{stored} is kept: it is an exported run's, and training of it continues"
            case "replaced":
                return f"its head{stored} is replaced by a new one"


def find_head(folder: Path, own: str, labels: Mapping[int, str]) -> Head:
    """What becomes of the head in `folder`, for a classifier whose last module of the head is called `own` and whose
    outputs are `labels`. Weights that are not there yet are judged by config.json alone."""
    config: dict[str, Any] = json.loads(read_bounded(folder / CONFIG, MOST_OF_A_CONFIG))
    stored = _stored(folder)
    if stored is None:
        named: list[str] = config.get("architectures") or []
        stored = {own: len(config.get("id2label") or "ab")} if any(name.endswith(CLASSIFIER) for name in named) else {}
    if not stored:
        return Head("new")
    told = ", ".join(f"{name}, {outputs} output{'' if outputs == 1 else 's'}" for name, outputs in stored.items())
    is_own = any(name == own or name.startswith(f"{own}.") for name in stored)
    ours = {str(number): label for number, label in labels.items()}
    return Head("kept" if is_own and config.get("id2label") == ours else "replaced", told)


def _stored(folder: Path) -> dict[str, int] | None:
    """Outputs of each matrix in the weights that is a head's last, by the name of its module; None without weights."""
    files = {WEIGHTS}
    if not (folder / WEIGHTS).is_file():
        if not (folder / INDEX).is_file():
            return None
        files = set(json.loads(read_bounded(folder / INDEX, MOST_OF_A_CONFIG))["weight_map"].values())
    shapes: dict[str, list[int]] = {}
    for file in sorted(files):
        if not (folder / file).is_file():
            return None
        with safe_open(folder / file, framework="numpy") as weights:
            shapes |= {name: weights.get_slice(name).get_shape() for name in weights.keys()}  # noqa: SIM118
    bases = {name.partition(".")[0] for name in shapes if LAYER.search(name)}
    return {
        name.removesuffix(".weight"): shape[0]
        for name, shape in shapes.items()
        if name.endswith(".weight")
        and name.partition(".")[0] not in bases
        and not NO_HEAD.search(name)
        and len(shape) == 2
        and shape[0] <= MOST_OUTPUTS
        and shape[0] < shape[1]
    }
