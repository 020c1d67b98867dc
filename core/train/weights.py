"""Whether what is trained can be gone on from at all."""

import torch


def are_finite(model: torch.nn.Module) -> bool:
    """Whether every trained weight of `model` is a finite number. Asks the device once."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return bool(torch.stack([parameter.isfinite().all() for parameter in trained]).all())
