"""One comparison, the names of what it is made of, and the error of bad data."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from core.data.labels import Probabilities, SoftLabels, Weights, swapped_probabilities
from core.files import in_words
from core.outcomes import A_B_TIE, OutcomesName, outcomes_of

if TYPE_CHECKING:
    import pyarrow

PARTS = ("prompt", "response_a", "response_b")
MODELS = ("model_a", "model_b")
UNLABELLED = -1


MOST_OF_AN_ID = 200
"""Characters; a UUID has 36."""
Id = int | str
"""A whole number of 64 bits, or a text; both are written again as they were."""


def id_column(ids: Iterable[Id]) -> "pyarrow.Array":
    """A column of them: numbers where all are, else texts."""
    import pyarrow

    ids = list(ids)
    if all(isinstance(id, int) for id in ids):
        return pyarrow.array(ids, pyarrow.int64())
    return pyarrow.array(map(str, ids), pyarrow.string())


class RowsRead(Struct, frozen=True):
    """What a source was taken for: how its files are written, the format of their rows, what can come of a comparison,
    and which rows were left out or counted as others."""

    source: str
    rows: int
    """Those that are used."""
    files: str
    format: str
    """Empty where none of its rows were read."""
    how: str
    """How the format's cells are kept and its winners told."""
    left_out: int = 0
    not_drawn: int = 0
    """For the share of the source that is used."""
    outcomes: OutcomesName = A_B_TIE.name
    why: str = ""
    """So many outcomes are taken of this source alone."""
    ties_dropped: int = 0
    ties_halved: int = 0
    weights: Weights | None = None
    """Of the rows that are used; None where the profile names none."""
    soft_labels: SoftLabels | None = None
    """Of the rows that are used; None unless data.soft_labels asks for them."""

    def __str__(self) -> str:
        if not self.format:
            return f"{self.files}, not read: data.limit was reached before it"
        return f"{self.files}, read as {self.format} ({self.how}){self.dropped}{self.in_training}"

    @property
    def dropped(self) -> str:
        told = [
            (self.left_out, "left out"),
            (self.not_drawn, "not drawn"),
            (self.ties_dropped, "ties left out"),
            (self.ties_halved, "ties counted as wins of A or of B"),
        ]
        return "".join(f", {count:,} {what}" for count, what in told if count)

    @property
    def in_training(self) -> str:
        """How rows count there: what they weigh, and their probabilities."""
        soft = self.soft_labels and self.soft_labels.told(outcomes_of(self.outcomes))
        return "".join(f"; {told}" for told in (self.weights, soft) if told)


class Settled(Struct, frozen=True):
    """How many outcomes the rows of all sources have, and why."""

    outcomes: OutcomesName
    why: str

    def __str__(self) -> str:
        return f"{outcomes_of(self.outcomes).number} outcomes: {self.why}"


def settled(read: Sequence[RowsRead]) -> Settled:
    """Three where one of the sources has three."""
    known = [one for one in read if one.format]
    first = next((one for one in known if one.outcomes == A_B_TIE.name), known[0])
    of = f", of {first.source}" if len(read) > 1 and first.outcomes == A_B_TIE.name else ""
    return Settled(first.outcomes, f"{first.why}{of}")


class Example(Struct, frozen=True):
    """One comparison. Each part is its turns in order; null turns are empty strings.

    `label` is that of an outcome, or UNLABELLED in rows to predict. `index` counts the rows that are read from 0.
    """

    index: int
    id: Id
    prompt: tuple[str, ...]
    response_a: tuple[str, ...]
    response_b: tuple[str, ...]
    label: int
    weight: float = 1.0
    """In training: of all rows trained on the mean is 1."""
    probabilities: Probabilities | None = None
    """Of the outcomes, to be trained on in place of the label."""
    taught: Probabilities | None = None
    """What teachers say, to be trained towards beside the label; None where none tells of the row."""

    @property
    def is_plain(self) -> bool:
        """Whether it counts in training as its label alone says."""
        return self.weight == 1 and self.probabilities is None

    @property
    def lesson(self) -> list[float]:
        """Its weight times what teachers say of each of three outcomes; 0 where none tells of it."""
        return [self.weight * probability for probability in self.taught or (0.0, 0.0, 0.0)]

    @property
    def target(self) -> list[float]:
        """Its weight times the probability of each of three outcomes."""
        probabilities = self.probabilities or [float(self.label == label) for label in range(len(A_B_TIE))]
        return [self.weight * probability for probability in probabilities]


def swapped(example: Example) -> Example:
    """The same comparison with A and B swapped; its label and all probabilities go with them."""
    label = example.label if example.label == UNLABELLED else A_B_TIE.swap[example.label]
    probabilities = example.probabilities and swapped_probabilities(example.probabilities)
    return replace(
        example,
        response_a=example.response_b,
        response_b=example.response_a,
        label=label,
        probabilities=probabilities,
        taught=example.taught and swapped_probabilities(example.taught),
    )


MOST_OF_A_CELL = 80
MOST_OF_COLUMNS = 200
MOST_OF_A_REASON = 300


class DataError(Exception):
    """Data that cannot be used. The message names file, place, what was found and what is needed.

    It may hold what stands in a file: what a terminal would obey, and what cannot be encoded, is escaped in it.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message))


def place(source: Path | str, line: int | None = None, *, id: object = None, column: str | None = None) -> str:
    """Where something was found, as `file, line 7, id 42, column prompt`; what is not known is left out."""
    parts = [str(source)]
    if line is not None:
        parts.append(f"line {line}")
    if id is not None:
        parts.append(f"id {id}")
    if column is not None:
        parts.append(f"column {column}")
    return ", ".join(parts)


def shown(cell: object) -> str:
    """A cell as a message shows it."""
    return _start(repr(cell), MOST_OF_A_CELL)


def named(columns: Iterable[object]) -> str:
    """Columns as a message lists them."""
    return _start(", ".join(map(str, columns)), MOST_OF_COLUMNS)


def reason(error: BaseException) -> str:
    """What a library says, as a message quotes it: its first line."""
    return _start(next(iter(in_words(error).strip().splitlines()), type(error).__name__), MOST_OF_A_REASON)


def _start(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


class Frame(Struct, frozen=True):
    """Token ids that are put around what is kept of a row, BOS and EOS, and where some of it is missing."""

    begin: list[int]
    end: list[int]
    mark: list[int]

    @property
    def specials(self) -> int:
        """Tokens of BOS and EOS, as far as the tokenizer has them."""
        return len(self.begin) + len(self.end)


Turns = Sequence[str | None]
