"""A run tells each stage of its start as it begins, in its record and in its log."""

from itertools import groupby

import pytest

from core.runs.events import Phase
from core.runs.folder import RunFolder
from core.runs.record import Tail

pytestmark = pytest.mark.slow

BEFORE_THE_FIRST_STEP = [
    "reading the rows",
    "rows: CSV with commas, read as lmsys (list of turns; a column for each winner)",
    "three outcomes: winner_tie is a column",
    "importing torch and transformers",
    "text: the recipe's tags, part by part, turns joined by ' '",
    "training rows",
    "evaluation rows",
    "loading the base model",
    "adding adapters, and trying the model on two rows",
    "steps",
]


def test_each_stage_before_the_first_step_is_told_as_it_begins(finished: RunFolder) -> None:
    phases = [event for event in Tail(finished.events).read() if isinstance(event, Phase)]
    stages = [stage for stage, _ in groupby(phase.detail or phase.unit for phase in phases)]
    assert stages[: len(BEFORE_THE_FIRST_STEP)] == BEFORE_THE_FIRST_STEP
    loaded = [phase for phase in phases if phase.detail == "loading the base model" and phase.total]
    assert loaded[-1].done == loaded[-1].total, "transformers tells how far it is"


def test_the_log_tells_them_too_and_calls_no_weight_newly_initialized(finished: RunFolder) -> None:
    log = finished.console_log.read_text()
    assert "importing torch and transformers\n" in log
    assert "MISSING" not in log
    assert "newly initialized" not in log
    assert "Loading weights" not in log
