"""Whether each of several cards computes, and whether they can exchange: `python -P -m core.doctor.cards` answers it.

A process of its own: the doctor's sees but the card that a run on one would take.
"""

import sys

import torch
import torch.distributed as dist

from core.doctor.protocol import Cards
from core.protocol import answer

SIDE = 256


def main() -> int:
    """Answer for all cards that this process sees. Returns 0."""
    count = torch.cuda.device_count()
    answer(
        Cards(
            names=[torch.cuda.get_device_name(number) for number in range(count)],
            troubles=[_trouble(number) for number in range(count)],
            nccl=".".join(map(str, torch.cuda.nccl.version())) if dist.is_nccl_available() else "",
            apart=[
                (one, other)
                for one in range(count)
                for other in range(one + 1, count)
                if not torch.cuda.can_device_access_peer(one, other)
            ],
        )
    )
    return 0


def _trouble(number: int) -> str:
    """What keeps a card from multiplying two matrices of ones; "" where nothing does."""
    try:
        ones = torch.ones(SIDE, SIDE, device=f"cuda:{number}")
        total = float((ones @ ones).sum())
    except RuntimeError as error:
        return str(error).splitlines()[0]
    return "" if total == SIDE**3 else "a matrix product of ones gave a wrong result"


if __name__ == "__main__":
    sys.exit(main())
