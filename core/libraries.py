"""Imports torch, transformers, peft and bitsandbytes without what they bring along and no part of the engine uses."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from core.imports import let_waiting_threads_sleep, uncollected

OPTIONAL = ("datasets", "pandas", "scipy", "sklearn")
"""Each library imports them where they are installed, and does without where they are not."""


@contextmanager
def without_optional() -> Iterator[None]:
    """For every import of transformers in a process that may ask for torch later: it notes for good whether one of them
    is installed, when it first wants to know, and an import that relies on that note fails where it is not found.

    Imports that follow find them again.
    """
    absent = [name for name in OPTIONAL if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None: imports find nothing
    try:
        yield
    finally:
        for name in absent:
            sys.modules.pop(name, None)


@contextmanager
def importing_libraries() -> Iterator[None]:
    """For the imports within: they take two thirds of the processor time that they would take, and 130 MB less; what is
    compiled is the same.
    """
    let_waiting_threads_sleep()
    with uncollected(), without_optional():
        import torch

        compile_at_once, torch.compile = torch.compile, compiled_when_called(torch.compile)
        try:
            import_models_as_listed()
            yield
        finally:
            torch.compile = compile_at_once


def import_models_as_listed() -> None:
    """`import transformers.models`, without what transformers has done already: to know what is defined where it reads
    the text of all its 2,600 files of models, once when it is imported, and once more for this package: 0.2 s.
    """
    import transformers
    from transformers.utils import import_utils

    list_anew = import_utils.define_import_structure
    listed = list_anew(Path(transformers.__file__).parent / "models", prefix="models")  # it has kept that

    def without_prefix(_: str) -> dict[Any, Any]:
        return {
            needs: {name.removeprefix("models."): defined for name, defined in of.items() if name.startswith("models.")}
            for needs, of in listed.items()
        }

    import_utils.define_import_structure = without_prefix
    try:
        import transformers.models  # the package alone, none of its models
    finally:
        import_utils.define_import_structure = list_anew


def compiled_when_called(compile_at_once: Callable[..., Any]) -> Callable[..., Any]:
    """`torch.compile`, which loads its compiler only once what it was given is called.

    bitsandbytes has it compile functions when it is imported, most of which no run calls: 0.6 s and 60 MB.
    """

    def compile_later(function: Callable[..., Any] | None = None, **options: Any) -> Any:
        if function is None:
            return lambda given: compile_later(given, **options)
        compiled: list[Callable[..., Any]] = []

        @wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            if not compiled:
                compiled.append(compile_at_once(function, **options))
            return compiled[0](*arguments, **named)

        return call

    return compile_later
