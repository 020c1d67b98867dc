"""The labelled rows of a file, without what it was taken for."""

from core.data.example import Example
from core.data.sources import Sources
from core.profile.data_settings import Data


def read_examples(source: str, data: Data) -> list[Example]:
    return [example for example, _ in Sources([source], data, "auto")]
