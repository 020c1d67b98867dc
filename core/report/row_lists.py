"""The rows one should look at: worst, best, random, likely mislabelled; with their tokens, to show their cut."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from pyarrow import parquet

from core.data.chat import template_of
from core.data.example import Example, Frame, Id
from core.data.rows import Origin
from core.data.tokenizer import PromptTokenizer
from core.data.tokens import Encoder
from core.inspect.figures import by_part
from core.inspect.lookup import write_pieces
from core.inspect.table import SCHEMA, as_table
from core.outcomes import TIE, Outcomes
from core.profile.settings import Profile
from core.report.evaluation import Evaluation
from core.report.report import ListedRow, Lists
from core.report.source_rows import Texts, chatbots_of

ROWS_A_GROUP = 32
"""One row is read with its whole group, and a row may be long."""


def write_rows(
    lists: Lists, texts: Texts, evaluation: Evaluation, tokenizer: Path, profile: Profile, rows: Path, pieces: Path
) -> tuple[Frame, int]:
    """Write the listed rows that `texts` has, each once and in the order of their ids, and what tokens mean.

    Also returns how many of them have other numbers of tokens than the run counted: their texts have changed since.
    `tokenizer` is a folder. Raises DataError where it has none, OSError where nothing can be written.
    """
    read = PromptTokenizer(tokenizer)
    encoder = Encoder(read, template_of(profile, read))
    batch = [texts.found[id] for id in shown_ids(lists, texts)]
    place = {id: number for number, id in enumerate(evaluation.id)}
    changed = 0
    with parquet.ParquetWriter(rows, SCHEMA, compression="zstd", compression_level=1) as writer:
        for first in range(0, len(batch), ROWS_A_GROUP):
            group = batch[first : first + ROWS_A_GROUP]
            sequences = encoder.sequences([example for example, _ in group])
            writer.write_table(as_table(group, sequences, of_eval=False))
            if evaluation.parts is not None:
                counted = evaluation.parts[[place[example.id] for example, _ in group]]
                parts = by_part([whole.shape.parts for whole in sequences])
                changed += int((parts != counted).any(axis=1).sum())
    write_pieces(pieces, read.pieces)
    return read.frame(profile.tokens.ellipsis), changed


def numbered(lists: Lists, ids: Sequence[Id]) -> Lists:
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


def shown_ids(lists: Lists, texts: Texts) -> list[Id]:
    """The ids of all listed rows whose text is known, in the order of their texts."""
    return sorted({row.id for rows in lists.by_name().values() for row in rows} & set(texts.found), key=str)


MOST = 100
"""Rows of one list."""
SEED = 0
MOST_FOR_LABEL = 0.1
IDENTICAL_WITH_WINNER, EMPTY_WON = CONTRADICTIONS = ("identical answers, yet a winner", "an empty answer, which won")
"""What contradicts a label, whatever the model says."""

Places = NDArray[np.intp]


def lists(evaluation: Evaluation, texts: Texts | None, gained: Places, lost: Places) -> tuple[Lists, int, float]:
    """The lists, how many rows are likely mislabelled, and how many would be by chance. Rows of `gained` and `lost` are
    listed in their order."""
    by_loss = np.argsort(evaluation.losses, kind="stable")
    wrong = by_loss[~evaluation.is_right[by_loss]]
    found = [texts.found.get(id) if texts else None for id in evaluation.id]
    remarks = [
        _remark(evaluation.outcomes, label, *_answers(row[0])) if row else ""
        for row, label in zip(found, evaluation.label, strict=True)
    ]
    suspects, by_chance = likely_mislabelled(evaluation, remarks)
    random = np.random.default_rng(SEED).permutation(len(evaluation))
    row = _row_maker(evaluation, found, remarks)
    made = Lists(
        worst=_listed(wrong[::-1], row),
        best=_listed(by_loss[evaluation.is_right[by_loss]], row),
        random=_listed(random, row),
        mislabelled=_listed(suspects, row),
        gained=_listed(gained, row),
        lost=_listed(lost, row),
    )
    return made, len(suspects), by_chance


def likely_mislabelled(evaluation: Evaluation, remarks: Sequence[str]) -> tuple[Places, float]:
    """Rows whose text contradicts their label, then those of which the model is certain that they are something else;
    and how many of these chance alone would bring: where each label is drawn with the probabilities that the model
    gives, so that none is wrong, every row is among them as often as it has a label that the model is certain against.

    Certain means: off the diagonal of the confident joint (Northcutt et al. 2021, section 3.1), where another outcome
    reaches the mean probability that it has in rows of that outcome; and less than MOST_FOR_LABEL for the label. With
    both orders evaluated, the mean of their probabilities counts: what one order alone says is no evidence.
    """
    probabilities, label = evaluation.probabilities, evaluation.label
    if evaluation.swapped is not None:
        probabilities = (probabilities + np.exp(evaluation.swapped)) / 2
    rows = np.arange(len(label))
    thresholds = [
        probabilities[label == number, number].mean() if (label == number).any() else np.inf
        for number in range(len(evaluation.outcomes))
    ]
    confident = np.where(probabilities >= np.array(thresholds), probabilities, -1.0)
    told = confident.argmax(axis=1)
    is_other = told[:, None] != np.arange(len(evaluation.outcomes))
    would_be = (confident.max(axis=1) >= 0)[:, None] & is_other & (probabilities < MOST_FOR_LABEL)  # by label
    is_contradicted = np.array([remark in CONTRADICTIONS for remark in remarks], dtype=bool)
    suspects = np.flatnonzero(would_be[rows, label] | is_contradicted)
    margin = probabilities[rows, label] - probabilities[rows, told]
    by_chance = float((probabilities * would_be)[~is_contradicted].sum())
    return suspects[np.lexsort((margin[suspects], ~is_contradicted[suspects]))], by_chance


def _listed(places: Places, row: Callable[[int], ListedRow]) -> list[ListedRow]:
    return [row(place) for place in places[:MOST].tolist()]


def _row_maker(
    evaluation: Evaluation, found: Sequence[tuple[Example, Origin] | None], remarks: Sequence[str]
) -> Callable[[int], ListedRow]:
    probabilities, losses = evaluation.probabilities, evaluation.losses
    swapped = None if evaluation.swapped is None else np.exp(evaluation.swapped)

    def row(place: int) -> ListedRow:
        known = found[place]
        return ListedRow(
            id=evaluation.id[place],
            label=int(evaluation.label[place]),
            probabilities=tuple(probabilities[place].tolist()),
            swapped=None if swapped is None else tuple(swapped[place].tolist()),
            loss=float(losses[place]),
            tokens=int(evaluation.tokens[place]),
            lost=tuple(evaluation.lost[place].tolist()),
            models=chatbots_of(known[1]) if known else None,
            remark=remarks[place],
        )

    return row


def _answers(example: Example) -> tuple[str, str]:
    return " ".join(example.response_a).strip(), " ".join(example.response_b).strip()


def _remark(outcomes: Outcomes, label: int, a: str, b: str) -> str:
    """What stands out in a row's text. Where there are no ties, a winner of identical answers contradicts nothing."""
    if a == b:
        return IDENTICAL_WITH_WINNER if outcomes.has_ties and label != TIE else "identical answers"
    if not (a and b):
        return EMPTY_WON if (label == 0 and not a) or (label == 1 and not b) else "an empty answer"
    return ""
