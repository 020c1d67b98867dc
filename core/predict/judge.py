"""Answers comparisons one by one with a run's model, loaded once: `python -P -m core.predict.judge RUN_DIR ADAPTER`.

Each is a line of JSON on stdin, and is answered with a verdict of both orders at once. Ends with stdin.
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.data.chat import template_of
from core.data.comparisons import Refused
from core.data.example import PARTS, Example, swapped
from core.data.tokenizer import PromptTokenizer
from core.data.tokens import Encoded, encode
from core.engine.scores import softmax
from core.libraries import importing_libraries
from core.outcomes import Outcomes
from core.predict.errors import PredictionError, in_words, unchecked
from core.predict.protocol import Ready, Said, Shown, Verdict
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
    run, adapter = arguments
    try:
        with kept_in_place(RunFolder(Path(run))):
            serve(Request(members=[Member(run, adapter, 1.0)], test=""), sys.stdin.buffer, out)
    except BrokenPipeError:  # whoever asked has gone
        return 1
    except Exception as error:  # noqa: BLE001  (whatever it is, the reader is waiting for it)
        why = in_words(error)
        answer(Said(problem=as_problem(why.cause, why.advice)), out)
        return why.exit_code
    return 0


def serve(request: Request, lines: BinaryIO, out: BinaryIO) -> None:
    """Answer each of `lines` on `out` by the only run of `request`. Raises what loading its model raises."""
    with importing_libraries():
        from core.predict.model import load_model

    model = load_model(request, 0, on_card=False)
    judge = Judge(request, model)
    adapter = Path(request.members[0].adapter)
    note = "; ".join(filter(None, [model.note, "" if has_checksums(adapter) else unchecked(adapter)]))
    answer(Said(ready=Ready(device=model.device, precision=model.precision, engine=model.engine, note=note)), out)
    for number, line in read_lines(lines):
        answer(Said(verdict=verdict_of(number, line, judge.judge)), out)


Judged = tuple[dict[str, float], Shown, Shown]
"""The mean of both orders, and each of them."""


def verdict_of(number: int, line: bytes | None, judge: Callable[[Example], Judged]) -> Verdict:
    """What comes of a line, by `judge`."""
    id = None
    try:
        record = read_object(line)
        id = read_id(record)
        mean, as_given, swapped = judge(read_comparison(record))
    except Refused as error:
        return Verdict(line=number, id=id, error=f"{error.column}: {error}" if error.column else str(error))
    except NoRoomForOne as error:
        return Verdict(line=number, id=id, error=f"it does not fit in memory even by itself: {error.why}")
    except PredictionError as error:
        return Verdict(line=number, id=id, error=error.cause)
    return Verdict(line=number, id=id, probabilities=mean, as_given=as_given, swapped=swapped)


class Judge:
    """A run's model, with what makes tokens of a comparison as in the run."""

    def __init__(self, request: Request, model: "PredictionModel") -> None:
        """Raises SettingError for a template that cannot be used."""
        self._outcomes: Outcomes = request.read_outcomes()
        self._tokens = request.profile_of(request.members[0]).tokens
        self._tokenizer = PromptTokenizer(Path(request.members[0].adapter))
        self._template = template_of(self._tokens, self._tokenizer)
        self._adaptive = AdaptiveBatches(model.logits, request.batch_tokens)

    def judge(self, example: Example) -> Judged:
        """Both orders are computed at once. Raises NoRoomForOne, and PredictionError where the model cannot answer."""
        both = [example, swapped(example)]
        rows = [row for batch in encode(both, self._tokenizer, self._tokens, self._template) for row in batch]
        logits = self._adaptive.logits([row.ids.tolist() for row in rows])
        if not np.isfinite(logits).all():
            raise PredictionError("the model gives non-finite logits", "")
        probabilities = softmax(np.concatenate([logits[:1], self._outcomes.unswapped(logits[1:])]))
        mean = average([probabilities[:1], probabilities[1:]], [1.0, 1.0])[0]
        prompt, b, a = rows[1].lost
        as_given = self._shown(rows[0], probabilities[0], rows[0].lost)
        return self._named(mean), as_given, self._shown(rows[1], probabilities[1], (prompt, a, b))

    def _shown(self, row: Encoded, probabilities: NDArray[np.float64], lost: tuple[int, int, int]) -> Shown:
        return Shown(
            probabilities=self._named(probabilities),
            tokens=len(row.ids),
            whole_tokens=row.full_length,
            lost=dict(zip(PARTS, map(int, lost), strict=True)),
        )

    def _named(self, probabilities: NDArray[np.float64]) -> dict[str, float]:
        return dict(zip(self._outcomes.winners, probabilities.tolist(), strict=True))


if __name__ == "__main__":
    end_once()
    sys.exit(main(sys.argv[1:]))
