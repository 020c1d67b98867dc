"""Whether an adapter still holds what was saved: a flipped bit in its weights would be scored without a word."""

from pathlib import Path

from core.runs.seal import MANIFEST, flaw
from core.score.errors import ScoringError


def demand_whole(adapter: Path) -> None:
    """Raises ScoringError where a file of the adapter is not as it was sealed. One without a manifest, of an older
    version, is taken as it is."""
    if (adapter / MANIFEST).exists() and (problem := flaw(adapter, content=True)):
        raise ScoringError(
            f"{adapter.parent.name}/{problem}",
            "It was damaged since; --checkpoint takes one of the run's checkpoints, or restore it from a copy.",
        )


def unchecked(adapter: Path) -> str:
    """What is to be said of an adapter that has no checksums."""
    return f"{adapter} is of an older version and has no checksums: whether it is as it was saved cannot be told"
