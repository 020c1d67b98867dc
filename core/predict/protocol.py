"""What the workers of a prediction, exports and checks are asked and answer. Imports nothing heavy."""

import msgspec
from msgspec import Struct

from core.profile.train_settings import EngineName
from core.protocol import command
from core.runs.events import Device

PREDICT = command("core.predict")
"""Ends with the folder of the prediction, and answers in its record."""
WORKER = command("core.predict.worker")
"""Is sent batches on stdin, each the token ids of its rows, and answers each with a message."""


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
    """Logits (rows, outcomes), None where one is no finite number; memory in bytes, as core.engine.device tells it."""

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

decode_message = msgspec.json.Decoder(AnyMessage).decode
decode_batch = msgspec.json.Decoder(list[list[int]]).decode

JUDGE = command("core.predict.judge")
"""Followed by the run's folder and that of its adapter. Is sent comparisons on stdin, a JSON object a line, and says
Said: first that the model is there, then a verdict for each line, in their order."""
WITH_LENGTHS = "--lengths"
"""May stand behind: each verdict then says what the lengths alone would, as the run's training rows have it."""


class Shown(Struct, frozen=True, kw_only=True):
    """A comparison in one of the two orders: what came of it, and what the model was shown of it."""

    probabilities: dict[str, float]
    """By outcome, A being the first answer of the line in both orders."""
    tokens: int
    """Those that are shown, BOS and EOS included."""
    whole_tokens: int
    """The same before the cut."""
    lost: dict[str, int]
    """Tokens that are cut, by part: prompt, response_a, response_b; A as before."""


class Verdict(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What comes of a line, which is counted from 1: probabilities by outcome, or why there are none."""

    line: int
    id: int | str | None = None
    """As the line has it."""
    probabilities: dict[str, float] | None = None
    """The mean of both orders; of a model that reads each answer apart, which knows no order, its verdict."""
    as_given: Shown | None = None
    """Where each answer is read apart, of both sequences together."""
    swapped: Shown | None = None
    """None where each answer is read apart."""
    lengths: dict[str, float] | None = None
    """What the lengths alone say, where that was asked for."""
    error: str | None = None


class Said(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of these."""

    ready: Ready | None = None
    verdict: Verdict | None = None
    problem: str | None = None
    """Why it ends."""


CHECK = command("core.predict.submission")


class Check(Struct, frozen=True, kw_only=True):
    """No problems mean that the file can be handed in."""

    file: str
    rows: int = 0
    expected_rows: int = 0
    problems: list[str] = []
    unreadable: str | None = None
    """Why one of the two files could not be read."""


EXPORT = command("core.predict.export")


class Exported(Struct, frozen=True, kw_only=True):
    folder: str | None = None
    """The merged checkpoint, where one was asked for."""
    url: str | None = None
    """Where it was pushed to."""
    kaggle: str | None = None
    """The data set for Kaggle, where one was asked for."""
    problem: str | None = None
