"""The figures that files of a run hold, each within its bounds: what lies out of them is no such figure."""

from typing import Annotated

from msgspec import Meta

Count = Annotated[int, Meta(ge=0, le=2**53)]
"""No larger than what is counted can be, and a float can hold."""
Time = Annotated[float, Meta(ge=0, le=2**37)]
"""Seconds since 1970, up to a year that a calendar can name."""
Figure = Annotated[float, Meta(ge=-1e39, le=1e39)]
"""No larger than float32 can be: sums and squares of it are finite."""
Amount = Annotated[float, Meta(ge=0, le=1e39)]
Share = Annotated[float, Meta(ge=0, le=1)]
ExitCode = Annotated[int, Meta(ge=0, le=255)]
