"""The files a finished run leaves behind: adapter, evaluation rows, metrics."""

from collections.abc import Sequence

import numpy as np
import pyarrow
from numpy.typing import NDArray
from peft import PeftModel
from transformers import PreTrainedTokenizerFast

from core.data.example import PARTS, id_column
from core.data.split import prompt_key
from core.data.tokens import Encoded
from core.engine import scores
from core.files import as_parquet, as_their_folder
from core.outcomes import Outcomes
from core.runs.access import delete, make_folder, move, reached, remove_tree, write_whole
from core.runs.folder import RunFolder
from core.runs.seal import seal
from core.train.model_card import CARD


def log_loss(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The log loss of softmax(`logits`), shape (rows, outcomes); NaN if any logit is not finite."""
    return float(np.mean(row_losses(logits, labels)))


def row_losses(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """What `log_loss` is the mean of, (rows,); all NaN if any logit is not finite."""
    if not np.isfinite(logits).all():
        return np.full(len(labels), np.nan)
    return scores.losses(scores.softmax(logits), labels)


def prior_log_loss(train_labels: Sequence[int], evaluation_labels: Sequence[int]) -> float:
    """Log loss on the evaluation rows of always answering the class shares of the training rows."""
    outcomes = 1 + max(max(train_labels), max(evaluation_labels))  # a later one has no row and no share
    shares = np.bincount(train_labels, minlength=outcomes) / len(train_labels)
    answers = np.tile(shares, (len(evaluation_labels), 1))
    return scores.log_loss(answers, evaluation_labels)


class Scorer:
    """How good logits are; keeps those of the last evaluation, so that none is run twice."""

    def __init__(self) -> None:
        self.logits = np.empty((0, 0), dtype=np.float32)
        self.losses = np.empty(0)
        """Of its rows, (rows,); NaN where the log loss is."""

    def __call__(self, logits: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, float]:
        """`logits` (rows, outcomes), `labels` (rows,)."""
        self.logits, self.losses = logits, row_losses(logits, labels)
        return {"log_loss": float(np.mean(self.losses)), "accuracy": float(np.mean(logits.argmax(axis=1) == labels))}


def save_adapter(folder: RunFolder, model: PeftModel, tokenizer: PreTrainedTokenizerFast) -> str:
    """Adapter and head as `PeftModel.from_pretrained` reads them, and the tokenizer they were trained with.

    Written aside and renamed: what has the adapter's name is whole. Returns that name, relative to the run folder.
    """
    aside = folder.path / ".adapter"
    remove_tree(aside)
    make_folder(aside)
    with reached(aside) as here:
        model.save_pretrained(here, save_embedding_layers=False)
        tokenizer.save_pretrained(here)
        as_their_folder(here)
        delete(aside / CARD)  # peft's own, which names paths of this machine; ours comes with the figures
        seal(here)
    remove_tree(folder.adapter)  # a stop's, where the run was resumed
    move(aside, folder.adapter)
    return folder.adapter.name


def save_evaluation(
    folder: RunFolder,
    outcomes: Outcomes,
    rows: Sequence[Encoded],
    logits: NDArray[np.float32],
    swapped: NDArray[np.float32] | None,
) -> None:
    """eval.parquet, in the order of the file: id, label, key of the prompt, a logit an outcome, tokens shown, and of
    each part all and lost. `logits` have the shape (rows, outcomes), and so have those of the `swapped` copies, whose
    columns are changed back here.
    """
    order = sorted(range(len(rows)), key=lambda i: rows[i].example.index)
    swapped_back = () if swapped is None else outcomes.unswapped(swapped[order]).T
    ordered = [rows[i] for i in order]
    table = pyarrow.table(
        {
            "id": id_column(row.example.id for row in ordered),
            "label": pyarrow.array([row.example.label for row in ordered], pyarrow.int8()),
            "prompt": pyarrow.array([prompt_key(row.example.prompt) for row in ordered], pyarrow.int64()),
            **dict(zip(outcomes.logits, logits[order].T, strict=True)),
            "tokens": pyarrow.array([len(row.ids) for row in ordered], pyarrow.int32()),
            "is_cut": pyarrow.array([row.is_cut for row in ordered], pyarrow.bool_()),
            **{
                f"{part}_tokens_lost": pyarrow.array([row.lost[number] for row in ordered], pyarrow.int32())
                for number, part in enumerate(PARTS)
            },
            **{
                f"{part}_tokens": pyarrow.array([row.parts[number] for row in ordered], pyarrow.int32())
                for number, part in enumerate(PARTS)
            },
            **({} if swapped is None else dict(zip(outcomes.swapped_logits, swapped_back, strict=True))),
        }
    )
    write_whole(folder.evaluation, as_parquet(table))
