"""The labelled rows of a file, without what it was taken for."""

from core.data import rows
from core.data.example import Example
from core.profile.data_settings import Data


def read_examples(source: str, data: Data) -> list[Example]:
    return rows.read_examples(source, data, "auto")[0]
