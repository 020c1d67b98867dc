"""Judges comparisons with a run's model: `python -P -m core.predict.judge RUN_DIR ADAPTER [--lengths]`.

The model is loaded once. Each comparison is a line of JSON on stdin, and is answered at once with a verdict of both
orders. Ends with stdin.
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from core.data.apart import as_one
from core.data.chat import template_of
from core.data.comparisons import Refused
from core.data.example import PARTS, DataError, Example, Id, reason, swapped
from core.data.sources import read_run_examples
from core.data.tokenizer import PromptTokenizer
from core.data.tokens import Encoded, encode
from core.demo.assets import eval_source, train_sources
from core.engine.lengths import Counts, Floats, characters_of, fit_lengths
from core.engine.scores import softmax
from core.libraries import importing_libraries
from core.predict.errors import PredictionError, in_words, unchecked
from core.predict.protocol import WITH_LENGTHS, Ready, Said, Shown, Verdict
from core.predict.question import read_comparison, read_id, read_lines, read_object
from core.predict.request import Member, Request
from core.predict.results import average
from core.predict.worker import AdaptiveBatches, NoRoomForOne
from core.protocol import answer, as_problem, end_once
from core.runs.folder import RunFolder
from core.runs.seal import has_checksums
from core.runs.trash import kept_in_place

if TYPE_CHECKING:
    from core.predict.model import PredictionModel


def main(arguments: Sequence[str]) -> int:
    """Answer lines until none comes, and return the exit code."""
    # What libraries print must not be taken for an answer.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    run, adapter, *asked = arguments
    try:
        with kept_in_place(RunFolder(Path(run))):
            serve(Request(members=[Member(run, adapter, 1.0)], test=""), asked == [WITH_LENGTHS], sys.stdin.buffer, out)
    except BrokenPipeError:  # whoever asked has gone
        return 1
    except Exception as error:  # noqa: BLE001  (whatever it is, the reader is waiting for it)
        why = in_words(error)
        answer(Said(problem=as_problem(why.cause, why.advice)), out)
        return why.exit_code
    return 0


def serve(request: Request, with_lengths: bool, lines: BinaryIO, out: BinaryIO) -> None:
    """Answer each of `lines` on `out` by the only run of `request`. Raises what loading its model raises."""
    with importing_libraries():
        from core.predict.model import load_model

    model = load_model(request, 0, on_card=False)
    judge, adapter = Judge(request, model), Path(request.members[0].adapter)
    notes = [model.note, "" if has_checksums(adapter) else unchecked(adapter)]
    if with_lengths:
        notes.append(judge.learn_lengths())
    note = "; ".join(filter(None, notes))
    answer(Said(ready=Ready(device=model.device, precision=model.precision, engine=model.engine, note=note)), out)
    for number, line in read_lines(lines):
        answer(Said(verdict=judge.verdict(number, line)), out)


class Judge:
    """A run's model, with what makes tokens of a comparison as in the run."""

    def __init__(self, request: Request, model: "PredictionModel") -> None:
        """Raises SettingError for a template that cannot be used."""
        self._outcomes = request.read_outcomes()
        self._profile = request.profile_of(request.members[0])
        self._tokenizer = PromptTokenizer(Path(request.members[0].adapter))
        self._template = template_of(self._profile, self._tokenizer)
        self._adaptive = AdaptiveBatches(model.logits, request.batch_tokens)
        self._lengths: Callable[[Counts], Floats] | None = None

    def learn_lengths(self) -> str:
        """Fit what lengths alone say to the run's training rows; why that cannot be, in words."""
        data = self._profile.data
        try:
            rows = read_run_examples(train_sources(data), eval_source(data), self._profile).train
        except (DataError, OSError) as error:
            return f"what lengths alone say is not known: {reason(error)}"
        characters = np.array([characters_of(row) for row in rows], dtype=np.int64)
        labels = np.array([row.label for row in rows], dtype=np.int64)
        self._lengths = fit_lengths(characters, labels, len(self._outcomes))
        return "" if self._lengths else "the training rows are too few to learn what lengths alone say"

    def verdict(self, number: int, line: bytes | None) -> Verdict:
        """What comes of a line."""
        id = None
        try:
            record = read_object(line)
            id = read_id(record)
            return self._judged(number, id, read_comparison(record))
        except Refused as error:
            return Verdict(line=number, id=id, error=f"{error.column}: {error}" if error.column else str(error))
        except NoRoomForOne as error:
            return Verdict(line=number, id=id, error=f"it does not fit in memory even by itself: {error.why}")
        except PredictionError as error:
            return Verdict(line=number, id=id, error=error.cause)

    def _judged(self, number: int, id: Id | None, example: Example) -> Verdict:
        """Both orders are computed at once. Raises NoRoomForOne, and PredictionError where the model cannot answer."""
        both = [example, swapped(example)]
        encoded = encode(both, self._tokenizer, self._profile.tokens, self._template)
        as_given, other = (row for batch in encoded for row in batch)
        logits = self._adaptive.logits([as_given.ids.tolist(), other.ids.tolist()])
        if not np.isfinite(logits).all():
            raise PredictionError("the model gives non-finite logits", "")
        lengths = None
        if self._lengths:
            lengths = self._named(np.exp(self._lengths(np.array([characters_of(example)]))))
        if self._profile.reads_apart:
            whole = as_one(as_given, other)
            shown = self._shown(whole, softmax(self._outcomes.joined(logits[:1], logits[1:])), whole.lost)
            return Verdict(line=number, id=id, probabilities=shown.probabilities, as_given=shown, lengths=lengths)
        given = softmax(logits[:1])
        turned = softmax(self._outcomes.unswapped(logits[1:]))
        prompt, b, a = other.lost
        return Verdict(
            line=number,
            id=id,
            probabilities=self._named(average([given, turned], [1.0, 1.0])),
            as_given=self._shown(as_given, given, as_given.lost),
            swapped=self._shown(other, turned, (prompt, a, b)),
            lengths=lengths,
        )

    def _shown(self, row: Encoded, probabilities: Floats, lost: tuple[int, int, int]) -> Shown:
        return Shown(
            probabilities=self._named(probabilities),
            tokens=len(row.ids),
            whole_tokens=row.full_length,
            lost=dict(zip(PARTS, map(int, lost), strict=True)),
        )

    def _named(self, probabilities: Floats) -> dict[str, float]:
        """Those of the only row."""
        return dict(zip(self._outcomes.winners, probabilities[0].tolist(), strict=True))


if __name__ == "__main__":
    end_once()
    sys.exit(main(sys.argv[1:]))
