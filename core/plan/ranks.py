"""What several ranks make of a run: the shares of a step, how even these are, what is exchanged, and the time left."""

import random
from collections.abc import Sequence

from core.engine.shares import cost, shares
from core.machine.chosen import chosen_gpus, rank_count
from core.machine.gpus import Card, card, visible
from core.plan.protocol import RanksPlan
from core.profile.settings import Run

LINK = 25e9
"""Bytes a second that a card sends to the next one, and receives: about what PCI Express 4.0 x16 does. NVLink does
more, a network between machines mostly less."""
MOST_STEPS, MOST_EXAMPLES = 100, 4_000
"""Of a sample, whose shares are looked at: it takes at most a second or two."""


def cards_here(run: Run) -> list[Card]:
    """Those that the run would compute on, as far as they answer; none without a card. Raises SettingError where
    there are not as many as it asks for."""
    found = [card(gpu) for gpu in chosen_gpus(run.gpus, visible().names)]
    return [one for one in found if one is not None]


def count_ranks(run: Run) -> int:
    """On all machines, each of which is taken to have the cards of this one. Raises SettingError."""
    return run.nodes * rank_count(run.gpus, chosen_gpus(run.gpus, visible().names))


def plan_ranks(count: int, run: Run, name: str, global_batch: int, lengths: Sequence[int], seed: int) -> RanksPlan:
    """The plan of `count` ranks, each on a device called `name`; `lengths` are those of the training rows in tokens."""
    each, more = divmod(global_batch, count)
    return RanksPlan(
        count=count,
        nodes=run.nodes,
        device=name,
        examples=[each + (rank < more) for rank in range(count)],
        balance=balance(lengths, global_batch, count, seed),
        link=LINK,
    )


def balance(lengths: Sequence[int], global_batch: int, ranks: int, seed: int) -> float:
    """The part of the time that ranks compute rather than wait for the one that has the most to do: 1 where all have
    as much. Told from steps that are drawn from rows of these lengths, each divided as in training."""
    rows = list(lengths)
    random.Random(seed).shuffle(rows)
    rows = rows[: min(MOST_STEPS * global_batch, max(MOST_EXAMPLES, global_batch))]
    computed = waited_for = 0.0
    for start in range(0, len(rows), global_batch):
        costs = [cost(tokens) for tokens in rows[start : start + global_batch]]
        heaviest, *_ = shares(costs, ranks)
        computed += sum(costs)
        waited_for += ranks * sum(costs[index] for index in heaviest)
    return min(1.0, computed / waited_for) if waited_for else 1.0


def exchange_seconds(gradients: int, ranks: int) -> float:
    """An all-reduce of so many bytes around a ring: each rank sends and receives 2 (N - 1) / N of them (Patarasuk and
    Yuan 2009)."""
    return sent(gradients, ranks) / LINK


def sent(gradients: int, ranks: int) -> int:
    """Bytes that each rank sends in a step."""
    return round(2 * (ranks - 1) / ranks * gradients)


def efficiency(plan: RanksPlan, step_seconds: float) -> float:
    """How much of `count` times the speed of one card is left, where a step takes one `step_seconds`."""
    own = step_seconds / plan.count / plan.balance
    return step_seconds / plan.count / (own + exchange_seconds(plan.gradients or 0, plan.count))
