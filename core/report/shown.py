"""The rows that a report lists, as an inspection keeps them: with their tokens, so that their cut can be shown."""

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace
from pyarrow import parquet

from core.data.frame import Frame
from core.data.tokenizer import PromptTokenizer
from core.data.tokens import Encoder
from core.inspect.pieces import write_pieces
from core.inspect.table import SCHEMA, as_table
from core.profile.settings import Tokens
from core.report.evaluation import Evaluation
from core.report.report import ListedRow, Lists
from core.report.texts import Texts

ROWS_A_GROUP = 32
"""One row is read with its whole group, and a row may be long."""


def write_rows(
    lists: Lists, texts: Texts, evaluation: Evaluation, tokenizer: Path, tokens: Tokens, rows: Path, pieces: Path
) -> tuple[Frame, int]:
    """Write the listed rows that `texts` has, each once and in the order of their ids, and what tokens mean.

    Also returns how many of them have other numbers of tokens than the run counted: their texts have changed since.
    `tokenizer` is a folder. Raises DataError where it has none, OSError where nothing can be written.
    """
    read = PromptTokenizer(tokenizer)
    encoder = Encoder(read)
    batch = [texts.found[id] for id in shown_ids(lists, texts)]
    place = {id: number for number, id in enumerate(evaluation.id.tolist())}
    changed = 0
    with parquet.ParquetWriter(rows, SCHEMA, compression="zstd", compression_level=1) as writer:
        for first in range(0, len(batch), ROWS_A_GROUP):
            group = batch[first : first + ROWS_A_GROUP]
            whole = encoder.encode([example for example, _ in group])
            writer.write_table(as_table(group, whole))
            if evaluation.parts is not None:
                counted = evaluation.parts[[place[example.id] for example, _ in group]]
                changed += int((whole.shape.parts != counted).any(axis=1).sum())
    write_pieces(pieces, read.pieces)
    return read.frame(tokens.ellipsis), changed


def numbered(lists: Lists, ids: Sequence[int]) -> Lists:
    """The same lists, each row with its place in the file of rows."""
    places = {id: number for number, id in enumerate(ids)}

    def given(rows: list[ListedRow]) -> list[ListedRow]:
        return [replace(row, number=places.get(row.id)) for row in rows]

    return Lists(
        worst=given(lists.worst),
        best=given(lists.best),
        random=given(lists.random),
        mislabelled=given(lists.mislabelled),
        gained=given(lists.gained),
        lost=given(lists.lost),
    )


def shown_ids(lists: Lists, texts: Texts) -> list[int]:
    """The ids of all listed rows whose text is known, ascending."""
    return sorted({row.id for rows in lists.by_name().values() for row in rows} & set(texts.found))
