"""Soft labels: rows with the probabilities that runs have given them, as a file to train another run on."""

from collections.abc import Sequence
from pathlib import Path

from core.data.example import PARTS, Example
from core.data.formats import PROBABILITIES, TRAINED_ON
from core.files import written
from core.protocol import as_line

SUFFIX = ".jsonl"


def write_soft_labels(
    path: Path, examples: Sequence[Example], probabilities: Sequence[Sequence[float]], runs: Sequence[Path]
) -> None:
    """A JSON object a line: id, the turns of prompt and answers, a probability for each outcome, which sum to 1, and
    whether one of the `runs` was trained on the row, unless one does not tell. Nothing else of the rows, least of all
    who won. `probabilities` are (rows, outcomes). Raises OSError."""
    from core.data.seen import trained_on  # numpy, which the console does without

    seen = trained_on(runs, examples)
    with written(path) as file:
        for number, (example, given) in enumerate(zip(examples, probabilities, strict=True)):
            parts = zip(PARTS, (example.prompt, example.response_a, example.response_b), strict=True)
            known = {} if seen is None else {TRAINED_ON: bool(seen[number])}
            named = dict(zip(PROBABILITIES, given, strict=False))
            file.write(as_line({"id": example.id, **dict(parts), **named, **known}))
