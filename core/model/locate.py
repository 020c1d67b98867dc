"""Where a checkpoint and its tokenizer lie; a GGUF file is unpacked first, once, into an ordinary checkpoint."""

import hashlib
import shutil
from pathlib import Path

from core.cache import cache_folder, filling_the_cache, made_aside
from core.data.tokenizer import FILE
from core.demo import assets
from core.files import as_their_folder
from core.libraries import without_optional
from core.model.checkpoint import demand_config
from core.profile import settings
from core.profile.errors import SettingError
from core.profile.files import expanded


@without_optional()
def unpack_gguf(folder: Path, name: str) -> Path:
    """A folder with the weights of `folder`/`name` in bfloat16 as safetensors, and its tokenizer.

    It lies in the cache, named after the file's path, size and time. Raises SettingError if there is no such file.
    """
    file = folder / name
    if not file.is_file():
        raise SettingError("model.gguf_file", name, f"there is no file {file}")
    stat = file.stat()
    known_by = f"{file.absolute()} {stat.st_size} {stat.st_mtime_ns}"
    unpacked = cache_folder() / f"gguf-{file.stem}-{hashlib.blake2b(known_by.encode(), digest_size=6).hexdigest()}"
    if unpacked.is_dir():
        return unpacked

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with made_aside(unpacked, unpacked.is_dir) as aside:
        AutoTokenizer.from_pretrained(folder, gguf_file=name).save_pretrained(aside)
        model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.bfloat16)
        del model.config.quantization_config  # names the file's own format, which the saved weights no longer have
        # A model read from GGUF refuses to be saved; the same weights in one built from the configuration do not.
        plain = AutoModelForCausalLM.from_config(model.config, dtype=torch.bfloat16)
        plain.load_state_dict(model.state_dict())
        plain.save_pretrained(aside)
        as_their_folder(aside)
    return unpacked


_NO_TOKENIZER = f"has no {FILE}, and none can be made from its other files"
TOKENIZER_FILES = ["tokenizer*", "chat_template*", "special_tokens_map.json", "vocab*", "merges.txt", "config.json"]


def locate(model: settings.Model) -> str:
    """The hub id or folder that the checkpoint is loaded from, made or unpacked first where need be.

    Raises SettingError for a path to nothing, and for a folder with something else than a checkpoint.
    """
    if model.checkpoint == assets.NAME:
        return str(assets.demo_folder() / "model")
    if model.gguf_file is not None:
        with filling_the_cache():
            return str(unpack_gguf(Path(expanded(model.checkpoint)), model.gguf_file))
    folder = Path(expanded(model.checkpoint))
    if folder.is_dir():
        packed = sorted(path.name for path in folder.glob("*.gguf"))
        if packed and not (folder / "config.json").is_file():
            named = f'model.gguf_file = "{packed[0]}"'
            raise SettingError("model.checkpoint", model.checkpoint, f"the folder contains GGUF: {named} reads it")
        demand_config(folder, model.checkpoint)
        return str(folder.absolute())
    if model.checkpoint.count("/") > 1 or model.checkpoint.startswith((".", "/", "~")):  # never a hub id
        raise SettingError("model.checkpoint", model.checkpoint, "there is no such folder")
    return model.checkpoint


def tokenizer_at_hand(model: settings.Model) -> Path | None:
    """Where the checkpoint's tokenizer.json lies on this machine; None if it must be fetched or made first.

    Raises ValueError for what is neither a folder nor a hub id.
    """
    folder = Path(expanded(model.checkpoint))
    if folder.is_dir():
        return folder if (folder / FILE).is_file() else None
    if model.checkpoint == assets.NAME:
        return None

    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(model.checkpoint, FILE, revision=model.revision)
    return Path(found).parent if isinstance(found, str) else None


def base_folder(source: str, revision: str | None) -> Path:
    """Where the files of a base that has been loaded lie: itself, or in the hub's cache, without its other files.

    Raises SettingError where it has no config.json."""
    folder = Path(source)
    if folder.is_dir():
        return folder
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(source, "config.json", revision=revision, local_files_only=True)).parent
    except LocalEntryNotFoundError as error:
        raise SettingError("model.checkpoint", source, "has no config.json") from error


def commit_of(source: str, revision: str | None) -> str:
    """owner/name@commit of a base of the hub of which config.json has been fetched; "" for a folder.

    Raises SettingError where it has none."""
    return "" if Path(source).is_dir() else f"{source}@{base_folder(source, revision).name}"


def tokenizer_folder(source: str, revision: str | None) -> Path:
    """A local folder with the checkpoint's tokenizer.json; its files are downloaded where they are not here yet.

    One that the checkpoint does not hold is converted from its older files by transformers, into the cache. Raises
    SettingError where it cannot be.
    """
    folder = Path(source)
    if not folder.is_dir():
        from huggingface_hub import snapshot_download

        folder = Path(snapshot_download(source, revision=revision, allow_patterns=TOKENIZER_FILES))
        demand_config(folder, source)
    if (folder / FILE).is_file():
        return folder
    known_by = hashlib.blake2b(str(folder).encode(), digest_size=6).hexdigest()
    converted = cache_folder() / f"tokenizer-{folder.name}-{known_by}"
    if not (converted / FILE).is_file():
        with filling_the_cache(), made_aside(converted, (converted / FILE).is_file) as aside:
            _convert(folder, source, aside)
            shutil.rmtree(converted, ignore_errors=True)  # what an earlier version was killed at
    return converted


@without_optional()
def _convert(folder: Path, source: str, aside: Path) -> None:
    """Save the tokenizer of `folder` to `aside`. Raises SettingError where that makes no tokenizer.json."""
    from transformers import AutoTokenizer

    try:
        found = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # whatever its files make of it
        why = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SettingError("model.checkpoint", source, f"{_NO_TOKENIZER}: {why}") from error
    found.save_pretrained(aside)
    if not (aside / FILE).is_file():
        raise SettingError("model.checkpoint", source, f"{_NO_TOKENIZER}: {type(found).__name__} has no fast form")
