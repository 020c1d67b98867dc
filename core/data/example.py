"""One comparison, and the names of what it is made of. Knows no file."""

from msgspec import Struct
from msgspec.structs import replace

PARTS = ("prompt", "response_a", "response_b")
MODELS = ("model_a", "model_b")
LABELS = ("A wins", "B wins", "tie")
UNLABELLED = -1


class Example(Struct, frozen=True):
    """One comparison. Each part is its turns in order; null turns are empty strings.

    `label` is an index into LABELS, or UNLABELLED in rows to predict. `index` counts the rows of the file from 0.
    """

    index: int
    id: int
    prompt: tuple[str, ...]
    response_a: tuple[str, ...]
    response_b: tuple[str, ...]
    label: int


SWAPPED = [1, 0, 2]
"""Label, or column of logits, of each outcome once A and B have changed places; twice is back again."""


def swapped(example: Example) -> Example:
    """The same comparison with A and B exchanged; its label goes with them."""
    label = example.label if example.label == UNLABELLED else SWAPPED[example.label]
    return replace(example, response_a=example.response_b, response_b=example.response_a, label=label)
