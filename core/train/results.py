"""The files a finished run leaves behind: adapter, evaluation rows, metrics."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow
from msgspec import Struct
from numpy.typing import NDArray
from peft import PeftModel
from pyarrow import parquet
from transformers import PreTrainedTokenizerFast

from core.data.example import PARTS
from core.data.tokens import Encoded
from core.files import write_whole
from core.runs.folder import RunFolder


class Metrics(Struct, frozen=True, kw_only=True):
    """metrics.json. Its existence means that the run completed. `seconds` counts from the child's start."""

    run: str
    log_loss: float | None
    accuracy: float
    prior_log_loss: float
    rows_train: int
    rows_eval: int
    rows_cut: int
    steps: int
    tokens: int
    seconds: float
    training_seconds: float
    tokens_per_second: float
    memory_peak: int
    precision: str
    device: str


def save_adapter(folder: RunFolder, model: PeftModel, tokenizer: PreTrainedTokenizerFast) -> None:
    """Adapter and head as `PeftModel.from_pretrained` reads them, and the tokenizer they were trained with."""
    model.save_pretrained(folder.adapter, save_embedding_layers=False)
    tokenizer.save_pretrained(folder.adapter)


def save_evaluation(folder: RunFolder, rows: Sequence[Encoded], logits: NDArray[np.float32]) -> None:
    """eval.parquet, in the order of the file: id, label, three logits, tokens shown, and of each part lost."""
    order = sorted(range(len(rows)), key=lambda i: rows[i].example.index)
    ordered = [rows[i] for i in order]
    table = pyarrow.table(
        {
            "id": pyarrow.array([row.example.id for row in ordered], pyarrow.int64()),
            "label": pyarrow.array([row.example.label for row in ordered], pyarrow.int8()),
            "logit_a": logits[order, 0],
            "logit_b": logits[order, 1],
            "logit_tie": logits[order, 2],
            "tokens": pyarrow.array([len(row.ids) for row in ordered], pyarrow.int32()),
            "is_cut": pyarrow.array([row.is_cut for row in ordered], pyarrow.bool_()),
            **{
                f"{part}_tokens_lost": pyarrow.array([row.lost[number] for row in ordered], pyarrow.int32())
                for number, part in enumerate(PARTS)
            },
        }
    )
    buffer = pyarrow.BufferOutputStream()
    parquet.write_table(table, buffer)
    write_whole(folder.evaluation, buffer.getvalue().to_pybytes())


def save_metrics(folder: RunFolder, metrics: Metrics) -> None:
    write_whole(folder.metrics, msgspec.json.format(msgspec.json.encode(metrics)) + b"\n")
