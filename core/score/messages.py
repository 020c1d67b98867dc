"""What a prediction and its workers say to each other: one JSON object a line. Imports nothing heavy.

A worker is sent batches, each a list of token ids by row, and answers each with an Answer or NoRoom.
"""

import msgspec
from msgspec import Struct

from core.runs.events import Device, EngineName


class Message(Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower):
    """What workers say."""


class Ready(Message, frozen=True, kw_only=True):
    """The model is there."""

    device: Device
    precision: str
    engine: EngineName
    note: str = ""
    """What else is to be said of the model."""


class Answer(Message, frozen=True, kw_only=True):
    """Logits (rows, 3), None where one is no finite number; memory in bytes, as core.train.device tells it."""

    logits: list[list[float | None]]
    memory: tuple[int, int, int]
    most_tokens: int
    """What is computed at once from here on, padding counted: less once memory has run out."""


class NoRoom(Message, frozen=True, kw_only=True):
    """A row of the batch, by its number there, does not fit in memory even by itself, and why."""

    row: int
    why: str


class Trouble(Message, frozen=True, kw_only=True):
    """The worker ends, and why."""

    cause: str
    advice: str
    exit_code: int


AnyMessage = Ready | Answer | NoRoom | Trouble

encode = msgspec.json.Encoder().encode
decode_message = msgspec.json.Decoder(AnyMessage).decode
decode_batch = msgspec.json.Decoder(list[list[int]]).decode
