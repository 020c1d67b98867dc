"""Which rows a run was trained on, by what they say: a run keeps the keys of them, whatever becomes of its files."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.data.example import Example
from core.runs.access import read_whole, write_whole

FILE = "trained_rows.bin"
"""In a run's folder: the keys of the rows trained on, each once and in order, as little-endian numbers of 64 bits."""
KIND = np.dtype("<u8")


def row_key(row: Example) -> int:
    """The same for the same prompt and answers, whichever of these is A."""
    answers = sorted("\0".join(part) for part in (row.response_a, row.response_b))
    written = "\0\0".join(["\0".join(row.prompt), *answers])
    return int.from_bytes(hashlib.blake2b(written.encode(errors="surrogatepass"), digest_size=8).digest())


def row_keys(rows: Sequence[Example]) -> NDArray[np.uint64]:
    """(rows,)"""
    return np.array([row_key(row) for row in rows], dtype=KIND)


def save_trained(run: Path, rows: Sequence[Example]) -> None:
    """Keep in the folder of a run which rows it is trained on. Raises OSError."""
    write_whole(run / FILE, np.unique(row_keys(rows)).tobytes())


def keep_trained(average: Path, runs: Sequence[Path]) -> None:
    """The same of what is made of `runs`, unless one of them does not tell. Raises OSError."""
    if (keys := _trained_keys(runs)) is not None:
        write_whole(average / FILE, keys.tobytes())


def trained_on(runs: Sequence[Path], rows: Sequence[Example]) -> NDArray[np.bool_] | None:
    """Of each row whether one of the runs was trained on it, (rows,); None where one of them does not tell, as one of
    an older version."""
    keys = _trained_keys(runs)
    return None if keys is None else np.isin(row_keys(rows), keys)


def _trained_keys(runs: Sequence[Path]) -> NDArray[np.uint64] | None:
    """Those of all rows that one of the runs was trained on; None where one of them does not tell."""
    try:
        known = [np.frombuffer(read_whole(run / FILE), dtype=KIND) for run in runs]
    except (OSError, ValueError):  # there is none, or it was cut short
        return None
    return np.unique(np.concatenate(known))
