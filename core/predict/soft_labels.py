"""Soft labels: rows with the probabilities that runs have given them, as a file to train another run on."""

from collections.abc import Sequence
from pathlib import Path

from core.data.example import PARTS, Example
from core.data.formats import PROBABILITIES
from core.files import written
from core.protocol import as_line

SUFFIX = ".jsonl"


def write_soft_labels(path: Path, examples: Sequence[Example], probabilities: Sequence[Sequence[float]]) -> None:
    """A JSON object a line: id, the turns of prompt and answers, and a probability for each outcome, which sum to 1.
    Nothing else of the rows, least of all who won. `probabilities` are (rows, outcomes). Raises OSError."""
    with written(path) as file:
        for example, given in zip(examples, probabilities, strict=True):
            parts = zip(PARTS, (example.prompt, example.response_a, example.response_b), strict=True)
            file.write(as_line({"id": example.id, **dict(parts), **dict(zip(PROBABILITIES, given, strict=False))}))
