"""The outcomes that a comparison can have, declared once: two or three, what they and their columns are called."""

import math
from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeVar

from msgspec import Struct


class Table(Protocol):
    """An array of numpy or a tensor of torch, neither of which is imported here."""

    def __getitem__(self, place: Any, /) -> Any: ...

    def __add__(self, other: Any, /) -> Any: ...


Logits = TypeVar("Logits", bound=Table)
OutcomesName = Literal["a-b-tie", "a-b"]
OutcomesSetting = Literal["auto", OutcomesName]
A_WINS, B_WINS, TIE = range(3)
"""The label of each outcome; it is the same where there are two."""


class Outcomes(Struct, frozen=True):
    """Each tuple is in the order of the labels: of a classifier's logits, of columns, of what is shown."""

    name: OutcomesName
    number: str
    """Of the outcomes, in words."""
    labels: tuple[str, ...]
    initials: tuple[str, ...]
    logits: tuple[str, ...]
    """Columns of tables that hold a row's logits."""
    winners: tuple[str, ...]
    """Columns of the competition's files that hold who won, or the probability that they do."""
    swap: tuple[int, ...]
    """The label of each outcome once A and B have changed places; twice is back again."""
    even: str
    """What a uniform guess gives to each, in words."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def of_one_answer(self) -> tuple[str, ...]:
        """What a classifier's outputs are called that has read one answer alone; see `joined`."""
        return ("it wins", "it loses", "tie")[: len(self)]

    @property
    def has_ties(self) -> bool:
        return len(self) > TIE

    @property
    def swapped_logits(self) -> tuple[str, ...]:
        """Columns of those of the copy of a row with A and B swapped, each in the column of its own outcome."""
        return tuple(f"swapped_{column}" for column in self.logits)

    @property
    def uniform_log_loss(self) -> float:
        """Log loss of a uniform guess."""
        return math.log(len(self))

    @property
    def uniform(self) -> str:
        """What that is called."""
        return f"ln {len(self)}"

    @property
    def chance(self) -> float:
        """Accuracy of a uniform guess."""
        return 1 / len(self)

    def unswapped(self, logits: Logits) -> Logits:
        """Logits of copies with A and B swapped, shape (rows, outcomes), in the columns of their own outcomes."""
        unswapped: Logits = logits[:, list(self.swap)]
        return unswapped

    def joined(self, a: Logits, b: Logits) -> Logits:
        """The logits of comparisons of which each answer was read apart: `a` of the one, `b` of the other as if it were
        A, all (rows, outcomes). To swap A and B swaps the columns of the two, and changes nothing else.

        With (u, v, w) for an answer, the odds of A against B are exp(s_a - s_b), s = u - v: Bradley and Terry's model
        (1952). Against the geometric mean of both a tie has the odds exp(w_a + w_b - (u_a + v_a + u_b + v_b) / 2):
        Davidson's (1970), whose constant of all comparisons is learned of each here.
        """
        joined: Logits = a + self.unswapped(b)
        return joined


A_B_TIE = Outcomes(
    name="a-b-tie",
    number="three",
    labels=("A wins", "B wins", "tie"),
    initials=("A", "B", "tie"),
    logits=("logit_a", "logit_b", "logit_tie"),
    winners=("winner_model_a", "winner_model_b", "winner_tie"),
    swap=(B_WINS, A_WINS, TIE),
    even="a third",
)
A_B = Outcomes(
    name="a-b",
    number="two",
    labels=A_B_TIE.labels[:TIE],
    initials=A_B_TIE.initials[:TIE],
    logits=A_B_TIE.logits[:TIE],
    winners=A_B_TIE.winners[:TIE],
    swap=(B_WINS, A_WINS),
    even="a half",
)


def outcomes_of(name: OutcomesSetting) -> Outcomes:
    """Those of this name; for "auto" three, as long as no rows have told."""
    return A_B if name == "a-b" else A_B_TIE


def difference(runs: Sequence[tuple[str, Outcomes]]) -> str:
    """How runs, by name, differ in their outcomes, in words; "" where they do not."""
    first, known = runs[0]
    other = next(((name, outcomes) for name, outcomes in runs if outcomes != known), None)
    return f"{first} has {known.number} outcomes and {other[0]} has {other[1].number}" if other else ""
