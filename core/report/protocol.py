"""What the children of a report answer: how far it is, and what is to be scored for it. Imports nothing heavy."""

from msgspec import Struct

from core.data.example import Frame
from core.protocol import command
from core.report.report import Interval

REPORT = command("core.report")


class Progress(Struct, frozen=True, kw_only=True):
    """`doing` is a few words. `report` is the file of the complete report, `problem` why there is none."""

    doing: str = ""
    report: str | None = None
    rows: str | None = None
    """A file with the rows that the report lists, as an inspection keeps them; None where they cannot be had."""
    pieces: str | None = None
    frame: Frame | None = None
    problem: str | None = None


SWAP = command("core.report.swap")


class Swap(Struct, frozen=True, kw_only=True):
    """What there is to do before a report can tell of both orders."""

    rows: str | None = None
    """A file with the rows to score, A and B exchanged; None where both orders are scored."""
    problem: str | None = None


OUT_OF_FOLD = command("core.report.out_of_fold")


class OutOfFold(Struct, frozen=True, kw_only=True):
    """What the models of all folds say of the rows that each was not trained on."""

    rows: int = 0
    log_loss: Interval | None = None
    prompts: int | None = None
    """How many different ones the rows have: the interval is by prompt. None where older runs do not tell, and then
    there is no interval: by row it would be too narrow where rows share prompts."""
    accuracy: float = 0.0
    not_finite: int = 0
    """Rows left out, since their logits are no finite numbers."""
    written: list[str] = []
    """Files."""
    problem: str | None = None
    """Why there are no figures or, where there are, why a file was not written."""
