"""Unpacks a GGUF file into an ordinary checkpoint, once: transformers reads GGUF, but cannot quantize or save it."""

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

from core.cache import cache_folder
from core.permissions import as_their_folder
from core.profile.errors import SettingError


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

    unpacked.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{unpacked.name}-", dir=unpacked.parent) as scratch:
        aside = Path(scratch) / "unpacked"
        AutoTokenizer.from_pretrained(folder, gguf_file=name).save_pretrained(aside)
        model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.bfloat16)
        del model.config.quantization_config  # names the file's own format, which the saved weights no longer have
        # A model read from GGUF refuses to be saved; the same weights in one built from the configuration do not.
        plain = AutoModelForCausalLM.from_config(model.config, dtype=torch.bfloat16)
        plain.load_state_dict(model.state_dict())
        plain.save_pretrained(aside)
        as_their_folder(aside)
        try:
            aside.replace(unpacked)
        except OSError:
            if not unpacked.is_dir():  # else another run was quicker, and its folder is as good
                raise
    return unpacked
