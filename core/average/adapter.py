"""The files of an averaged adapter: those of the members are read, checked, and written anew with other weights."""

import json
import shutil
from collections.abc import Sequence

from safetensors import SafetensorError
from safetensors.numpy import load, save_file

from core.average.order import Order
from core.average.weights import Averaged, Weights, concatenated, plain, reduced, unlike
from core.data.tokenizer import fingerprint
from core.files import as_their_folder
from core.predict.errors import PredictionError, demand_whole
from core.predict.request import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from core.profile.settings import Profile
from core.runs.access import make_folder, move, open_for_reading, reached, remove_tree
from core.runs.folder import RunFolder
from core.runs.seal import MANIFEST, seal
from core.train.model_card import CARD

ADVICE = "Average runs of the same base, projections and tokenizer."


def average(members: Sequence[RunFolder], order: Order) -> Averaged:
    """Raises PredictionError where an adapter is not as it was sealed, or is unlike the others."""
    for member in members:
        demand_whole(member.adapter)
    if len({fingerprint(member.adapter) for member in members}) > 1:
        raise PredictionError("the runs have different tokenizers", ADVICE, 2)
    weights = [_read(member) for member in members]
    if difference := unlike(weights):
        raise PredictionError(f"the adapters are not alike: {difference}", ADVICE, 2)
    loras = [member.read_profile().lora for member in members]
    scales = [lora.alpha / lora.r for lora in loras]
    if order.how == "plain":
        return plain(weights)
    return concatenated(weights, scales) if order.how == "exact" else reduced(weights, scales, order.rank)


def save(folder: RunFolder, first: RunFolder, made: Averaged, profile: Profile) -> None:
    """The adapter of `folder`: the files of the first member, with the weights that were made and their rank. It
    appears whole."""
    aside = folder.path / ".adapter"
    remove_tree(aside)
    make_folder(aside)
    with reached(aside) as here, reached(first.adapter) as there:
        for path in there.iterdir():
            if path.is_file() and path.name not in (ADAPTER_WEIGHTS, MANIFEST, CARD):
                shutil.copyfile(path, here / path.name)
        size = {"r": profile.lora.r, "lora_alpha": profile.lora.alpha}
        config = json.loads((here / ADAPTER_CONFIG).read_bytes()) | size
        (here / ADAPTER_CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True))
        save_file(made.weights, here / ADAPTER_WEIGHTS, metadata={"format": "pt"})
        as_their_folder(here)
        seal(here)
    move(aside, folder.adapter)


def _read(member: RunFolder) -> Weights:
    path = member.adapter / ADAPTER_WEIGHTS
    with open_for_reading(path) as file:
        try:
            found: Weights = load(file.read())
            return found
        except SafetensorError as error:
            raise PredictionError(f"{path} cannot be read: {error}", "It was damaged since.") from None
