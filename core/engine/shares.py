"""Divides the examples of a step, or the batches of an evaluation, among ranks so that all have as much to compute.

Imports no torch.
"""

import heapq
from collections.abc import Sequence

ATTENTION_TOKENS = 50_000
"""An example of so many tokens takes as long in attention as in all else: half of 4 t^2 x heads x head_dim operations
against 2 t x parameters of a layer, which is 8,192 t^2 and 4 x 10^8 t in Gemma-2 9B."""


Part = tuple[float, tuple[int, ...]]
"""What the examples of a part take together, and which they are."""


def cost(tokens: int) -> float:
    """What an example of so many tokens takes, in tokens of a short one."""
    return tokens + tokens * tokens / ATTENTION_TOKENS


def shares(costs: Sequence[float], ranks: int) -> list[list[int]]:
    """For each of `ranks` the indices of its part of `costs`, in ascending order; the first one has the most to do.

    The largest differencing method (Karmarkar and Karp 1982): the two most uneven divisions are joined, the heaviest
    part of the one with the lightest of the other, until one division is left. The same costs are always divided in
    the same way, so that every rank knows the part of every other.
    """
    divisions: list[tuple[float, int, list[Part]]] = []
    for index, weight in enumerate(costs):
        parts: list[Part] = [(0.0, ())] * (ranks - 1) + [(weight, (index,))]
        divisions.append((-weight, index, parts))
    if not divisions:
        return [[] for _ in range(ranks)]
    heapq.heapify(divisions)
    while len(divisions) > 1:
        _, order, heavy = heapq.heappop(divisions)
        _, _, light = heapq.heappop(divisions)
        joined = sorted(
            (left + right, indices + others)
            for (left, indices), (right, others) in zip(heavy, reversed(light), strict=True)
        )
        heapq.heappush(divisions, (joined[0][0] - joined[-1][0], order, joined))
    return [sorted(indices) for _, indices in reversed(divisions[0][2])]
