"""Runs on several cards: which there are, whether each computes, and how they exchange. Asks a child for it."""

import os
import subprocess
from collections.abc import Iterator, Sequence

import msgspec

from core.doctor.protocol import CARDS, Cards, Check
from core.failures.known_errors import symptom
from core.machine.gpus import only, visible

NAME = "several cards"
SECONDS = 120
"""A card that answers takes seconds; one that has fallen off its bus may keep a process for ever."""


def checks() -> Iterator[Check]:
    """One check, where several cards are visible."""
    names = visible().names
    if len(names) > 1:
        yield judged(names, asked(names))


def asked(names: Sequence[str]) -> Cards | str:
    """What a child that sees these cards has found, or why it has not."""
    try:
        child = subprocess.run(
            CARDS, env={**os.environ, **only(",".join(names))}, capture_output=True, text=True, timeout=SECONDS
        )
        return msgspec.json.decode(child.stdout.strip().splitlines()[-1], type=Cards)
    except subprocess.TimeoutExpired:
        return f"no answer within {SECONDS} s"
    except (IndexError, msgspec.DecodeError):
        return (child.stderr.strip().splitlines() or ["no answer"])[-1]


def judged(names: Sequence[str], found: Cards | str) -> Check:
    """What that means for runs on the cards that are called `names`."""
    if isinstance(found, str):
        known = symptom(found)
        return Check(NAME, "problem", f"{len(names)} are visible: {found}", known.advice if known else _LOOK)
    if len(found.names) < len(names):
        return Check(NAME, "problem", f"{len(names)} are visible, and torch sees {len(found.names)}", _LOOK)
    if failing := [number for number, trouble in enumerate(found.troubles) if trouble]:
        told = "; ".join(f"GPU {names[number]}: {found.troubles[number]}" for number in failing)
        others = [number for number in range(len(names)) if number not in failing]
        way_out = f"run.gpus = {others} leaves out what does not compute." if others else _LOOK
        return Check(NAME, "problem", told, way_out)
    kinds = ", ".join(f"{found.names.count(name)} × {name}" for name in dict.fromkeys(found.names))
    if not found.nccl:
        advice = "Install torch as PyTorch builds it for Linux with CUDA. Runs on one card do not need it."
        return Check(NAME, "note", f"{kinds}; torch has no NCCL, by which they exchange", advice)
    pairs = ", ".join(f"{names[one]} and {names[other]}" for one, other in found.apart)
    way = f"not directly between {pairs}" if pairs else "directly"
    some = f"run.gpus = {len(names)}" if len(names) < 3 else f"run.gpus = 2 to {len(names)}"
    return Check(NAME, "ok", f"{kinds}; NCCL {found.nccl}, {way}", f'{some}, or "all", computes a run on them.')


_LOOK = "`nvidia-smi` must list each of them."
