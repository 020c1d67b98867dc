"""Looks at the machine: `python -P -m core.doctor RUNS` prints each check as JSON, a line as soon as it is done."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from core.doctor.protocol import Check
from core.files import in_words
from core.protocol import answer


def main(arguments: Sequence[str]) -> int:
    """Print every check; one that fails itself is a problem found. Returns 0."""
    runs = Path(arguments[0])
    groups: list[tuple[str, Callable[[], Iterable[Check]]]] = [
        ("machine", lambda: _machine(runs)),
        ("several cards", _several),
        ("GPU", _gpu),
        ("hub login", _hub),
    ]
    for name, group in groups:
        try:
            for check in group():
                answer(check)
        except Exception as error:  # noqa: BLE001  (whatever it is, the user is to know)
            told = in_words(error).splitlines()[0]
            answer(Check(name, "problem", f"the check itself failed: {type(error).__name__}: {told}"))
    return 0


def _machine(runs: Path) -> Iterator[Check]:
    from huggingface_hub.constants import HF_HUB_CACHE

    from core.doctor import machine

    yield machine.packages()
    yield from machine.disk(runs, Path(HF_HUB_CACHE))
    yield machine.memory()
    yield machine.shared_memory()
    yield machine.clock(runs)
    yield from machine.job()


def _gpu() -> Iterable[Check]:
    from core.doctor import gpu  # torch

    return gpu.checks()


def _several() -> Iterable[Check]:
    from core.doctor import several

    return several.checks()


def _hub() -> Iterator[Check]:
    from core.doctor import hub

    yield hub.login()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
