"""Judges a checkpoint's folder by its small files, and tells one base from another. Imports nothing heavy."""

import hashlib
import importlib.util
import os
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from core.files import MOST_OF_A_CONFIG, MOST_OF_A_TOKENIZER, is_lfs_pointer, read_bounded
from core.libraries import without_optional
from core.profile.errors import SettingError
from core.runs.access import UNDECODABLE

HEAD = 1 << 20
"""Bytes at the beginning of a file that are all read: a safetensors file names its tensors there."""
BLOCK = 4096
FEWEST_BLOCKS = 1024
WIDEST_GAP = 8 << 20


def base_digest(folder: Path) -> dict[str, str]:
    """A digest of config.json and of each file of weights in `folder`, by the file's name.

    Read are the size of a file, its first MiB, and after that blocks of 4 KiB at regular distances: 1,024 of them, or
    one every 8 MiB in files of more than 8 GiB. So a file of up to 5 MiB is read whole; in a larger one what may go
    unseen is a change that lies between two blocks altogether. Four files of 4.6 GB took 0.25 s, from memory.
    """
    names = ["config.json", *sorted(path.name for path in folder.glob("model*.safetensors"))]
    return {name: _digest(folder / name) for name in names if (folder / name).is_file()}


def _digest(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        digest.update(size.to_bytes(8, "little"))
        file.seek(0)
        digest.update(file.read(HEAD))
        for start in range(HEAD, size, min(max(size // FEWEST_BLOCKS, BLOCK), WIDEST_GAP)):
            file.seek(start)
            digest.update(file.read(BLOCK))
    return digest.hexdigest()


CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
ADAPTER_CONFIG = "adapter_config.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
MOST_OF_A_HEADER = 100_000_000
"""Bytes; safetensors itself reads no longer ones."""

TEXT_PART = {r"^(model\.)?(language_model|text_model)\.(model\.)?": "model."}
"""Names of weights in a checkpoint that reads more than text, and in its text model by itself: patterns for
transformers' `key_mapping`."""

Json = dict[str, Any]


def demand_config(folder: Path, checkpoint: str) -> None:
    """Raise SettingError, which says what `checkpoint` is instead, unless `folder` holds one that can be trained, as
    far as its configuration and the state of its tokenizer tell. There may be no weights, and a tokenizer alone will
    do."""
    if (folder / ADAPTER_CONFIG).is_file():  # transformers would load the base that it names in place of the folder
        base = _read(folder / ADAPTER_CONFIG, checkpoint).get("base_model_name_or_path")
        named = f" ({base})" if base else ""
        _refuse(
            checkpoint,
            f"is an adapter, not a base: name the base that it was trained on{named}; to continue from a run's "
            "adapter, make a base of both with arena-tui export RUN --merged DIR",
        )
    if (folder / TOKENIZER).is_file():
        _read(folder / TOKENIZER, checkpoint)
        if not (folder / CONFIG).is_file():  # enough to look at rows with
            return
    _demand_config_file(folder, checkpoint)
    config = _read(folder / CONFIG, checkpoint)
    family = config.get("model_type")
    if not isinstance(family, str):
        _refuse(checkpoint, f"its {CONFIG} names no model_type: transformers cannot tell its family")
    if "auto_map" in config and not _is_known(family):
        _refuse(
            checkpoint,
            f"needs code of its own (auto_map in {CONFIG}), which is never run here: choose a checkpoint of a family "
            f"built into transformers, which {family} is not",
        )
    if stored := config.get("quantization_config"):
        _demand_trainable(stored, checkpoint)


def demand_weights(source: str, checkpoint: str) -> None:
    """Raise SettingError unless the weights in the folder `source` are safetensors, and whole. Those of a hub id are
    fetched when they are loaded, and are whole then."""
    folder = Path(source)
    if not folder.is_dir():
        return
    _demand_config_file(folder, checkpoint)
    if (folder / WEIGHTS).is_file():
        names = {WEIGHTS}
    elif (folder / INDEX).is_file():
        names = _shards(folder / INDEX, checkpoint)
    else:
        others = sorted(path.name for kind in ("*.bin", "*.pt", "*.pth") for path in folder.glob(kind))
        if not others:
            _refuse(checkpoint, f"there are no weights in this folder: {WEIGHTS} is missing")
        _refuse(
            checkpoint,
            f"has its weights as {others[0]} only, which may contain code and is not read: if you trust them, save "
            "them as safetensors with transformers' save_pretrained, or choose a checkpoint that has safetensors",
        )
    for name in sorted(names):
        _demand_whole(folder / name, checkpoint)


def _shards(index: Path, checkpoint: str) -> set[str]:
    """The files of weights that the index names: beside it, and nowhere else."""
    try:
        names = set(msgspec.convert(_read(index, checkpoint).get("weight_map", {}), dict[str, str]).values())
    except msgspec.ValidationError as error:
        _refuse(checkpoint, f"its {index.name} is not an index of weights ({error}): download it again")
    for name in sorted(names):
        if Path(name).name != name:
            _refuse(checkpoint, f"its {index.name} names {name!r}, which is not a file in this folder")
    return names


def _demand_config_file(folder: Path, checkpoint: str) -> None:
    if not (folder / CONFIG).is_file():
        _refuse(checkpoint, f"there is no {CONFIG} in this folder: a checkpoint has one, beside weights and tokenizer")


def _demand_whole(path: Path, checkpoint: str) -> None:
    """Hold the file's size against its header, which begins with its own length in 8 bytes, little-endian, and tells
    where each tensor ends (github.com/huggingface/safetensors, Format)."""
    if not path.is_file():
        _refuse(checkpoint, f"its {path.name} is missing: download it again")
    if is_lfs_pointer(path):
        _refuse(checkpoint, _POINTER.format(path.name))
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(length) if length <= min(size - 8, MOST_OF_A_HEADER) else b""
    try:
        tensors = msgspec.json.decode(header, type=Json)
        end = max((one["data_offsets"][1] for name, one in tensors.items() if name != "__metadata__"), default=0)
    except (*UNDECODABLE, LookupError, TypeError, AttributeError):
        _refuse(checkpoint, f"its {path.name} is not a safetensors file, or is truncated: download it again")
    if size < (whole := 8 + length + end):
        _refuse(checkpoint, f"its {path.name} is truncated, {size:,} of {whole:,} bytes: download it again")


def _demand_trainable(stored: Json, checkpoint: str) -> None:
    """Of the forms that checkpoints are stored quantized in, bitsandbytes' NF4 and int8 can be trained."""
    if not isinstance(stored, dict):
        _refuse(checkpoint, f"its {CONFIG} has an invalid quantization_config: download it again")
    four_bit = stored.get("bnb_4bit_quant_type", "fp4") if stored.get("load_in_4bit") else None
    if four_bit == "nf4" or stored.get("load_in_8bit"):
        return
    form = f"bitsandbytes {four_bit}" if four_bit else stored.get("quant_method", "an unknown form")
    _refuse(
        checkpoint,
        f"is stored quantized ({form}), in a form that cannot be trained: name the 16-bit checkpoint that it was made "
        "from, or one stored by bitsandbytes as NF4 or int8",
    )


def _is_known(family: str) -> bool:
    """Whether transformers has code for this model_type. Most have a folder of that name there."""
    found = importlib.util.find_spec("transformers")
    if found and found.origin and (Path(found.origin).parent / "models" / family.replace("-", "_")).is_dir():
        return True
    with without_optional():
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    return family in CONFIG_MAPPING_NAMES


_POINTER = "its {} is a Git LFS pointer, not the file itself: run git lfs pull in the folder"


def _read(path: Path, checkpoint: str) -> Json:
    """A JSON object. What is deep inside it is not looked at where that is large."""
    if is_lfs_pointer(path):
        _refuse(checkpoint, _POINTER.format(path.name))
    kind: Any = dict[str, msgspec.Raw] if path.name == TOKENIZER else Json
    try:
        most = MOST_OF_A_TOKENIZER if path.name == TOKENIZER else MOST_OF_A_CONFIG
        found: Json = msgspec.json.decode(read_bounded(path, most), type=kind)
    except OSError as error:
        _refuse(checkpoint, f"its {path.name} cannot be read: {error.strerror}")
    except UNDECODABLE as error:
        _refuse(checkpoint, f"its {path.name} is not a JSON object ({error}): download it again")
    return found


def _refuse(checkpoint: str, why: str) -> NoReturn:
    raise SettingError("model.checkpoint", checkpoint, why)
