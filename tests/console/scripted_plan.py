"""Plays the plan child: answers of growing fullness, with pauses; or nothing, a problem, noise, or no end."""

import sys
import time

import msgspec

from core.runs.plan import Plan


def say(plan: Plan) -> None:
    print(msgspec.json.encode(plan).decode(), flush=True)


def main(scenario: str) -> None:
    match scenario:
        case "ok":
            print("a library says something on stdout", flush=True)
            say(Plan(global_batch=8))
            say(Plan(global_batch=8, rows_train=45_981, rows_eval=11_496, steps=5_748))
            say(
                Plan(
                    global_batch=8,
                    rows_train=45_981,
                    rows_eval=11_496,
                    steps=5_748,
                    trainable_parameters=7_891_456,
                    total_parameters=9_249_608_192,
                )
            )
        case "problem":
            say(Plan(global_batch=8, problem="[red]train.csv[/red] is missing\x1b[2J"))
        case "nothing":
            sys.exit(1)
        case "hang":
            say(Plan(global_batch=8, rows_train=45_981, rows_eval=11_496, steps=5_748))
            time.sleep(600)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 2 else "ok")
