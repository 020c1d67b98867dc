"""Looks into the files of an inspection: one row in full, the rows that hold a text, the bytes of each token."""

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
from msgspec import Struct
from numpy.typing import NDArray
from pyarrow import compute, parquet

from core.data.example import MODELS, PARTS
from core.files import as_parquet, write_whole
from core.inspect.figures import BESIDE

IDS = ("ids", f"{BESIDE}ids")
GROUPS_AT_ONCE = 16
"""Row groups whose text is in memory at a time: some 16 MB of a Kaggle file."""


class StoredRow(Struct, frozen=True):
    model_a: str | None
    """None where the file names no models."""
    model_b: str | None
    ids: list[list[int]]
    """Tokens of each sequence that the row is read as, whole, BOS and EOS apart."""


def read_row(path: Path, number: int) -> StoredRow:
    """The row of that number, from 0. Reads one row group."""
    with parquet.ParquetFile(path) as file:
        group, first = _group_of(file, number)
        rows = file.read_row_group(group, columns=[*MODELS, *IDS])
    row = rows.slice(number - first, 1).to_pylist()[0]
    return StoredRow(row["model_a"], row["model_b"], [row[name] for name in IDS if row[name] is not None])


def _group_of(file: parquet.ParquetFile, number: int) -> tuple[int, int]:
    """The row group that holds the row of that number, and the number of its first row: groups differ in length."""
    first = 0
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if number < first + rows:
            return group, first
        first += rows
    raise IndexError(f"there is no row {number:,} among {first:,}")


def read_prompts(path: Path, numbers: Sequence[int], most: int) -> dict[int, str]:
    """The first `most` characters of the prompt's first turn, by number of the row, from 0."""
    found = {}
    with parquet.ParquetFile(path) as file:
        for (group, first), of_group in groupby(sorted(numbers), partial(_group_of, file)):
            prompts = file.read_row_group(group, columns=["prompt"])["prompt"]
            for number in of_group:
                turns = prompts[number - first].as_py()
                found[number] = turns[0][:most] if turns else ""
    return found


def holds_text(path: Path, text: str) -> NDArray[np.bool_]:
    """Which rows have `text` in a turn of any part, upper and lower case alike, (n,)."""
    with parquet.ParquetFile(path) as file:
        groups = range(file.metadata.num_row_groups)
        batches = [groups[i : i + GROUPS_AT_ONCE] for i in range(0, len(groups), GROUPS_AT_ONCE)]
        found = [_holds(file.read_row_groups(batch, columns=list(PARTS)), text) for batch in batches]
    return np.concatenate([np.zeros(0, dtype=bool), *found])


def _holds(table: pa.Table, text: str) -> NDArray[np.bool_]:
    found = np.zeros(len(table), dtype=bool)
    for part in PARTS:
        turns = table[part].combine_chunks()
        matches = compute.match_substring(turns.flatten(), text, ignore_case=True)
        found[compute.list_parent_indices(turns).filter(matches).to_numpy()] = True
    return found


def write_pieces(path: Path, pieces: Sequence[bytes]) -> None:
    """One column, `piece`, in the order of the ids."""
    write_whole(path, as_parquet(pa.table({"piece": pa.array(pieces, pa.binary())})))


def read_pieces(path: Path) -> list[bytes]:
    with parquet.ParquetFile(path) as file:
        pieces: list[bytes] = file.read()["piece"].to_pylist()
    return pieces
