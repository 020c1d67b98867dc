"""What is averaged and how: average.json, in the folder of the run that the average is. Imports nothing heavy."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from core.predict.request import CannotPredict, choose_members
from core.profile.errors import ProfileError
from core.profile.load import changes, to_toml, written
from core.profile.settings import Lora, Profile, Run
from core.protocol import command
from core.runs.access import read_json, write_whole
from core.runs.actions import Job
from core.runs.average import ORDER, AverageKind
from core.runs.events import Finished, Started
from core.runs.folder import RunFolder, create_run
from core.runs.settled import read_settled
from core.runs.state import read_run

AVERAGE = command("core.average")
"""Ends with the folder of the new run, and answers in its record."""
SAME = frozenset({"lora.bias", "lora.freeze_layers", "model.double_quant", "model.quantization"})
"""Settings in which the runs must not differ, beside all of [tokens]."""
SAME_IF_PLAIN = frozenset({"lora.alpha", "lora.r"})


class CannotAverage(Exception):
    """The message says why, and the way out."""


class Order(Struct, frozen=True, kw_only=True):
    """`runs` are absolute paths; `rank` is that of the result."""

    runs: list[str]
    how: AverageKind
    rank: int
    is_evaluated: bool
    """Whether all were evaluated on the same rows, so that their average can be."""

    @property
    def folders(self) -> list[RunFolder]:
        return [RunFolder(Path(run)) for run in self.runs]

    @property
    def ids(self) -> list[str]:
        return [folder.id for folder in self.folders]


def read_order(folder: RunFolder) -> Order:
    """Raises OSError, and Damaged for what is no order."""
    return read_json(folder.path / ORDER, Order)


def new_average(runs: Path, members: Sequence[RunFolder], how: AverageKind, rank: int | None = None) -> Job[RunFolder]:
    """A new folder in `runs` for the average of `members`, with the settings of the first of them.

    Raises CannotAverage where they cannot be averaged, naming the difference; OSError.
    """
    order, profile = _agreed(members, how, rank)
    text = f"# arena-tui average: the {order.how} average of {', '.join(order.ids)}\n{to_toml(profile)}"
    folder = create_run(runs, profile, text=text, name=f"{members[0].name}-average")
    write_whole(folder.path / ORDER, msgspec.json.format(msgspec.json.encode(order)) + b"\n")
    return Job(folder, AVERAGE)


def _agreed(members: Sequence[RunFolder], how: AverageKind, rank: int | None) -> tuple[Order, Profile]:
    if len(members) < 2:
        raise CannotAverage("an average needs two runs or more")
    try:
        choose_members(members)
        profiles = [read_settled(member) for member in members]
    except (CannotPredict, ProfileError) as error:
        raise CannotAverage(str(error)) from None
    begun = [_begun(member) for member in members]
    for folder, profile, started in zip(members[1:], profiles[1:], begun[1:], strict=True):
        differs = _difference(profiles[0], profile, how) or _other_base(profiles[0], begun[0], profile, started)
        if not differs and sorted(begun[0].adapted) != sorted(started.adapted):
            differs = f"adapters on {', '.join(started.adapted)} instead of {', '.join(begun[0].adapted)}"
        if differs:
            raise CannotAverage(f"{folder.id} has {differs} of {members[0].id}: they cannot be averaged")
    is_evaluated = begun[0].digest_eval is not None and all(
        one.rows_eval and one.digest_eval == begun[0].digest_eval for one in begun
    )
    lora = _lora([profile.lora for profile in profiles], how, rank)
    order = Order(
        runs=[str(member.path.resolve()) for member in members], how=how, rank=lora.r, is_evaluated=is_evaluated
    )
    return order, _settings(profiles[0], lora, is_evaluated=is_evaluated)


def _begun(folder: RunFolder) -> Started:
    state, status = read_run(folder)
    if not isinstance(state.last, Finished) or state.started is None:
        raise CannotAverage(f"{folder.id} is {status}: only finished runs can be averaged")
    return state.started


def _difference(first: Profile, other: Profile, how: AverageKind) -> str:
    same = SAME | SAME_IF_PLAIN if how == "plain" else SAME
    for change in changes(first, other):
        if change.key in same or change.key.startswith("tokens."):
            return f"{change.key} = {written(change.new)} instead of {written(change.old)}"
    return ""


def _other_base(first: Profile, first_started: Started, other: Profile, started: Started) -> str:
    before, now = first_started.digest_base, started.digest_base
    if not (before and now):  # of an older version: the name must do
        before, now = {"checkpoint": first.model.checkpoint}, {"checkpoint": other.model.checkpoint}
    files = [name for name in sorted(before | now) if before.get(name) != now.get(name)]
    if not files:
        return ""
    return f"another base ({other.model.checkpoint}: {', '.join(files)} differ) than that ({first.model.checkpoint})"


def _lora(members: Sequence[Lora], how: AverageKind, rank: int | None) -> Lora:
    """The settings of the result, whose scale is that of the first."""
    first, whole = members[0], sum(lora.r for lora in members)
    if how == "plain":
        return first
    if rank is not None and rank > whole:
        raise CannotAverage(f"the rank of an average of these is at most {whole:,}, the sum of theirs: not {rank:,}")
    rank = rank or whole
    try:
        made = replace(first, r=rank, alpha=first.alpha / first.r * rank)
        return msgspec.convert(msgspec.to_builtins(made), Lora)
    except msgspec.ValidationError as error:
        raise CannotAverage(f"a rank of {rank:,} is too large ({error}): --rank gives a lower one") from None


def _settings(first: Profile, lora: Lora, *, is_evaluated: bool) -> Profile:
    """Those of the result. What its members do not share is no evaluation row of it: they were trained on such rows."""
    data, split = first.data, first.split
    if not is_evaluated:
        data, split = replace(data, eval=None, drop_leaks=False), replace(split, by="none")
    return replace(first, lora=lora, data=data, split=split, run=Run())
