"""Times the full report on a file against `datasets.map` with the notebook's own encode function, in pairs.

    python tests/benchmarks/inspection.py TOKENIZER_FOLDER FILE.csv [FILE.csv ...] [--rows 57477] [--pairs 2]

The files' rows, in the Kaggle schema, are drawn with replacement until there are as many as a competition file has.
Prints the seconds of each, the ratio, the peak resident memory of the report's child, when its first figures came,
and how long a second opening takes.
"""

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from core.inspect.protocol import INSPECT

NOTEBOOK = """
import json, sys, time
from datasets import Dataset
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])

def text(cell):  # the notebook calls eval(), which is slower
    joined = " ".join(turn or "" for turn in json.loads(cell))
    return joined.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

def encode(batch):
    texts = [
        "<prompt>: " + text(p) + "\\n\\n<response_a>: " + text(a) + "\\n\\n<response_b>: " + text(b)
        for p, a, b in zip(batch["prompt"], batch["response_a"], batch["response_b"])
    ]
    labels = [0 if a else 1 if b else 2 for a, b in zip(batch["winner_model_a"], batch["winner_model_b"])]
    return {**tokenizer(texts, max_length=1024, truncation=True), "labels": labels}

rows = Dataset.from_csv(sys.argv[2], cache_dir=sys.argv[3])
began = time.perf_counter()
rows.map(encode, batched=True, load_from_cache_file=False)
print(time.perf_counter() - began)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokenizer")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--rows", type=int, default=57_477)
    parser.add_argument("--pairs", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        train = Path(scratch) / "train.csv"
        resample(options.files, options.rows, train)
        print(f"{options.rows:,} rows, {train.stat().st_size / 1e6:,.0f} MB, {os.cpu_count()} cores", flush=True)
        profile = Path(scratch) / "profile.toml"
        profile.write_text(f'[data]\ntrain = "{train}"\n[model]\ncheckpoint = "{Path(options.tokenizer).absolute()}"\n')
        for pair in range(options.pairs):
            map_seconds = notebook(options.tokenizer, train, Path(scratch) / f"datasets-{pair}")
            cold = opened(profile, Path(scratch) / f"cache-{pair}")
            warm = opened(profile, Path(scratch) / f"cache-{pair}")
            ratio = cold["seconds"] / map_seconds
            print(f"datasets.map {map_seconds:.1f} s, report {cold['seconds']:.1f} s: {ratio:.2f} x", flush=True)
            print(f"  first figures {cold['first']:.2f} s, peak {cold['peak'] / 2**20:.0f} MiB", flush=True)
            print(f"  opened again {warm['seconds']:.2f} s", flush=True)


def resample(files: list[str], count: int, to: Path) -> None:
    csv.field_size_limit(2**31 - 1)
    rows = []
    for path in files:
        with Path(path).open(encoding="utf-8", newline="") as file:
            rows += list(csv.DictReader(file))
    columns = [column for column in rows[0] if column is not None]
    with to.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, columns, extrasaction="ignore")
        writer.writeheader()
        for number, row in enumerate(random.Random(0).choices(rows, k=count)):
            writer.writerow({**row, "id": number})


def notebook(tokenizer: str, train: Path, cache: Path) -> float:
    command = [sys.executable, "-c", NOTEBOOK, tokenizer, str(train), str(cache)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return float(ran.stdout.splitlines()[-1])


def opened(profile: Path, cache: Path) -> dict[str, float]:
    """Seconds from the start of the child until the report is computed, and until its first line."""
    began = time.perf_counter()
    environment = {**os.environ, "ARENA_TUI_CACHE": str(cache)}
    child = subprocess.Popen([*INSPECT, str(profile)], env=environment, stdout=subprocess.PIPE)
    peak = watch(child.pid)
    assert child.stdout
    first, last = None, {}
    for line in child.stdout:
        first = first or time.perf_counter() - began
        last = json.loads(line)
    child.wait()
    report(profile, last)
    return {"seconds": time.perf_counter() - began, "first": first or 0.0, "peak": max(peak, default=0)}


def report(profile: Path, last: dict[str, object]) -> None:
    import msgspec

    from core.inspect.cuts import LIMITS
    from core.inspect.figures import read_rows
    from core.inspect.protocol import Progress
    from core.inspect.report import report
    from core.profile.load import parse_profile

    progress = msgspec.convert(last, Progress)
    assert progress.whole, progress.problem
    assert progress.frame
    settings = parse_profile(profile.read_text(), source=str(profile))
    report(read_rows(Path(progress.whole)), settings, progress.frame, LIMITS, progress.read)


def watch(pid: int) -> list[int]:
    """Resident memory of a process, read every 20 ms until it ends."""
    seen: list[int] = []

    def look() -> None:
        try:
            while True:
                seen.append(psutil.Process(pid).memory_info().rss)
                time.sleep(0.02)
        except psutil.Error:
            return

    threading.Thread(target=look, daemon=True).start()
    return seen


if __name__ == "__main__":
    main()
