"""What a prediction comes to: the averaged answers, how good they are, and the files that hold them."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow
from msgspec import Struct

from core.data.example import LOGITS, Example
from core.data.rows import WINNERS
from core.files import as_parquet, write_output
from core.predict.average import Probabilities, average, follow_rules, measure, probabilities
from core.predict.folder import MemberSummary, PredictionFolder, Summary
from core.predict.passes import Pass
from core.predict.request import Request
from core.predict.submission import submission
from core.runs.access import write_whole
from core.runs.events import Predicting


class Answers(Struct, frozen=True):
    """Probabilities of all rows, (rows, 3)."""

    by_run: list[Probabilities]
    plain: Probabilities
    """The average of all runs."""
    ruled: Probabilities
    """With fixed answers for rows that need no model."""
    rows_ruled: int
    given: Probabilities
    """Whichever of the two is asked for."""


def answer(request: Request, examples: Sequence[Example], passes: Sequence[Pass]) -> Answers:
    """Averages the passes of each run, and the runs. `passes` are complete, those of a run one after the other."""
    by_pass = [probabilities(one.logits) for one in passes]
    orders = 2 if request.swap else 1
    by_run = [average(by_pass[i : i + orders], [1.0] * orders) for i in range(0, len(by_pass), orders)]
    plain = average(by_run, [member.weight for member in request.members])
    ruled, rows_ruled = follow_rules(examples, plain)
    return Answers(by_run, plain, ruled, rows_ruled, ruled if request.rules else plain)


def save_answers(
    folder: PredictionFolder, request: Request, examples: Sequence[Example], passes: Sequence[Pass], answers: Answers
) -> None:
    """The table and the submission, also to where the request wants it. Raises OSError."""
    save_table(folder, examples, passes, answers.given)
    ids, given = [example.id for example in examples], answers.given.tolist()
    handed_in = submission(ids, given)
    write_whole(folder.submission, handed_in)
    if request.output:
        write_output(Path(request.output), handed_in)


def summarize(
    folder: PredictionFolder,
    request: Request,
    examples: Sequence[Example],
    passes: Sequence[Pass],
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
        rows_cut=passes[0].rows_cut,
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
    """predictions.parquet, in the order of the file. Logits of a swapped pass stand in the columns of A, B and tie."""
    columns = {
        "id": pyarrow.array([example.id for example in examples], pyarrow.int64()),
        "label": pyarrow.array([None if e.label < 0 else e.label for e in examples], pyarrow.int8()),
    }
    for one in passes:
        columns |= {f"{one.name}_tokens": pyarrow.array(one.lengths, pyarrow.int32())}
        columns |= {f"{one.name}_{column}": one.logits[:, i] for i, column in enumerate(LOGITS)}
    columns |= {winner: answered[:, i] for i, winner in enumerate(WINNERS)}
    write_whole(folder.table, as_parquet(pyarrow.table(columns)))
