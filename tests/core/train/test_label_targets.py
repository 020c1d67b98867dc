"""What the loss is of rows with weights and soft labels: a plain reference agrees, with both engines."""

import copy
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from packing import CONFIGS, VOCABULARY, packed_logits, padded_logits
from transformers import DataCollatorWithPadding
from transformers.modeling_outputs import SequenceClassifierOutput

from core.data.example import Example
from core.data.labels import scaled
from core.data.tokens import Encoded, rows_digest, training_features
from core.engine.scores import softmax
from core.model.lora import add_adapters
from core.packed.engine import PackedEngine
from core.packed.layout import Layout
from core.packed.pack import pack
from core.profile.settings import Lora
from core.train.loss import mean_loss

WEIGHTS = (0.25, 2.0, 0.0, 1.75, 1.0)
SOFT = ((0.5, 0.25, 0.25), None, (0.0, 1.0, 0.0), (1 / 3, 1 / 3, 1 / 3), None)
SOFT_OF_TWO = ((0.5, 0.5, 0.0), None, (0.25, 0.75, 0.0), (1.0, 0.0, 0.0), None)
LOGITS = np.random.default_rng(3).normal(size=(5, 3)).astype(np.float32)


def rows(outcomes: int, *, weights: Any = None, soft: Any = None, taught: Any = None) -> list[Encoded]:
    """Five rows of 3 to 7 tokens."""
    made = []
    for number in range(5):
        example = Example(
            index=number, id=number, prompt=("p",), response_a=("a",), response_b=("b",), label=number % outcomes,
            weight=weights[number] if weights else 1.0,
            probabilities=soft[number] if soft else None,
            taught=taught[number] if taught else None,
        )  # fmt: skip
        ids = (np.arange(3 + number) + 7 * number).astype(np.int32) % (VOCABULARY - 4) + 4
        made.append(Encoded(example, ids, len(ids), (0, 0, 0), (1, 1, 1)))
    return made


def reference(logits: Any, learned: list[Encoded], outcomes: int) -> float:
    """The sum of w_i l_i over all examples, divided by their number."""
    losses = []
    for row, p in zip(learned, softmax(logits[:, :outcomes].astype(np.float64)), strict=True):
        target = row.example.probabilities or np.eye(3)[row.example.label]
        losses.append(row.example.weight * -sum(t * np.log(q) for t, q in zip(target, p, strict=False)))
    return float(np.sum(losses)) / len(learned)


def loss(logits: Any, features: list[dict[str, Any]]) -> torch.Tensor:
    labels = torch.tensor([row["labels"] for row in features])
    return mean_loss(SequenceClassifierOutput(logits=torch.tensor(logits)), labels, len(features))


@pytest.mark.parametrize(("outcomes", "soft"), [(3, SOFT), (2, SOFT_OF_TWO)])
@pytest.mark.parametrize("kind", ["weights", "soft", "both", "plain"])
def test_the_loss_is_the_weighted_sum_of_cross_entropies_by_the_number_of_examples(
    outcomes: int, soft: Any, kind: str
) -> None:
    learned = rows(
        outcomes,
        weights=WEIGHTS if kind in ("weights", "both") else None,
        soft=soft if kind in ("soft", "both") else None,
    )
    features = training_features(learned, outcomes)
    whole = loss(LOGITS[:, :outcomes], features)
    assert whole.item() == pytest.approx(reference(LOGITS, learned, outcomes), rel=1e-6)
    parts = [(slice(0, 2), LOGITS[:2, :outcomes]), (slice(2, 5), LOGITS[2:, :outcomes])]
    in_parts = [
        mean_loss(
            SequenceClassifierOutput(logits=torch.tensor(logits)),
            torch.tensor([row["labels"] for row in features[part]]),
            len(features),
        )
        for part, logits in parts
    ]
    assert sum(part.item() for part in in_parts) == pytest.approx(whole.item(), rel=1e-6), "of any small batches"


@given(st.floats(1e-300, 1e300), st.integers(0, 3))
def test_rows_that_all_weigh_the_same_are_trained_on_as_rows_without_weights(weight: float, seed: int) -> None:
    plain, weighed = rows(3), rows(3, weights=scaled([weight] * 5))
    assert all(
        one.keys() == other.keys() and one["labels"] == other["labels"]
        for one, other in zip(training_features(plain, 3), training_features(weighed, 3), strict=True)
    )
    assert rows_digest(plain) == rows_digest(weighed)
    logits = np.random.default_rng(seed).normal(size=(5, 3)).astype(np.float32)
    assert loss(logits, training_features(plain, 3)).item() == loss(logits, training_features(weighed, 3)).item()


def test_other_weights_and_other_probabilities_are_other_rows() -> None:
    known = [rows(3), rows(3, weights=WEIGHTS), rows(3, soft=SOFT), rows(3, weights=WEIGHTS, soft=SOFT)]
    digests = [rows_digest(learned) for learned in known]
    for place, digest in enumerate(digests):
        assert all(digest.other_parts(other) == ["labels"] for other in digests[:place])
    assert rows_digest(rows(3, weights=WEIGHTS)) == digests[1]


@pytest.mark.parametrize(("outcomes", "soft"), [(3, SOFT), (2, SOFT_OF_TWO)])
def test_packed_and_padded_learn_the_same_of_them(outcomes: int, soft: Any) -> None:
    kind, config = CONFIGS["qwen2"]
    config = copy.deepcopy(config)
    config.num_labels = outcomes
    torch.manual_seed(0)
    model = add_adapters(kind(config), Lora(freeze_layers=0, dropout=0.0, target_modules="all-linear")).train()
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    features = training_features(rows(outcomes, weights=WEIGHTS, soft=soft), outcomes)
    joined, filled_up = pack(features), DataCollatorWithPadding(tiny.tokenizer())(features)
    assert joined["labels"].dtype is filled_up["labels"].dtype is torch.float32
    assert torch.equal(joined["labels"], filled_up["labels"])
    learned = []
    layout = Layout(keeps_weights=True, checkpointing="none", examples=5)
    engine = PackedEngine(model, dtype=torch.float32, longest=7, layout=layout)
    for logits, labels in (packed_logits(engine, features), padded_logits(model, features)):
        model.zero_grad()
        found = mean_loss(SequenceClassifierOutput(logits=logits), labels, 5)
        found.backward()
        learned.append(
            {"loss": found.detach()} | {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
        )
    ours, theirs = learned
    assert ours.keys() == theirs.keys()
    for name in theirs:
        torch.testing.assert_close(ours[name], theirs[name], atol=2e-6, rtol=2e-4)
