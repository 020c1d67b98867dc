"""Keeps out of a process what it has no use for, and imports much without collecting garbage meanwhile."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder


class _NoPandas(MetaPathFinder):
    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("this process does without pandas", name=name)


def keep_pandas_out() -> None:
    """For processes that use Arrow and have nothing to do with data frames: an import of pandas fails from here on.

    pyarrow imports pandas at the first array it makes or converts, where it is installed (with datasets, it is):
    0.15 s and 60 MB. Where it finds none, it does without.
    """
    sys.meta_path.insert(0, _NoPandas())


@contextmanager
def uncollected() -> Iterator[None]:
    """What is made within is looked through neither now nor later."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
