"""Reads a JSON file to which anything may have happened since it was written: one error for all that can be wrong."""

from pathlib import Path
from typing import TypeVar

import msgspec

from core.runs.access import read_whole

Content = TypeVar("Content")

UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are no such value: cut short, of other types, no UTF-8, nested without end."""


class Damaged(Exception):
    """A file that does not hold what is written there."""

    def __init__(self, path: Path, why: object) -> None:
        super().__init__(f"{path} is damaged: {why}")
        self.why = str(why)


def read_json(path: Path, type: type[Content]) -> Content:
    """The value in the file. Raises OSError and Damaged."""
    try:
        return msgspec.json.decode(read_whole(path), type=type)
    except UNDECODABLE as error:
        raise Damaged(path, error) from None
