"""The engine, short of memory or with a base that goes bad: `failing_engine.py SCENARIO NUMBER [--resume] RUN_DIR`.

What fails is one hook in torch; all else is the engine's own process.
"""

import math
import sys
from itertools import count
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from core.train.__main__ import main

MESSAGE = "CUDA out of memory. Tried to allocate 9.50 GiB. GPU 0 has a total capacity of 15.00 GiB of which 1 is free."


def fail(scenario: str, number: int) -> None:
    """Fail where the embedding of a training or evaluation batch of more than `number` rows is computed; late, where
    that of a training batch of four is, after `number` batches; or poison the embedding for good in training batch
    `number`, or in that batch alone."""
    batches = count(1)
    bad = [False]

    def before(module: torch.nn.Module, arguments: tuple[Any, ...]) -> None:
        if not isinstance(module, torch.nn.Embedding) or torch.is_inference_mode_enabled():  # as before the first step
            return
        is_training = torch.is_grad_enabled()
        rows = arguments[0].shape[0]
        match scenario:
            case "training" | "evaluation" if is_training == (scenario == "training") and rows > number:
                raise torch.OutOfMemoryError(MESSAGE)
            case "late" if is_training and rows == 4 and next(batches) > number:
                raise torch.OutOfMemoryError(MESSAGE)
            case "poison" if is_training and next(batches) == number:
                module.weight.data.fill_(math.nan)
            case "bad batch":
                bad[0] = is_training and next(batches) == number

    def after(module: torch.nn.Module, _arguments: tuple[Any, ...], output: Any) -> Any:
        return output * math.nan if isinstance(module, torch.nn.Embedding) and bad[0] else output

    def skip(optimizer: torch.optim.Optimizer, *_: Any) -> None:
        """As float16's gradient scaler does: a step that is not finite is not made."""
        for parameter in optimizer.param_groups[0]["params"]:
            if parameter.grad is not None and not parameter.grad.isfinite().all():
                parameter.grad.zero_()

    if scenario == "bad batch":
        register_optimizer_step_pre_hook(skip)
    torch.nn.modules.module.register_module_forward_pre_hook(before)
    torch.nn.modules.module.register_module_forward_hook(after)


if __name__ == "__main__":
    fail(sys.argv[1], int(sys.argv[2]))
    sys.exit(main(sys.argv[3:]))
