"""NVIDIA's management library, where a process asks for it. It knows all cards of the machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def nvml() -> Iterator[ModuleType | None]:
    """pynvml, at work; None where there is no driver."""
    import pynvml  # thousands of constants, which no first screen should wait for

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield None
        return
    try:
        yield pynvml
    finally:
        pynvml.nvmlShutdown()
