"""The bytes that each token id writes, as a file, so that a row can be shown without its tokenizer."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from core.files import write_whole


def write_pieces(path: Path, pieces: Sequence[bytes]) -> None:
    """One column, `piece`, in the order of the ids."""
    buffer = pa.BufferOutputStream()
    parquet.write_table(pa.table({"piece": pa.array(pieces, pa.binary())}), buffer)
    write_whole(path, buffer.getvalue().to_pybytes())


def read_pieces(path: Path) -> list[bytes]:
    pieces: list[bytes] = parquet.read_table(path)["piece"].to_pylist()
    return pieces
