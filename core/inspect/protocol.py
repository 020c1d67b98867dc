"""How far an inspection is: what its child prints, one JSON object a line. Imports nothing heavy."""

from msgspec import Struct

from core.data.example import Frame, RowsRead
from core.data.template import TextMade
from core.protocol import command

INSPECT = command("core.inspect")
RECIPE = "--recipe"
"""In place of a profile: the recipe's settings."""
WAIT = "--wait"
"""Get ready, and wait to be told on stdin what to inspect."""


class Progress(Struct, frozen=True, kw_only=True):
    """`rows` rows of about `rows_total` have been read. Files that are there for the reader are named, others None."""

    rows: int = 0
    rows_total: int | None = None
    read: list[RowsRead] = []
    """What each source was taken for, that of data.eval last: by the first rows, and by all of them."""
    text: TextMade | None = None
    """How the text of the rows is made; known at the end."""
    sample: str | None = None
    """A Parquet file with the first rows."""
    whole: str | None = None
    """The Parquet file with all rows. The inspection is complete."""
    pieces: str | None = None
    """A Parquet file with the bytes that each token writes."""
    frame: Frame | None = None
    """BOS, EOS and the profile's ellipsis in tokens; there with the first rows and with all."""
    doing: str = ""
    """What the rows wait for, where that takes its time."""
    problem: str | None = None
    """Why there is no inspection."""
