"""Evaluates an average: reads the rows that its members were evaluated on, and answers them."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from core.data.apart import read_as
from core.data.chat import template_of
from core.data.example import DataError, Example, swapped
from core.data.sources import read_run_examples
from core.data.tokenizer import PromptTokenizer
from core.data.tokens import Encoded, encode_all, rows_digest
from core.demo import assets
from core.predict.model import PredictionModel
from core.predict.passes import batches
from core.predict.request import BATCH_TOKENS
from core.predict.worker import AdaptiveBatches
from core.profile.settings import Profile
from core.runs.events import Phase
from core.runs.figures import RowsDigest
from core.runs.folder import RunFolder
from core.runs.record import Record
from core.runs.stop_request import StopRequest

Logits = NDArray[np.float32]


class Rows(Struct, frozen=True):
    """The rows to evaluate in tokens, in the order of the file; and copies with A and B swapped if `eval.swap` asks for
    them, or each answer is read apart."""

    plain: list[Encoded]
    swapped: list[Encoded]


def read_rows(profile: Profile, folder: RunFolder, known: RowsDigest, record: Record) -> Rows:
    """Raises DataError where the rows are not those `known` that the members were evaluated on."""
    found = read_run_examples(assets.train_sources(profile.data), assets.eval_source(profile.data), profile)
    plain = _encoded(found.evaluation, profile, folder, record, "evaluation rows")
    copies = [swapped(example) for example in found.evaluation] if profile.eval.swap or profile.reads_apart else []
    turned = _encoded(copies, profile, folder, record, "evaluation rows, A and B swapped")
    if others := known.other_parts(rows_digest(read_as(plain, turned, profile))):
        raise DataError(
            f"{' and '.join(profile.data.sources)} changed since the runs were evaluated: other {' and '.join(others)} "
            "in the evaluation rows"
        )
    return Rows(plain, turned)


def _encoded(
    examples: Sequence[Example], profile: Profile, folder: RunFolder, record: Record, unit: str
) -> list[Encoded]:
    tokenizer = PromptTokenizer(folder.adapter)
    return encode_all(examples, tokenizer, template_of(profile, tokenizer), profile, record, unit)


def answered(model: PredictionModel, rows: Sequence[Encoded], record: Record, stop: StopRequest) -> Logits:
    """Logits of `rows`, (rows, outcomes). Raises NoRoomForOne, or Stopped after a signal."""
    adaptive, lengths = AdaptiveBatches(model.logits, BATCH_TOKENS), [len(row.ids) for row in rows]
    parts: list[Logits] = []
    order: list[int] = []
    for batch in batches(lengths, range(len(rows)), BATCH_TOKENS):
        record.write(Phase(phase="evaluating", done=len(order), total=len(rows), unit="rows"))
        stop.heed()
        parts.append(adaptive.logits([rows[row].ids.tolist() for row in batch.rows]))
        order += batch.rows
    logits = np.empty_like(np.concatenate(parts))
    logits[order] = np.concatenate(parts)
    return logits
