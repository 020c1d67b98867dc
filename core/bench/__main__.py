"""Times an engine on a model of random weights: `python -P -m core.bench QUESTION`, a `Question` in JSON.

Training is timed through the Trainer that runs use, optimizer and all. Prints an `Answer` as one line of JSON.
"""

import sys
import tempfile
from collections.abc import Sequence
from math import gcd
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.bench.protocol import Answer, Question
from core.bench.sizes import SIZES
from core.imports import let_waiting_threads_sleep
from core.model.targets import RECIPE_SHARE
from core.outcomes import A_B_TIE
from core.profile.load import parse_profile
from core.profile.settings import Profile
from core.protocol import answer
from core.runs.folder import RunFolder

SHORTEST_LIMIT = 16
"""The least that a profile takes for `tokens.max_length`."""
EVALUATED_AT_ONCE = 8
"""Rows of an evaluation batch; the packed engine takes as many tokens as these would have at most."""


def main(arguments: Sequence[str]) -> int:
    let_waiting_threads_sleep()
    question = msgspec.json.decode(arguments[0], type=Question)
    answer(bench(question))
    return 0


def bench(question: Question) -> Answer:
    """Build, warm up, time."""
    import torch
    import transformers
    from transformers import PrinterCallback

    from core.bench.model import Clock, ceiling, classifier_config, flops_per_token, random_classifier, timed
    from core.engine import device
    from core.engine.choose import choose_engine, predict_packed
    from core.engine.memory import predict
    from core.engine.steps import LossWatch
    from core.model.lora import checkpoint_activations
    from core.model.shape import read_shape
    from core.packed.engine import PackedEngine
    from core.packed.pack import pack
    from core.train.arguments import training_arguments
    from core.train.ranks import Ranks
    from core.train.results import Scorer
    from core.train.trainer import ClassifierTrainer

    lengths = _lengths(question)
    longest = int(lengths.max())
    profile = _profile(question, longest)
    here = device.device()
    place = "cuda:0" if here.kind == "cuda" else "cpu"
    best = precision = device.best_precision()
    dtype = device.DTYPES[precision]
    stated = classifier_config(SIZES[question.model])
    shape = read_shape(stated.to_dict(), profile.model)
    assert shape is not None
    chosen = choose_engine(
        profile, stated.to_dict(), precision=precision, best=best, longest=longest, free=device.free_memory()
    )
    predicted = (
        predict_packed(profile, shape, chosen.layout, precision=precision, longest=longest)
        if chosen.layout
        else predict(profile, shape, precision=precision, length=longest)
    )
    limit = ceiling(shape, round(float(lengths.mean()) * question.batch), dtype, place)

    model = random_classifier(stated, profile, dtype=dtype, device=place)
    engine = None
    if chosen.layout:
        engine = PackedEngine(model, dtype=dtype, longest=longest, layout=chosen.layout)
    elif profile.train.gradient_checkpointing and not question.scoring:
        checkpoint_activations(model)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()

    rows = _rows(lengths, shape.vocabulary)
    by_length = sorted(rows, key=lambda row: len(row["input_ids"]), reverse=True)
    clock = Clock(question.warmup)
    with tempfile.TemporaryDirectory() as folder:
        trainer = ClassifierTrainer(
            head_learning_rate=None,
            watch=LossWatch(0, A_B_TIE.uniform_log_loss),
            before_evaluation=lambda _: None,
            ranks=Ranks(),
            scorer=Scorer(),
            collate=pack if engine else pad,
            at_once=chosen.layout.examples if chosen.layout else profile.train.per_device_batch_size,
            engine=engine,
            eval_tokens=profile.eval.per_device_batch_size * longest,
            model=model,
            args=training_arguments(profile, precision, RunFolder(Path(folder))),
            train_dataset=[[row] for row in rows],
            eval_dataset=by_length,
            callbacks=[clock],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.args.eval_strategy = trainer.args.save_strategy = "no"
        if question.scoring:
            first = timed(trainer.evaluate)
            seconds, tokens, examples = timed(trainer.evaluate), int(lengths.sum()), len(rows)
        else:
            trainer.train()
            first, seconds, tokens, examples = clock.first, clock.seconds, clock.tokens, question.steps * question.batch

    computed = tokens / seconds * flops_per_token(profile, shape, is_training=not question.scoring)
    return Answer(
        model=question.model,
        task="scoring" if question.scoring else "training",
        engine=chosen.name,
        how=chosen.reason,
        device=here.name,
        tokens_per_second=round(tokens / seconds, 1),
        examples_per_second=round(examples / seconds, 3),
        tokens_per_example=round(tokens / examples, 1),
        model_tflops=round(computed / 1e12, 1),
        ceiling_tflops=round(limit / 1e12, 1),
        share_of_ceiling=round(computed / limit, 4),
        memory_peak=device.memory()[2],
        memory_predicted=predicted.total,
        first_step_seconds=round(first, 2),
        steps=question.steps,
        torch=str(torch.__version__),
        transformers=transformers.__version__,
    )


def _profile(question: Question, longest: int) -> Profile:
    """The recipe, but for what is asked."""
    at_once = gcd(question.batch, question.at_once)
    layers = SIZES[question.model]["num_hidden_layers"]
    return parse_profile(
        "",
        source="benchmark",
        overrides=[
            f"train.engine={question.engine}",
            f"train.memory={question.memory}",
            f"train.per_device_batch_size={at_once}",
            f"train.gradient_accumulation={question.batch // at_once}",
            f"train.log_steps={question.steps + question.warmup}",
            f"eval.per_device_batch_size={EVALUATED_AT_ONCE}",
            f"lora.freeze_layers={round(layers * RECIPE_SHARE)}",
            f"tokens.max_length={max(longest, SHORTEST_LIMIT)}",
        ],
    )


def _lengths(question: Question) -> NDArray[np.int64]:
    """(rows,): one row for each example of each step."""
    count = (question.steps + question.warmup) * question.batch
    if question.lengths.isdecimal():
        return np.full(count, int(question.lengths))
    return np.resize(np.load(question.lengths), count).astype(np.int64)


def _rows(lengths: NDArray[np.int64], vocabulary: int) -> list[dict[str, Any]]:
    chance = np.random.default_rng(0)
    return [
        {"input_ids": chance.integers(3, vocabulary, length), "labels": int(chance.integers(3)), "row": number}
        for number, length in enumerate(lengths)
    ]


def pad(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the padded engine's collator makes."""
    import torch

    longest = max(len(row["input_ids"]) for row in rows)
    ids = torch.zeros((len(rows), longest), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for number, row in enumerate(rows):
        ids[number, : len(row["input_ids"])] = torch.from_numpy(row["input_ids"])
        mask[number, : len(row["input_ids"])] = 1
    return {"input_ids": ids, "attention_mask": mask, "labels": torch.tensor([row["labels"] for row in rows])}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
