"""One comparison, and the names of what it is made of. Knows no file."""

from msgspec import Struct

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
