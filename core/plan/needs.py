"""What a run needs: memory at its peak, on each card or on the processor, disk, and time. Asks no machine."""

from collections.abc import Sequence

from core.engine.choose import Engine, choose_precision
from core.engine.fit import judge, judge_need, parts, smallest_change
from core.engine.memory import Memory, on_processor
from core.engine.steps import evaluations
from core.machine.gpus import Machine
from core.model.shape import ModelShape
from core.plan.history import PastRun, Speed, memory_factor
from core.plan.protocol import DiskPlan, MemoryPlan, Plan, ProcessorPlan, TimePlan
from core.plan.ranks import efficiency
from core.profile.settings import Profile

TRAINER_STATE = 64 << 10
"""Bytes of a checkpoint's random states, schedule and the Trainer's own record, for a run of usual length."""

EVALUATION_ROW = 76
"""Bytes of a row of eval.parquet, at most: with numbers as ids, and both orders scored."""


def memory_plan(
    profile: Profile,
    shape: ModelShape,
    machine: Machine,
    past: Sequence[PastRun],
    longest: int,
    engine: Engine,
    ranks: int = 1,
) -> MemoryPlan:
    """On the machine's card, which each of its ranks has for itself; where it has none, on one of today, and beside
    that on its processor, which they share."""
    precision = choose_precision(profile.train.precision, machine.best_precision if machine.card else "bf16")
    is_packed = engine.layout is not None
    free = machine.card.memory_free if machine.card else None
    held = parts(profile, shape, precision=precision, longest=longest, is_packed=is_packed, free=free)
    factor, runs = memory_factor(past, profile, shape) if machine.card and not is_packed else (1.0, 0)
    peak = round(held.total * factor)
    verdict = judge(peak, free) if free is not None else None
    change = None
    if free is not None and verdict != "fits":
        change = smallest_change(
            profile, shape, precision=precision, longest=longest, is_packed=is_packed, factor=factor, free=free
        )
    batch = engine.layout.examples if engine.layout else profile.views * profile.train.per_device_batch_size
    estimate = f"estimate for batches of {batch} rows of {longest:,} tokens in {precision}"
    return MemoryPlan(
        shape=shape,
        precision=precision,
        is_packed=is_packed,
        engine_reason=engine.reason,
        parts=held,
        factor=factor,
        peak=peak,
        basis=f"{estimate}, times {factor:.3f} from {runs} past run{'' if runs == 1 else 's'} here"
        if runs
        else estimate,
        card=machine.card.name if machine.card else None,
        free=free,
        verdict=verdict,
        change=None if change is None else [setting.override for setting in change],
        processor=None if machine.card else _on_processor(profile, shape, machine, longest, is_packed, ranks),
    )


def _on_processor(
    profile: Profile, shape: ModelShape, machine: Machine, longest: int, is_packed: bool, ranks: int
) -> ProcessorPlan:
    precision = choose_precision(profile.train.precision, machine.best_precision)
    held = parts(profile, shape, precision=precision, longest=longest, is_packed=is_packed, free=None)
    here = on_processor(held, profile, shape)
    verdict = judge_need(ranks * here.total, machine.memory_free)
    return ProcessorPlan(precision=precision, parts=here, free=machine.memory_free, verdict=verdict, processes=ranks)


def disk_plan(profile: Profile, memory: Memory, *, rows_eval: int, tokenizer: int, free: int) -> DiskPlan:
    """`tokenizer` is the size of its files, which are saved with every checkpoint and with the adapter; in bytes."""
    adapter = memory.adapters + tokenizer
    checkpoint = adapter + memory.optimizer + TRAINER_STATE
    # A new checkpoint is written before the oldest is deleted.
    needed = (profile.train.keep_checkpoints + 1) * checkpoint + adapter + EVALUATION_ROW * rows_eval
    return DiskPlan(checkpoint=checkpoint, needed=needed, free=free)


def time_plan(plan: Plan, profile: Profile, known: Speed) -> TimePlan:
    """Of as many ranks as the plan has: `known` is their speed, or that of one card."""
    assert plan.tokens is not None
    assert plan.steps is not None
    passes = evaluations(plan.steps, profile) + profile.eval.swap  # the copies with A and B swapped, at the end
    basis = f"{known.tokens_per_second:,.0f} tokens/s in {known.run}"
    faster = ranks = 1.0
    if plan.ranks and known.ranks == 1:
        share = efficiency(plan.ranks, plan.tokens.effective / plan.steps / known.tokens_per_second)
        ranks, faster = plan.ranks.count, plan.ranks.count * share
        basis += f" on one card, × {ranks} × {share:.2f} for waiting and exchange"
    return TimePlan(
        tokens_per_second=faster * known.tokens_per_second,
        training=plan.tokens.effective / known.tokens_per_second / faster,
        evaluation=passes * plan.tokens.evaluated * known.seconds_per_eval_token / ranks,
        basis=basis,
    )
