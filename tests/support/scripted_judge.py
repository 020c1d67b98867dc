"""Plays the child of `judge`: a real process that says it is ready, and answers each line by what its prompt says."""

import json
import sys
from pathlib import Path

from core.predict.protocol import Ready, Said, Shown, Verdict
from core.protocol import answer
from core.runs.events import Device

HOSTILE = "[red]x[/red] [/] \x1b[2J"
ONCE = "once "
"""Before the path of a FIFO: the verdict comes once something has been written there."""
WINNERS = ("winner_model_a", "winner_model_b", "winner_tie")


def verdict(line: int, outcomes: int, *, lengths: bool) -> Verdict:
    """A wins if it is shown first, and B if it is; of prompts of three turns a part is cut."""

    def named(*shares: float) -> dict[str, float]:
        return dict(zip(WINNERS[:outcomes], shares, strict=False))

    lost = {"prompt": 0, "response_a": 0, "response_b": 1_024}
    return Verdict(
        line=line,
        probabilities=named(0.5, 0.3, 0.2),
        as_given=Shown(probabilities=named(0.7, 0.1, 0.2), tokens=1_024, whole_tokens=2_048, lost=lost),
        swapped=Shown(probabilities=named(0.3, 0.5, 0.2), tokens=64, whole_tokens=64, lost=dict.fromkeys(lost, 0)),
        lengths=named(0.004, 0.9, 0.096) if lengths else None,
    )


def main() -> None:
    cpu = Device(kind="cpu", name=HOSTILE, memory=2**30)
    answer(Said(ready=Ready(device=cpu, precision="fp32", engine="padded")))
    for number, line in enumerate(sys.stdin, 1):
        [prompt] = json.loads(line)["prompt"]
        if prompt == "die":
            answer(Said(problem=f"no more memory {HOSTILE}"))
            sys.exit(1)
        if prompt.startswith(ONCE):
            Path(prompt.removeprefix(ONCE)).read_bytes()
            prompt = "three"
        if prompt == "two":
            answer(Said(verdict=verdict(number, 2, lengths=False)))
        elif prompt in ("three", "Name a river."):
            answer(Said(verdict=verdict(number, 3, lengths=True)))
        else:
            answer(Said(verdict=Verdict(line=number, error=f"heard {line.strip()}")))


if __name__ == "__main__":
    main()
