"""What is to be predicted, with which runs: request.json. Imports nothing heavy: the console makes it."""

import math
import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from core.outcomes import Outcomes, difference
from core.profile.data_settings import Data, DataFormat
from core.profile.files import expanded
from core.profile.settings import Profile
from core.profile.token_settings import Truncation
from core.runs.access import demand_plain
from core.runs.checkpoints import checkpoints
from core.runs.folder import RunFolder
from core.runs.settled import read_outcomes, read_settled

BATCH_TOKENS = 8192
"""Four rows of 2,048 tokens, which a card of 16 GB holds beside Gemma-2 9B in NF4."""
DEMO = "demo"
ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"


class CannotPredict(Exception):
    """The message says why, and the way out."""


class Member(Struct, frozen=True):
    """One of the runs whose probabilities are averaged: its folder, its adapter, and its share of the average."""

    run: str
    adapter: str
    weight: float

    def read_profile(self) -> Profile:
        """The settings that the run was trained with. Raises ProfileError, and OSError."""
        return read_settled(RunFolder(Path(self.run)))


class Request(Struct, frozen=True, kw_only=True):
    """All paths are absolute. The limit and the strategy replace those of the runs where they are not None."""

    members: list[Member]
    test: str
    format: DataFormat | None = None
    """Of `test`; None where its rows are as those that the first run was trained on."""
    max_length: int | None = None
    truncation: Truncation | None = None
    swap: bool = False
    merge: bool = False
    rules: bool = False
    batch_tokens: int = BATCH_TOKENS
    gpus: list[str] = []
    """The cards to use, as nvidia-smi numbers them; the first visible one where there are none."""
    workers: int = 1
    """Processes where no cards are named."""
    output: str | None = None
    """Where the submission is written besides the prediction's own folder."""
    soft_labels: str | None = None
    """Where the rows are written with their probabilities, to be trained on."""
    sample: str | None = None
    """A submission whose columns are wanted; None for those that fit the outcomes."""

    def read_outcomes(self) -> Outcomes:
        """Those of the runs, which have the same. Raises OSError."""
        return read_outcomes(RunFolder(Path(self.members[0].run)))

    def read_data(self) -> Data:
        """How `test` is to be read. Raises ProfileError."""
        if self.test == DEMO or self.format:
            return Data(format=self.format or "auto")
        return replace(self.members[0].read_profile().data, limit=None)

    def profile_of(self, member: Member) -> Profile:
        """The member's settings with this request's limit and strategy. Raises ProfileError."""
        profile = member.read_profile()
        tokens = replace(
            profile.tokens,
            max_length=self.max_length or profile.tokens.max_length,
            truncation=self.truncation or profile.tokens.truncation,
        )
        return replace(profile, tokens=tokens)

    def asks_the_same(self, other: "Request") -> bool:
        """Whether logits computed for one of them are those of the other: it does not matter how they are computed,
        nor what is made of them."""
        return self._question() == other._question()

    def answers_the_same(self, other: "Request") -> bool:
        """Whether the answer to one of them is the answer to the other."""
        return self._answer() == other._answer()

    def _answer(self) -> "Request":
        return replace(self, batch_tokens=0, gpus=[], workers=1, output=None)

    def _question(self) -> "Request":
        members = [replace(member, weight=1.0) for member in self.members]
        return replace(self._answer(), members=members, rules=False, sample=None, soft_labels=None)


def find_rows(test: str) -> str:
    """The absolute path of a file of rows; the demo's keep their name. Raises CannotPredict where there is none."""
    path = Path(expanded(test)).absolute()
    if test == DEMO:
        return test
    if not path.is_file():
        raise CannotPredict(f"{test}: no such file")
    return str(path)


def find_output(output: str, test: str) -> str:
    """The absolute path that a submission is to be written to. Raises CannotPredict where that cannot go well, which
    would be told only after hours, and where it would replace the rows themselves."""
    path = Path(expanded(output)).absolute()
    if path.is_dir():
        raise CannotPredict(f"{output} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise CannotPredict(f"{output}: there is no such folder")
    if not os.access(path.parent, os.W_OK):
        raise CannotPredict(f"{output}: its folder cannot be written to")
    if path.resolve() == Path(test).resolve():
        raise CannotPredict(f"{output} holds the rows; the submission needs another name")
    return str(path)


def choose_members(
    runs: Sequence[RunFolder], weights: Sequence[float] | None = None, checkpoint: int | None = None
) -> list[Member]:
    """The members of an average, their weights made to sum to 1: equal ones where none are given.

    Raises CannotPredict where a run has no adapter, or not this checkpoint, where the weights make no sense, and where
    the runs have not the same outcomes.
    """
    weights = weights or [1.0] * len(runs)
    if len(weights) != len(runs):
        raise CannotPredict(f"{len(weights)} weights for {len(runs)} runs; each needs one")
    if not (all(weight > 0 for weight in weights) and math.isfinite(sum(weights))):
        raise CannotPredict("weights are numbers above 0, and so is their sum")
    if len({run.path.resolve() for run in runs}) < len(runs):
        raise CannotPredict("a run is given twice; --weights gives it more weight")
    members = [
        Member(str(run.path), str(_adapter(run, checkpoint)), weight / sum(weights))
        for run, weight in zip(runs, weights, strict=True)
    ]
    if unlike := difference([(run.id, read_outcomes(run)) for run in runs]):
        raise CannotPredict(f"{unlike}: they cannot be averaged")
    return members


def _adapter(run: RunFolder, checkpoint: int | None) -> Path:
    kept = checkpoints(run.checkpoints)
    known = ", ".join(str(one.step) for one in kept)
    if checkpoint is None:
        way_out = f"; --checkpoint takes one of its checkpoints: {known}" if kept else ""
        if not (run.adapter / ADAPTER_CONFIG).exists():
            raise CannotPredict(f"{run.id} has no adapter: it has not finished{way_out}")
        if not (run.adapter / ADAPTER_WEIGHTS).exists():
            raise CannotPredict(f"{run.id}: there is no {ADAPTER_WEIGHTS} in its adapter{way_out}")
        try:
            demand_plain(run.adapter)
        except OSError as error:
            raise CannotPredict(f"{error.filename}: {error.strerror}") from None
        return run.adapter
    for one in kept:
        if one.step == checkpoint:
            if one.problem:
                raise CannotPredict(f"{run.id}: {one.problem}")
            return one.path
    raise CannotPredict(f"{run.id} has no checkpoint of step {checkpoint}; it has {known or 'none'}")
