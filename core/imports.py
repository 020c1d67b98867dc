"""How much is imported: without what is of no use, without collecting garbage meanwhile, with threads that sleep."""

import gc
import os
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


def let_waiting_threads_sleep() -> None:
    """Of OpenMP, whose threads spin while they wait; it reads this when torch is loaded, so call it before.

    On a machine that does anything else besides, a processor run spent most of its time spinning (measured: 4 to 8
    times slower). What the environment says already stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@contextmanager
def uncollected() -> Iterator[None]:
    """What is made within is looked through neither now nor later."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
