"""What is lost where a row's teachers say otherwise: a plain reference agrees, and a run learns it."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_label_targets import rows
from tiny_runs import SECONDS, Start

from core.data.tokens import TAUGHT, rows_digest, training_features
from core.profile.distill_settings import Distill
from core.report.evaluation import read_evaluation
from core.runs.events import Phase
from core.runs.record import Tail
from core.train.loss import Added, distance

SAID = ((0.5, 0.25, 0.25), None, (0.0, 1.0, 0.0), (1 / 3, 1 / 3, 1 / 3), None)


def reference(logits: Any, taught: Any, weights: Any, temperature: float, *, has_cosine: bool) -> float:
    """Row by row, as the formula is written."""
    total = 0.0
    for row, teacher, weight in zip(logits.tolist(), taught, weights, strict=True):
        if teacher is None:
            continue
        exponents = [math.exp(logit / temperature) for logit in row]
        student = [one / sum(exponents) for one in exponents]
        powers = [p ** (1 / temperature) for p in teacher]
        cooled = [one / sum(powers) for one in powers]
        apart = temperature**2 * sum(t * math.log(t / s) for t, s in zip(cooled, student, strict=True) if t)
        if has_cosine:
            plain = [math.exp(logit) for logit in row]
            given = [one / sum(plain) for one in plain]
            apart += 1 - sum(a * b for a, b in zip(teacher, given, strict=True)) / (
                math.hypot(*teacher) * math.hypot(*given)
            )
        total += weight * apart
    return total


@given(st.integers(0, 99), st.sampled_from([0.5, 1.0, 3.0]), st.booleans())
def test_the_distance_is_hintons_and_a_row_without_teacher_has_none(
    seed: int, temperature: float, has_cosine: bool
) -> None:
    drawn = np.random.default_rng(seed)
    logits, weights = drawn.normal(size=(5, 3)), drawn.uniform(0.1, 2, 5)
    taught = [[0.0] * 3 if row is None else [w * p for p in row] for row, w in zip(SAID, weights, strict=True)]
    found = distance(torch.tensor(logits), torch.tensor(taught), temperature, has_cosine=has_cosine)
    expected = reference(logits, SAID, weights, temperature, has_cosine=has_cosine)
    assert found.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_a_model_that_says_what_its_teacher_does_is_at_no_distance(temperature: float) -> None:
    teacher = torch.tensor([[0.7, 0.2, 0.1], [0.0, 0.0, 0.0]])
    logits = torch.tensor([[0.7, 0.2, 0.1], [1.0, 2.0, 3.0]]).log().requires_grad_()
    found = distance(logits, teacher, temperature, has_cosine=True)
    found.backward()
    assert found.item() == pytest.approx(0, abs=1e-5)
    assert logits.grad is not None and logits.grad.abs().max() < 1e-6


def test_parts_of_a_step_add_up_to_it() -> None:
    logits = torch.from_numpy(np.random.default_rng(1).normal(size=(4, 3)))
    taught = torch.tensor([[0.5, 0.25, 0.25], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.2, 0.2, 0.6]])
    added = Added(distill=Distill(teachers=["t"], weight=3.0))
    whole = added.of(logits, taught, items=4, views=1)
    parts = [added.of(logits[part], taught[part], items=4, views=1) for part in (slice(0, 1), slice(1, 4))]
    assert whole.item() == pytest.approx(sum(part.item() for part in parts))
    assert whole.item() == pytest.approx(3 * distance(logits, taught, 1.0, has_cosine=False).item() / 4)
    assert added.of(logits, taught, items=2, views=2).item() == pytest.approx(whole.item()), "two views of each"
    assert Added().of(logits, None, items=4, views=1).item() == 0


def test_features_and_digest_hold_what_teachers_say() -> None:
    plain, learned = rows(3), rows(3, weights=(0.5, 1.5, 1.0, 1.0, 1.0), taught=SAID)
    features = training_features(learned, 3)
    assert [row[TAUGHT] for row in features] == [
        pytest.approx([row.example.weight * p for p in said or (0, 0, 0)])
        for row, said in zip(learned, SAID, strict=True)
    ]
    assert not any(TAUGHT in row for row in training_features(plain, 3))
    others = rows(3, weights=(0.5, 1.5, 1.0, 1.0, 1.0), taught=(*SAID[:4], (1.0, 0.0, 0.0)))
    assert rows_digest(learned).other_parts(rows_digest(others)) == ["labels"], "a resumed run refuses other ones"


@pytest.mark.slow
def test_a_run_follows_teachers_who_outweigh_its_labels(start: Start, tmp_path: Path) -> None:
    teacher, ids = tmp_path / "always_b.csv", [row["id"] for row in tiny.rows(60)]
    lines = "".join(f"{id},0,1,0\n" for id in ids)
    teacher.write_text(f"id,probability_a,probability_b,probability_tie\n{lines}")
    settings = ("distill.weight=20", "distill.kind=kl+cosine", "train.epochs=3", "train.learning_rate=0.01")
    folder, child = start(f'distill.teachers=["{teacher}"]', *settings)
    assert child.wait(SECONDS) == 0, folder.console_log.read_text()
    answers = read_evaluation(folder)
    assert (answers.probabilities.argmax(axis=1) == 1).all()
    told = [event.detail for event in Tail(folder.events).read() if isinstance(event, Phase)]
    assert any("rows to train on have a teacher" in line for line in told)
