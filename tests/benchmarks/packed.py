"""Sets the packed engine beside other programs for the same model, on one card, in one go; all weights are random.

    python tests/benchmarks/packed.py FOLDER --json FILE [--only NAMES]

FOLDER holds `seed_recipe.py` and `seed_inference.py`, which print tokens/s and peak GiB as JSON, `ceilings.py`, which
prints the TFLOP/s of matrix products, and the files of lengths that they take. Their packages must be importable in
$SEED_PYTHONPATH, if that is set. Tokens are those of the rows, without padding.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from core.bench.protocol import BENCH, Answer, Question

TRAINING, SCORING = "lengths_kaggle1024.npy", "lengths_kaggle2048.npy"
SECONDS = 240


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", metavar="FILE", type=Path, required=True)
    parser.add_argument("--only", metavar="NAMES", help="of the table's lines, with commas between")
    options = parser.parse_args()

    lengths, scored = (str((options.folder / name).absolute()) for name in (TRAINING, SCORING))
    seed = [sys.executable, "seed_recipe.py", "--lengths", lengths, "--steps", "48", "--skip", "8"]
    inference = [sys.executable, "seed_inference.py", "--lengths", scored]
    programs: dict[str, list[str] | Question] = {
        "ceilings": [sys.executable, "ceilings.py"],
        "seed recipe": seed,
        "packed": Question(lengths=lengths, engine="packed", steps=60, warmup=20),
        "packed small": Question(lengths=lengths, engine="packed", memory="small", at_once=4, steps=24, warmup=8),
        "packed smallest": Question(lengths=lengths, engine="packed", memory="small", at_once=2, steps=16, warmup=4),
        "seed inference": inference,
        "packed scoring": Question(lengths=scored, engine="packed", scoring=True, steps=25, warmup=0),
        "padded": Question(lengths=lengths, engine="padded", steps=12, warmup=2),
    }
    wanted = options.only.split(",") if options.only else list(programs)
    results: dict[str, Any] = {}
    for name in wanted:
        began = time.monotonic()
        results[name] = _ran(programs[name], options.folder)
        print(f"{name:<22} {time.monotonic() - began:4.0f} s  {json.dumps(results[name])[:600]}", flush=True)
        options.json.write_text(json.dumps(results, indent=1))


def _ran(program: "list[str] | Question", folder: Path) -> Any:
    """What it printed, or what went wrong."""
    environment = dict(os.environ)
    if isinstance(program, Question):
        command, place = [*BENCH, msgspec.json.encode(program).decode()], None
    else:
        command, place = program, folder
        environment["PYTHONPATH"] = environment.get("SEED_PYTHONPATH", environment.get("PYTHONPATH", ""))
    try:
        ran = subprocess.run(
            command, cwd=place, env=environment, capture_output=True, text=True, timeout=SECONDS, check=True
        )
    except subprocess.CalledProcessError as error:
        return {"failed": error.stderr[-500:]}
    except subprocess.TimeoutExpired:
        return {"failed": f"not done in {SECONDS} s"}
    lines = [line for line in ran.stdout.splitlines() if line.startswith('{"')]
    if isinstance(program, Question):
        return msgspec.to_builtins(msgspec.json.decode(lines[-1], type=Answer))
    return [json.loads(line) for line in lines]


if __name__ == "__main__":
    main()
