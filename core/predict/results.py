"""From the logits of all passes to probabilities, how good they are, and the files of a prediction."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow
from msgspec import Struct
from numpy.typing import NDArray

from core.data.example import UNLABELLED, Example, id_column
from core.engine.scores import log_loss, softmax
from core.files import as_parquet, write_output
from core.outcomes import A_B_TIE
from core.predict.folder import MemberSummary, PredictionFolder, Summary
from core.predict.passes import Pass, rows_cut
from core.predict.request import Request
from core.predict.soft_labels import write_soft_labels
from core.predict.submission import Form, submission
from core.runs.access import write_whole
from core.runs.events import Predicting

Probabilities = NDArray[np.float64]

A_EMPTY, B_EMPTY = (0.04, 0.88, 0.08), (0.88, 0.04, 0.08)
IDENTICAL = (0.06, 0.06, 0.88)


def average(members: Sequence[Probabilities], weights: Sequence[float]) -> Probabilities:
    """The weighted mean, each row divided by its sum: rows sum to 1 as closely as float64 can."""
    mean = np.average(np.stack(members), axis=0, weights=weights)
    return np.asarray(mean / mean.sum(axis=1, keepdims=True))


def follow_rules(examples: Sequence[Example], answered: Probabilities) -> tuple[Probabilities, int]:
    """The answers with those of rows that need no model replaced, and how many these are.

    One empty answer loses; identical ones tie. The figures are those published by the competition's 4th place; of two
    outcomes each gets its share of what they leave to both: identical answers a half.
    """
    ruled, count = answered.copy(), 0
    outcomes = answered.shape[1]
    for row, example in enumerate(examples):
        a, b = (" ".join(turns).strip() for turns in (example.response_a, example.response_b))
        if a == b:
            rule = IDENTICAL
        elif not a:
            rule = A_EMPTY
        elif not b:
            rule = B_EMPTY
        else:
            continue
        ruled[row] = rule if outcomes == len(A_B_TIE) else np.array(rule[:outcomes]) / sum(rule[:outcomes])
        count += 1
    return ruled, count


class Figures(Struct, frozen=True):
    log_loss: float
    accuracy: float


def measure(examples: Sequence[Example], answered: Probabilities) -> Figures | None:
    """Log loss and accuracy of the rows that have a label; None where none has."""
    labels = np.array([example.label for example in examples])
    known = labels != UNLABELLED
    if not known.any():
        return None
    answered, labels = answered[known], labels[known]
    return Figures(log_loss(answered, labels), float(np.mean(answered.argmax(axis=1) == labels)))


def of_run(passes: Sequence[Pass], *, reads_apart: bool) -> Probabilities:
    """The verdict of both answers, read apart; or the mean of those on each order."""
    if reads_apart:
        a, b = (one.logits for one in passes)
        return softmax(a + b)
    return average([softmax(one.logits) for one in passes], [1.0] * len(passes))


class Answers(Struct, frozen=True):
    """Probabilities of all rows, (rows, outcomes)."""

    by_run: list[Probabilities]
    plain: Probabilities
    """The average of all runs."""
    ruled: Probabilities
    """With fixed answers for rows that need no model."""
    rows_ruled: int
    given: Probabilities
    """Whichever of the two is asked for."""


def answer(request: Request, examples: Sequence[Example], by_member: Sequence[Sequence[Pass]]) -> Answers:
    """Averages the passes of each run, which are complete, and the runs."""
    by_run = [
        of_run(passes, reads_apart=request.profile_of(member).reads_apart)
        for member, passes in zip(request.members, by_member, strict=True)
    ]
    plain = average(by_run, [member.weight for member in request.members])
    ruled, rows_ruled = follow_rules(examples, plain)
    return Answers(by_run, plain, ruled, rows_ruled, ruled if request.rules else plain)


def save_answers(
    folder: PredictionFolder,
    request: Request,
    form: Form,
    examples: Sequence[Example],
    passes: Sequence[Pass],
    answers: Answers,
) -> None:
    """The table; the submission in its form, also to where the request wants it; and soft labels. Raises OSError."""
    save_table(folder, examples, passes, answers.given)
    ids, given = [example.id for example in examples], answers.given.tolist()
    handed_in = submission(form, ids, given)
    write_whole(folder.submission, handed_in)
    if request.output:
        write_output(Path(request.output), handed_in)
    if request.soft_labels:
        write_soft_labels(Path(request.soft_labels), examples, given, [Path(member.run) for member in request.members])


def summarize(
    folder: PredictionFolder,
    request: Request,
    examples: Sequence[Example],
    by_member: Sequence[Sequence[Pass]],
    answers: Answers,
    told: Predicting | None,
    *,
    seconds: float,
    memory_peak: int,
) -> Summary:
    """`told` is what the record says of what was to be predicted; `memory_peak` in bytes."""
    reached, of_runs_alone = measure(examples, answers.given), [measure(examples, one) for one in answers.by_run]
    with_rules, without = measure(examples, answers.ruled), measure(examples, answers.plain)
    return Summary(
        prediction=folder.id,
        submission=request.output or str(folder.submission),
        rows=len(examples),
        rows_cut=rows_cut(request, by_member),
        members=[
            MemberSummary(
                run=Path(member.run).name,
                adapter=Path(member.adapter).name,
                weight=member.weight,
                log_loss=alone.log_loss if alone else None,
                accuracy=alone.accuracy if alone else None,
            )
            for member, alone in zip(request.members, of_runs_alone, strict=True)
        ],
        swap=request.swap,
        merge=request.merge,
        log_loss=reached.log_loss if reached else None,
        accuracy=reached.accuracy if reached else None,
        rows_ruled=answers.rows_ruled,
        log_loss_with_rules=with_rules.log_loss if with_rules else None,
        log_loss_without_rules=without.log_loss if without else None,
        rules=request.rules,
        seconds=seconds,
        memory_peak=memory_peak,
        precision=told.precision if told else "",
        device=told.device.name if told else "",
    )


def save_table(
    folder: PredictionFolder, examples: Sequence[Example], passes: Sequence[Pass], answered: Probabilities
) -> None:
    """predictions.parquet, in the order of the file. Those of a swapped pass stand in the columns of their outcomes."""
    columns = {
        "id": id_column(example.id for example in examples),
        "label": pyarrow.array([None if e.label == UNLABELLED else e.label for e in examples], pyarrow.int8()),
    }
    for one in passes:
        columns |= {f"{one.name}_tokens": pyarrow.array(one.lengths, pyarrow.int32())}
        columns |= {f"{one.name}_{column}": one.logits[:, i] for i, column in enumerate(one.outcomes.logits)}
    columns |= {winner: answered[:, i] for i, winner in enumerate(passes[0].outcomes.winners)}
    write_whole(folder.table, as_parquet(pyarrow.table(columns)))
