"""Writes what a finished run leaves for its report: eval.parquet, and the rows it was evaluated on."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from examples import read_examples
from numpy.typing import NDArray
from pyarrow import parquet

from core.data.example import MODELS, PARTS, Id, id_column
from core.data.split import prompt_key
from core.data.template import RECIPE
from core.data.tokenizer import PromptTokenizer
from core.data.tokens import encode
from core.profile.data_settings import Data
from core.profile.token_settings import Tokens

WINNERS = ("winner_model_a", "winner_model_b", "winner_tie")
LOGITS = ("logit_a", "logit_b", "logit_tie")
CHATBOTS = ("alpaca", "claude", "dolly", "gpt-4", "koala", "llama", "vicuna")
HOSTILE = "[red]x[/red] <script>alert(1)</script> \x1b[2J\x07 \u202egnp.exe"


def write_evaluation(
    path: Path,
    ids: Sequence[Id],
    labels: Sequence[int],
    logits: NDArray[np.float32],
    *,
    swapped: NDArray[np.float32] | None = None,
    tokens: Sequence[int] | None = None,
    lost: NDArray[np.int32] | None = None,
    parts: NDArray[np.int32] | None = None,
    prompt: Sequence[int] | None = None,
) -> None:
    """eval.parquet as training writes it; without `parts` and `prompt` as it did before."""
    lost = np.zeros((len(ids), 3), dtype=np.int32) if lost is None else lost
    columns: dict[str, Any] = {
        "id": id_column(ids),
        "label": pa.array(labels, pa.int8()),
        **({} if prompt is None else {"prompt": pa.array(prompt, pa.int64())}),
        **{name: logits[:, n] for n, name in enumerate(LOGITS)},
        "tokens": pa.array([100] * len(ids) if tokens is None else tokens, pa.int32()),
        "is_cut": lost.sum(axis=1) > 0,
        **{f"{part}_tokens_lost": lost[:, n] for n, part in enumerate(PARTS)},
    }
    if parts is not None:
        columns |= {f"{part}_tokens": parts[:, n] for n, part in enumerate(PARTS)}
    if swapped is not None:
        columns |= {f"swapped_{name}": swapped[:, n] for n, name in enumerate(LOGITS)}
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns), path)


def write_rows(path: Path, rows: int, *, seed: int = 0, words: str = "a") -> list[int]:
    """A CSV of so many rows whose longer answer wins oftener; returns the labels. Row 5 is hostile, row 10 has equal
    answers and yet a winner."""
    rng = np.random.default_rng(seed)
    labels = []
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("id", *MODELS, *PARTS, *WINNERS))
        for number in range(rows):
            sizes = np.exp(rng.normal((2.5, 3.5, 3.5), 0.7)).astype(int) + 1
            scores = np.log(sizes[[1, 2]] + 1) + rng.gumbel(size=2)
            label = 2 if rng.random() < 0.3 else int(scores.argmax())
            parts = [
                [" ".join([words] * size)] * (2 if number % 10 == 5 and not n else 1) for n, size in enumerate(sizes)
            ]
            if number % 10 == 5:
                parts = [part if len(part) == 2 else [*part, words] for part in parts]
            names = [CHATBOTS[n] for n in rng.choice(len(CHATBOTS), 2, replace=False)]
            if number == 5:
                parts[1], names[0] = [HOSTILE, HOSTILE], HOSTILE
            if number == 10:
                parts[2], label = parts[1], 0
            writer.writerow((id_of(number), *names, *map(json.dumps, parts), *(int(label == n) for n in range(3))))
            labels.append(label)
    return labels


def id_of(number: int) -> int:
    return 2**40 + 3 * number


def logits_for(labels: Sequence[int], *, seed: int = 0, skill: float = 0.7) -> NDArray[np.float32]:
    """Those of a model that knows something."""
    rng = np.random.default_rng(seed)
    return (rng.normal(0, 0.8, (len(labels), 3)) + skill * np.eye(3)[list(labels)]).astype(np.float32)


def evaluate(run: Path, data: Path, *, swap: bool = False, seed: int = 0, skill: float = 0.7) -> None:
    """The eval.parquet of a run on every fifth row of `data`, cut at 160 tokens of the adapter's tokenizer."""
    held_out = read_examples(str(data), Data())[::5]
    tokenizer = PromptTokenizer(run / "adapter")
    encoded = [row for batch in encode(held_out, tokenizer, Tokens(max_length=160), RECIPE) for row in batch]
    labels = [row.label for row in held_out]
    logits = logits_for(labels, seed=seed, skill=skill)
    shift = np.random.default_rng(7).normal(0.1, 0.3, logits.shape).astype(np.float32)
    write_evaluation(
        run / "eval.parquet",
        [row.id for row in held_out],
        labels,
        logits,
        swapped=logits - shift if swap else None,
        tokens=[len(row.ids) for row in encoded],
        lost=np.array([row.lost for row in encoded], dtype=np.int32),
        parts=np.array([row.parts for row in encoded], dtype=np.int32),
        prompt=[prompt_key(row.prompt) for row in held_out],
    )
