"""The engine, which stops itself where a test wants it: `halting_engine.py PLACE [--resume] RUN_DIR`.

PLACE is the number of an optimizer step, before which it stops; evaluation-N, to stop before the Nth batch that is
evaluated; or the end of the name of a file, when that is opened.
All else is the engine's own process. Who finds it stopped may take its time, whatever else the machine does.
"""

import os
import signal
import sys
from itertools import count
from typing import Any

from core.train.__main__ import main


def named(path: str) -> str:
    """By its folder's name where the folder is named by its handle, as `reached` does."""
    return os.path.realpath(path) if path.startswith("/proc/self/fd/") else path


def halt_at(place: str) -> None:
    """Stop, as by ctrl+z, at the first time that it comes there."""
    steps, batches = count(1), count(1)

    def before_step(*_: Any) -> None:
        if next(steps) == int(place):
            os.kill(os.getpid(), signal.SIGSTOP)

    def before_batch(module: Any, _: Any) -> None:
        import torch

        is_probed = torch.is_inference_mode_enabled()  # before the first step
        is_evaluated = isinstance(module, torch.nn.Embedding) and not (torch.is_grad_enabled() or is_probed)
        if is_evaluated and f"evaluation-{next(batches)}" == place:
            os.kill(os.getpid(), signal.SIGSTOP)

    def on_event(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and named(str(arguments[0])).endswith(place):
            os.kill(os.getpid(), signal.SIGSTOP)

    if place.isdecimal():
        from torch.optim.optimizer import register_optimizer_step_pre_hook

        register_optimizer_step_pre_hook(before_step)
    elif place.startswith("evaluation-"):
        from torch.nn.modules.module import register_module_forward_pre_hook

        register_module_forward_pre_hook(before_batch)
    else:
        sys.addaudithook(on_event)


if __name__ == "__main__":
    halt_at(sys.argv[1])
    sys.exit(main(sys.argv[2:]))
