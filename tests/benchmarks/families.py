"""Times both engines on published sizes of the packed engine's families, on one card; all weights are random.

    python tests/benchmarks/families.py [MODEL ...] [--engines packed,padded] [--lengths FILE|N] [--json FILE]

Without --lengths, rows are as long as those of chats: 540 tokens in the mean, a fifth of them cut at 1,024. A line is
printed as each is done, and nothing runs on after --seconds: two models take some four minutes on an H200. Memory is
the peak of allocated memory, and what a plan reckons with.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, get_args

import msgspec
import numpy as np

from core.bench.protocol import BENCH, Answer, Question, Size
from core.protocol import read_answer

GIB = 2**30
NAMES: list[Size] = ["qwen3-8b", "mistral-7b", "phi-4-mini", "gemma3-12b", "phi-3-mini", "phi-4"]
STEPS = {"packed": (20, 6), "padded": (8, 2)}
"""Timed ones, and those before them: the first compile kernels."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", metavar="MODEL", nargs="*", help=f"of {', '.join(get_args(Size))}")
    parser.add_argument("--engines", default="packed,padded", help="with commas between (default: both)")
    parser.add_argument("--lengths", metavar="FILE|N", help="a .npy file of token counts, or one for all rows")
    parser.add_argument("--seconds", type=float, default=520, help="nothing runs longer than this (default: 520)")
    parser.add_argument("--json", metavar="FILE", type=Path)
    options = parser.parse_args()

    end = time.monotonic() + options.seconds
    results: dict[str, Any] = {}
    print(f"{'model':<12} {'engine':<7} {'tokens/s':>9} {'of ceiling':>10} {'peak GiB':>9} {'predicted':>9}  layout")
    with tempfile.TemporaryDirectory() as folder:
        lengths = options.lengths or str(_chats(Path(folder)))
        for model in options.models or NAMES:
            for engine in options.engines.split(","):
                steps, warmup = STEPS[engine]
                question = Question(model=model, engine=engine, lengths=lengths, steps=steps, warmup=warmup)
                answer = _asked(question, end - time.monotonic())
                results[f"{model} {engine}"] = answer
                print(f"{model:<12} {engine:<7} {_line(answer)}", flush=True)
                if options.json:
                    options.json.write_text(json.dumps(results, indent=1))


def _chats(folder: Path) -> Path:
    """A file of the token counts of 1,024 rows."""
    lengths = np.random.default_rng(0).lognormal(6.2, 0.9, 1024).clip(32, 1024).astype(np.int64)
    np.save(folder / "lengths.npy", lengths)
    return folder / "lengths.npy"


def _asked(question: Question, seconds: float) -> dict[str, Any]:
    """What the benchmark answers, or what went wrong."""
    if seconds <= 0:
        return {"failed": "no time was left"}
    command = [*BENCH, msgspec.json.encode(question).decode()]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return {"failed": f"not done in {seconds:.0f} s"}
    answers = [found for line in ran.stdout.splitlines() if (found := read_answer(line.encode(), Answer))]
    if ran.returncode or not answers:
        return {"failed": ran.stderr[-2000:]}
    return dict(msgspec.to_builtins(answers[-1]))


def _line(answer: dict[str, Any]) -> str:
    if "failed" in answer:
        return f"failed: {answer['failed']}"
    speed, share = f"{answer['tokens_per_second']:>9,.0f}", f"{answer['share_of_ceiling']:>10.1%}"
    peaks = (f"{answer[name] / GIB:>9.2f}" for name in ("memory_peak", "memory_predicted"))
    return " ".join((speed, share, *peaks, f" {answer['how']}"))


if __name__ == "__main__":
    main()
