"""Plays the plan child: answers of growing fullness, with pauses; or nothing, a problem, noise, or no end."""

import sys
import time

import msgspec
from msgspec import structs

from core.engine.memory import Memory
from core.model.shape import ModelShape
from core.plan.protocol import DiskPlan, MemoryPlan, Plan, RanksPlan, TimePlan, TokensPlan

GIB = 2**30
CHANGE = ["train.per_device_batch_size=1", "train.gradient_accumulation=8"]
MEMORY = MemoryPlan(
    shape=ModelShape(
        family="gemma2",
        hidden=3584,
        intermediate=14_336,
        layers=42,
        heads=16,
        kv_heads=8,
        head_dim=256,
        vocabulary=256_000,
        attention="eager",
        capped=True,
        slides=True,
        images=0,
    ),
    precision="bf16",
    parts=Memory(
        weights=int(5.7 * GIB), adapters=31 << 20, gradients=31 << 20, optimizer=16 << 20, activations=int(1.3 * GIB)
    ),
    factor=0.99,
    peak=int(7.05 * GIB),
    basis="estimate for batches of 2 rows of 1,024 tokens in bf16, times 0.990 from 3 past runs here",
    card="NVIDIA H200",
    free=int(139.2 * GIB),
    verdict="fits",
    change=None,
)
TIME = TimePlan(
    tokens_per_second=4030.0,
    training=6278.0,
    evaluation=520.0,
    basis="4,030 tokens/s in 20260130-101500-longer",
)
WHOLE = Plan(
    global_batch=8,
    rows_train=45_981,
    rows_eval=11_496,
    steps=5_748,
    tokens=TokensPlan(
        effective=25_300_000, evaluated=6_300_000, longest=1024, rows_over=9_771, response_b_lost=6_322, rows=57_477
    ),
    memory=MEMORY,
    time=TIME,
    disk=DiskPlan(checkpoint=64 << 20, needed=256 << 20, free=214 * GIB),
    adapters=78,
    adapted=["q_proj", "k_proj", "v_proj"],
    head="its head is new",
    trainable_parameters=7_891_456,
    total_parameters=9_249_608_192,
)


OF_RANKS = structs.replace(
    WHOLE,
    ranks=RanksPlan(
        count=3,
        nodes=1,
        device="NVIDIA H200",
        examples=[3, 3, 2],
        balance=0.871,
        gradients=31 << 20,
        exchange=0.0017,
        link=25e9,
    ),
)


def say(plan: Plan) -> None:
    print(msgspec.json.encode(plan).decode(), flush=True)


def main(scenario: str) -> None:
    match scenario:
        case "ok":
            print("a library says something on stdout", flush=True)
            say(Plan(global_batch=8))
            say(Plan(global_batch=8, rows_train=45_981, rows_eval=11_496, steps=5_748))
            say(WHOLE)
        case "ranks":
            say(OF_RANKS)
        case "too large":
            say(
                structs.replace(
                    WHOLE, memory=structs.replace(MEMORY, verdict="does not fit", free=6 * GIB, change=CHANGE)
                )
            )
        case "no time":
            say(structs.replace(WHOLE, time=TIME if "--measure" in sys.argv else None))
        case "problem":
            say(Plan(global_batch=8, problem="[red]train.csv[/red] is missing\x1b[2J"))
        case "long problem":
            say(structs.replace(WHOLE, memory=None, time=None, problem="words without end " * 300))
        case "nothing":
            sys.exit(1)
        case "talkative":
            for step in range(20_000):
                say(Plan(global_batch=8, steps=step))
        case "hang":
            say(Plan(global_batch=8, rows_train=45_981, rows_eval=11_496, steps=5_748, doing="making the demo's rows"))
            time.sleep(600)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 3 else "ok")
