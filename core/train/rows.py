"""The rows of a run in tokens: those to train on, those to evaluate, and their copies with A and B swapped."""

from pathlib import Path
from typing import Any

from msgspec import Struct

from core.data.apart import as_one, read_as
from core.data.chat import template_of
from core.data.example import Example, swapped
from core.data.tokenizer import PromptTokenizer
from core.data.tokens import Encoded, encode_all, rows_digest
from core.profile.settings import Profile
from core.runs.figures import RowsDigest
from core.runs.record import Record
from core.train.attempt import Attempt
from core.train.results import prior_log_loss


class RunRows(Struct, frozen=True):
    """All rows of a run in tokens: those to train on, those to evaluate, and copies of these with A and B swapped."""

    train: list[Encoded]
    train_swapped: list[Encoded]
    """The same with A and B swapped, where a step may show them so or reads each answer apart; else none."""
    evaluation: list[Encoded]
    """The longest first."""
    swapped: list[Encoded]
    """In the same order; none unless `eval.swap` asks for them, or each answer is read apart."""
    digest_train: RowsDigest
    digest_eval: RowsDigest
    prior_log_loss: float | None
    """On the evaluation rows, of always answering the class shares of the training rows; None without such rows."""
    reads_apart: bool

    @property
    def every(self) -> list[Encoded]:
        return [*self.train, *self.train_swapped, *self.evaluation, *self.swapped]

    def tokens(self, profile: Profile) -> int:
        """Those that an epoch trains on; where orders are drawn, those of the rows as they are written."""
        shown = [*self.train, *self.train_swapped] if profile.views == 2 else self.train
        return sum(len(row.ids) for row in shown)

    @property
    def train_cut(self) -> int:
        """Rows to train on of which something is cut, as they are written or, read apart, in either sequence."""
        also = self.train_swapped if self.reads_apart else self.train
        return sum(row.is_cut or other.is_cut for row, other in zip(self.train, also, strict=True))

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return max(len(row.ids) for row in self.every)

    @property
    def evaluated(self) -> list[dict[str, Any]]:
        """The features of what an evaluation computes: of each row, or of both its sequences, one after the other."""
        if not self.reads_apart:
            return [row.features for row in self.evaluation]
        return [row.features for pair in zip(self.evaluation, self.swapped, strict=True) for row in pair]

    @property
    def evaluation_in_full(self) -> list[Encoded]:
        """The evaluation rows by all of their tokens."""
        if not self.reads_apart:
            return self.evaluation
        return [as_one(a, b) for a, b in zip(self.evaluation, self.swapped, strict=True)]


def encode_rows(
    profile: Profile,
    train_rows: list[Example],
    eval_rows: list[Example],
    tokenizer_files: Path,
    attempt: Attempt,
    record: Record,
) -> RunRows:
    """Raises DataError where a resumed run had others, SettingError where the limit leaves no room for text."""
    tokenizer = PromptTokenizer(tokenizer_files)
    template = template_of(profile, tokenizer)
    record.begin("tokenizing", f"text: {template.made(*tokenizer.around)}")
    train_set = encode_all(train_rows, tokenizer, template, profile, record, "training rows")
    train_swapped = []
    if profile.reads_apart or profile.train.swap in ("random", "paired"):
        copies = [swapped(row) for row in train_rows]
        train_swapped = encode_all(copies, tokenizer, template, profile, record, "training rows, A and B swapped")
    eval_set = encode_all(eval_rows, tokenizer, template, profile, record, "evaluation rows")
    eval_swapped = []
    if profile.reads_apart or profile.eval.swap:
        copies = [swapped(row) for row in eval_rows]
        eval_swapped = encode_all(copies, tokenizer, template, profile, record, "evaluation rows, A and B swapped")
    # Rows of like length share a batch, which saves padding; the longest come first, so memory fails early.
    order = sorted(range(len(eval_set)), key=lambda row: len(eval_set[row].ids), reverse=True)
    labels = [row.label for row in eval_rows]
    rows = RunRows(
        train=train_set,
        train_swapped=train_swapped,
        evaluation=[eval_set[row] for row in order],
        swapped=[eval_swapped[row] for row in order] if eval_swapped else [],
        digest_train=rows_digest(read_as(train_set, train_swapped, profile)),
        digest_eval=rows_digest(read_as(eval_set, eval_swapped, profile)),
        prior_log_loss=prior_log_loss([row.label for row in train_rows], labels) if labels else None,
        reads_apart=profile.reads_apart,
    )
    has_own_eval = profile.data.eval is not None
    attempt.demand_same_rows(
        len(train_set), rows.tokens(profile), rows.digest_train, rows.digest_eval, has_own_eval=has_own_eval
    )
    return rows
