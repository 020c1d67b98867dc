"""The error that bad data ends in."""

from pathlib import Path


class DataError(Exception):
    """Data that cannot be used. The message names file, place, what was found and what is needed."""


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
