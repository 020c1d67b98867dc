"""What a report says: plain figures, as the child writes them and every view reads them. Imports nothing heavy.

Log losses are scikit-learn's, in nats; intervals are 95 %. Figures that some rows are needed for are None or empty
where there are none.
"""

from msgspec import Struct

from core.data.example import Id
from core.outcomes import OutcomesName
from core.report.rated import Ratings, Strengths


class Interval(Struct, frozen=True):
    """A mean with its percentile bootstrap interval; low and high are None for a single row or prompt."""

    value: float
    low: float | None
    high: float | None


class Reference(Struct, frozen=True):
    """A log loss to set beside the run's."""

    name: str
    log_loss: float
    what: str
    """What it is the log loss of, exactly."""


class Group(Struct, frozen=True, kw_only=True):
    """Some of the rows. `kind` is what they are grouped by."""

    kind: str
    name: str
    rows: int
    log_loss: float
    margin: float | None
    """Half the width of the normal interval of the log loss; None for a single row or prompt."""
    accuracy: float


class Bin(Struct, frozen=True):
    """The rows whose outcome in question has a probability of more than `low` and at most `high`."""

    low: float
    high: float
    rows: int
    confidence: float
    accuracy: float


class Calibration(Struct, frozen=True):
    """Expected calibration error, of the most probable outcome (Guo et al. 2017, section 2) or of one outcome (Kull et
    al. 2019, classwise): the mean of |accuracy - confidence| over `bins` equal bins of the probability, weighted by
    rows. Empty bins are not listed."""

    error: float
    by_chance: float
    """What it would come to on average if each outcome occurred exactly as often as its probability says: so many rows
    in so many bins never agree exactly."""
    bins: int
    filled: list[Bin]


class ClassFigures(Struct, frozen=True, kw_only=True):
    """One outcome, as it was and as it was predicted. Recall is None where no row has it, precision where none is
    predicted to."""

    name: str
    rows: int
    predicted: int
    mean_probability: float
    """What the model gives it, over all rows."""
    log_loss: float | None
    recall: float | None
    precision: float | None
    calibration: Calibration
    """Of its probability, in all rows."""


class LengthBin(Struct, frozen=True, kw_only=True):
    """Rows with a human winner, by how much longer A is than B, in characters.

    `humans` is the share that A won, `model` the mean share of A in what the model gives to A and B: in a calibrated
    model they are the same."""

    name: str
    rows: int
    humans: float
    model: float


class LengthBias(Struct, frozen=True, kw_only=True):
    """How often the longer answer wins, among rows with a human winner whose answers differ in characters."""

    rows: int
    humans: float
    model: float
    """The mean share of the longer answer in what the model gives to both: `humans` in a calibrated model."""
    picked: float
    """The share of them in which the model gives it more than the shorter one, which in a calibrated model may be far
    more: if it gave 60 % in each, it would pick the longer one in all. Equal ones count a half."""
    bins: list[LengthBin]


class PositionBias(Struct, frozen=True, kw_only=True):
    """What becomes of the predictions when A and B change places."""

    flip_rate: Interval
    """The share of rows whose most probable outcome becomes another one."""
    first: Interval
    """What an answer's probability of winning gains by standing first, on average."""
    swapped: Interval
    """Log loss of the swapped copies alone."""
    averaged: Interval
    """Log loss of the mean of both probabilities, by id."""
    averaged_accuracy: float
    gain: Interval
    """Averaged less plain, row by row."""


class ListedRow(Struct, frozen=True, kw_only=True):
    """One row. `number` is its place in the report's file of rows; None where its text is not known."""

    id: Id
    label: int
    probabilities: tuple[float, ...]
    """Of each outcome."""
    swapped: tuple[float, ...] | None
    """Of the swapped copy, columns changed back."""
    loss: float
    tokens: int
    lost: tuple[int, int, int]
    number: int | None = None
    models: tuple[str, str] | None = None
    remark: str = ""


class Lists(Struct, frozen=True, kw_only=True):
    """Rows to look at. `mislabelled` are first those whose text contradicts their label, then those of which the model
    is certain that they are something else; it may be the one that is wrong."""

    worst: list[ListedRow]
    best: list[ListedRow]
    random: list[ListedRow]
    mislabelled: list[ListedRow]
    gained: list[ListedRow] = []
    """Against another run: right here, wrong there."""
    lost: list[ListedRow] = []
    """Wrong here, right there."""

    def by_name(self) -> dict[str, list[ListedRow]]:
        """The lists that there are, by the names that people read."""
        named = {
            "worst": self.worst,
            "best": self.best,
            "random": self.random,
            "likely mislabelled": self.mislabelled,
            "right here only": self.gained,
            "right there only": self.lost,
        }
        return {name: rows for name, rows in named.items() if rows}


class Against(Struct, frozen=True, kw_only=True):
    """This run less another, on the rows that both evaluated."""

    run: str
    rows: int
    only_here: int
    only_there: int
    difference: Interval
    """Log loss of this run less the other's: negative is better."""
    log_loss: float
    other_log_loss: float
    accuracy: float
    other_accuracy: float
    gained: int
    """Rows that are right here and wrong there."""
    lost: int


class Report(Struct, frozen=True, kw_only=True):
    run: str
    outcomes: OutcomesName
    rows: int
    log_loss: Interval
    prompts: int | None
    """How many different prompts the rows have, where some share one: intervals are by prompt then. None where all
    differ, or are not known."""
    accuracy: float
    references: list[Reference]
    classes: list[ClassFigures]
    confusion: list[list[int]]
    """Rows by outcome (down) and most probable outcome (across), in the order of `classes`."""
    calibration: Calibration
    groups: list[Group]
    models: Strengths | None
    pairs: Ratings | None
    length_bias: LengthBias | None
    position_bias: PositionBias | None
    lists: Lists
    mislabelled: int
    """How many rows are likely mislabelled; the list may be shorter."""
    mislabelled_by_chance: float
    """How many would be, on average, if every label were right and the model's probabilities true."""
    against: Against | None
    cautions: list[str]
    """What keeps the figures from being the whole truth."""
