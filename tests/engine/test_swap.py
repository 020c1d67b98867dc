"""eval.swap: the exchanged copies are scored by the same model, paired by row, with their columns changed back."""

from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from pyarrow import parquet
from tiny_runs import SECONDS, Start
from transformers import AutoModelForSequenceClassification

from core.data.example import PARTS, SWAPPED, swapped
from core.data.rows import read_examples
from core.data.tokenizer import PromptTokenizer
from core.data.tokens import encode
from core.profile.settings import Tokens
from core.report.bias import position_bias
from core.report.evaluation import read_evaluation


@pytest.mark.parametrize("engine", ["padded", "packed"])
def test_the_swapped_columns_are_what_the_adapter_gives_the_exchanged_rows(
    engine: str, start: Start, checkpoint: Path, train_csv: Path
) -> None:
    folder, child = start("eval.swap=true", f"train.engine={engine}")
    assert child.wait(SECONDS) == 0, folder.console_log.read_text()
    table = parquet.read_table(folder.evaluation)
    rows = {row.id: row for row in read_examples(str(train_csv))}
    copies = [swapped(rows[id]) for id in table["id"].to_pylist()]
    tokenizer = PromptTokenizer(checkpoint)
    [encoded] = encode(copies, tokenizer, Tokens(max_length=64))

    base = AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=3, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, folder.adapter).eval()
    with torch.no_grad():
        logits = np.array([model(torch.tensor(row.ids)[None].long()).logits[0].numpy() for row in encoded])
    names = ("logit_a", "logit_b", "logit_tie")
    written = np.stack([table[f"swapped_{name}"].to_numpy() for name in names], axis=1)
    np.testing.assert_allclose(written, logits[:, SWAPPED], atol=2e-5)
    plain = np.stack([table[name].to_numpy() for name in names], axis=1)
    assert not np.allclose(written, plain, atol=1e-3), "the order makes no difference: nothing would be seen here"

    [whole] = encode([rows[id] for id in table["id"].to_pylist()], tokenizer, Tokens(max_length=64))
    assert [tuple(of) for of in zip(*(table[f"{part}_tokens"].to_pylist() for part in PARTS), strict=True)] == [
        row.parts for row in whole
    ]
    found = position_bias(read_evaluation(folder))
    assert found is not None
    assert 0 <= found.flip_rate <= 1


def test_twice_exchanged_is_the_row_itself(train_csv: Path) -> None:
    for row in read_examples(str(train_csv)):
        assert swapped(swapped(row)) == row
        assert (swapped(row).response_a, swapped(row).prompt) == (row.response_b, row.prompt)
