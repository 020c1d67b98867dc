"""Figures in the files of a run, each within its bounds: what lies out of them is none. Digests of its rows, what an
evaluation gained, and what a rank did."""

from typing import Annotated

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=0, le=2**53)]
"""No larger than what is counted can be, and a float can hold."""
Time = Annotated[float, Meta(ge=0, le=2**37)]
"""Seconds since 1970, up to a year that a calendar can name."""
Figure = Annotated[float, Meta(ge=-1e39, le=1e39)]
"""No larger than float32 can be: sums and squares of it are finite."""
Amount = Annotated[float, Meta(ge=0, le=1e39)]
Share = Annotated[float, Meta(ge=0, le=1)]
ExitCode = Annotated[int, Meta(ge=0, le=255)]


class RowsDigest(Struct, frozen=True, kw_only=True):
    """What tells rows in their order from others: digests of their ids, their labels and their token ids, in hex."""

    ids: str
    labels: str
    tokens: str

    def other_parts(self, other: "RowsDigest") -> list[str]:
        """In what the two differ."""
        return [part for part in self.__struct_fields__ if getattr(self, part) != getattr(other, part)]


class Gain(Struct, frozen=True, kw_only=True):
    """How much lower the log loss of an evaluation is than at the step `since`, the last that gained on the one before
    it; `margin` is half of the difference's 95 % interval."""

    since: Count
    lower: Figure
    margin: Amount
    without: Count
    """Evaluations after `since` that have gained nothing, this one included; 0 where it has gained."""


class RankReading(Struct, frozen=True, kw_only=True):
    """What one of several ranks did since the last logged point. Memory is in bytes, as in Step."""

    tokens_per_second: Amount
    """Of its own share of the tokens."""
    waited: Share
    """The part of the time that it waited for the slowest rank and for the exchange of gradients."""
    memory_allocated: Count
    memory_reserved: Count
    memory_peak: Count
