"""Tells how far the loading of a base is, in place of the bars and reports that libraries print for developers."""

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tqdm.auto import tqdm
from transformers.utils.logging import set_tqdm_hook

Tell = Callable[[str, int, int, str], object]
"""Hears what is done, how much of how much, and the unit of both."""
SECONDS_BETWEEN = 1.0
MIB = 1 << 20


def untold(what: str, done: int, total: int, unit: str) -> None:
    """For whom it is of no use."""


@contextmanager
def telling(tell: Tell) -> Iterator[type[tqdm]]:
    """Within it transformers' bars are told to `tell`; what is given has the same done to those of downloads.

    transformers' report of weights that are missing is left out: a head that is to be trained, or to be filled from an
    adapter, is called newly initialized there, and the caller looks at all others itself.
    """

    class Bar(tqdm):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            told = {"mininterval": SECONDS_BETWEEN, "disable": False, "file": io.StringIO()}
            super().__init__(*arguments, **{**options, **told})

        def display(self, *_: Any, **__: Any) -> None:
            if self.unit == "B" and self.total:
                tell("downloading the base model", round(self.n / MIB), round(self.total / MIB), "MiB")
            elif self.desc.startswith("Loading") and self.total:
                tell("loading the base model", int(self.n), int(self.total), "tensors")

    log, before = logging.getLogger("transformers.modeling_utils"), set_tqdm_hook(_as(Bar))
    log.addFilter(_is_no_report)
    try:
        yield Bar
    finally:
        set_tqdm_hook(before)
        log.removeFilter(_is_no_report)


def _as(bar: type[tqdm]) -> Callable[..., Any]:
    return lambda _factory, arguments, options: bar(*arguments, **options)


def _is_no_report(record: logging.LogRecord) -> bool:
    return "LOAD REPORT" not in record.getMessage()
