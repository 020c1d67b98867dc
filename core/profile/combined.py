"""What is wrong with settings that are right each by itself."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from core.profile.data_settings import Data, Winners
from core.profile.distill_settings import Distill
from core.profile.errors import Lines, Problem, problem
from core.profile.own_template import NAMED, divided
from core.profile.settings import Model, Profile

Valid = Mapping[str, Mapping[str, Any]]


def combined_problems(valid: Valid, lines: Lines) -> Iterator[Problem]:
    """Of the settings of a profile that are `valid` as they were declared."""
    yield from _ambiguous(valid.get("data", {}).get("winners", {}), lines)
    yield from _no_template(valid.get("tokens", {}).get("template", NAMED[0]), lines)
    yield from _no_fold(valid.get("split", {}), lines)
    yield from _other_number_of_sources(valid.get("data", {}), lines)
    yield from _nothing_to_drop(valid.get("data", {}), lines)
    yield from _nothing_to_agree(valid.get("train", {}), lines)
    yield from _nothing_to_swap(valid, lines)
    yield from _no_teachers(valid.get("distill", {}), lines)
    yield from _nothing_to_judge_by(valid, lines)


def _ambiguous(given: Mapping[str, Any], lines: Lines) -> Iterator[Problem]:
    """Words of [data.winners] by which two sides would win."""
    winners, sides = msgspec.convert(given, Winners), dict[str, str]()
    for side, words in (("a", winners.a), ("b", winners.b), ("tie", winners.tie)):
        for word in words:
            other = sides.setdefault(word.strip().casefold(), side)
            if other != side:
                own = side if side in given else other
                left_out = next((name for name in (other, side) if name not in given), "")
                way_out = f", by default: set {left_out} as well" if left_out else ""
                message = f"{word!r} is in {other if own == side else side} too{way_out}"
                path = ("data", "winners", own)
                yield Problem(line=lines.get(path), key=".".join(path), value="", message=message)


def _no_template(template: str, lines: Lines) -> Iterator[Problem]:
    """What is wrong with a text of the user's own."""
    try:
        if template not in NAMED:
            divided(template)
    except ValueError as error:
        yield problem(("tokens", "template"), template, str(error), lines)


def _no_fold(split: Mapping[str, Any], lines: Lines) -> Iterator[Problem]:
    fold, n_splits = split.get("fold", 0), split.get("n_splits", Profile().split.n_splits)
    if fold >= n_splits:
        place = lines.get(("split", "fold"), lines.get(("split", "n_splits")))
        message = f"must be below n_splits, which is {n_splits}"
        yield Problem(line=place, key="split.fold", value=str(fold), message=message)


def _other_number_of_sources(data: Mapping[str, Any], lines: Lines) -> Iterator[Problem]:
    train = data.get("train", Data().train)
    sources = 1 if isinstance(train, str) else len(train)
    for name in ("train_shares", "train_weights"):
        if (given := data.get(name)) and len(given) != sources:
            message = f"needs one number for each source of data.train, of which there {_are(sources)}"
            yield problem(("data", name), given, message, lines)


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count}"


def _nothing_to_drop(data: Mapping[str, Any], lines: Lines) -> Iterator[Problem]:
    if data.get("drop_leaks") and data.get("eval") is None:
        message = 'needs data.eval; of rows that are split, split.by = "prompt" keeps each prompt on one side'
        yield problem(("data", "drop_leaks"), True, message, lines)


def _nothing_to_agree(train: Mapping[str, Any], lines: Lines) -> Iterator[Problem]:
    if train.get("swap_consistency") and train.get("swap") != "paired":
        message = 'needs train.swap = "paired": only there are both orders of a row computed in one step'
        yield problem(("train", "swap_consistency"), train["swap_consistency"], message, lines)


def _nothing_to_swap(valid: Valid, lines: Lines) -> Iterator[Problem]:
    """Of a model that reads each answer apart."""
    if valid.get("model", {}).get("head", Model().head) != "bradley-terry":
        return
    asked = [("train", "swap", "none"), ("eval", "swap", False)]
    for section, name, plain in asked:
        if (value := valid.get(section, {}).get(name, plain)) != plain:
            message = 'means nothing with model.head = "bradley-terry", for which the order of A and B cannot matter'
            yield problem((section, name), value, message, lines)


def _no_teachers(distill: Mapping[str, Any], lines: Lines) -> Iterator[Problem]:
    if distill.get("teachers"):
        return
    plain = Distill()
    for name, value in distill.items():
        if value != getattr(plain, name):
            yield problem(("distill", name), value, "needs distill.teachers: there is nobody to learn from", lines)


def _nothing_to_judge_by(valid: Valid, lines: Lines) -> Iterator[Problem]:
    """Of settings that go by the evaluations of a run."""
    train, evaluation = valid.get("train", {}), valid.get("eval", {})
    evaluates = valid.get("data", {}).get("eval") is not None or valid.get("split", {}).get("by") != "none"
    asked = [("keep", "best")] if train.get("keep") == "best" else []
    patience = train.get("early_stop", 0)
    if patience:
        asked.append(("early_stop", patience))
    if not evaluates:
        message = 'needs rows to evaluate: data.eval, or split.by other than "none"'
        yield from (problem(("train", name), value, message, lines) for name, value in asked)
        return
    epochs = train.get("epochs", Profile().train.epochs)
    if patience and patience + 1 >= epochs and evaluation.get("every", Profile().eval.every) == "epoch":
        message = f"needs more evaluations than one after each epoch of {epochs:g}: set eval.every to a number of steps"
        yield problem(("train", "early_stop"), patience, message, lines)
