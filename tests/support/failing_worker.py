"""A prediction whose workers are short of memory: `failing_worker.py ROWS PREDICTION_DIR`.

What fails is one hook in torch, where a batch of more than ROWS rows is computed; all else is the engine's own.
"""

import sys
from typing import Any

import torch

from core.predict import worker, workers
from core.predict.__main__ import main

MESSAGE = "CUDA out of memory. Tried to allocate 9.50 GiB. GPU 0 has a total capacity of 15.00 GiB of which 1 is free."


def fail(most_rows: int) -> None:
    def before(module: torch.nn.Module, arguments: tuple[Any, ...]) -> None:
        if isinstance(module, torch.nn.Embedding) and arguments[0].shape[0] > most_rows:
            raise torch.OutOfMemoryError(MESSAGE)

    torch.nn.modules.module.register_module_forward_pre_hook(before)


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        fail(int(sys.argv[2]))
        sys.exit(worker.main(sys.argv[3:]))
    workers.WORKER = (sys.executable, "-P", __file__, "worker", sys.argv[1])
    sys.exit(main(sys.argv[2:]))
