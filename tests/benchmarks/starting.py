"""Measures how long one waits: what each dependency costs to import, and how soon the engine's children have something.

    python tests/benchmarks/starting.py [imports] [train] [plan] [predict] [inspect] [--repeat 3]

Processor time (user and system, of a child and all that it starts) beside the time that passes: on a machine that does
something else besides, the former alone can be compared. To compare two versions, run this file with each of them first
in PYTHONPATH, in turn. `predict` needs a finished run of the demo and trains one, `inspect` a file of 57,477 rows and
makes one. The cache and the runs lie in a scratch folder, kept between calls where $SCRATCH names one.
"""

import argparse
import csv
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import psutil

PACKAGES = {
    "torch": "torch", "transformers": "transformers.trainer", "peft": "peft", "bitsandbytes": "bitsandbytes",
    "accelerate": "accelerate", "datasets": "datasets", "pyarrow": "pyarrow", "scikit-learn": "sklearn.metrics",
    "numpy": "numpy", "scipy": "scipy.stats", "safetensors": "safetensors", "packaging": "packaging.version",
    "msgspec": "msgspec", "tomli-w": "tomli_w", "psutil": "psutil", "nvidia-ml-py": "pynvml", "gguf": "gguf",
    "tokenizers": "tokenizers", "huggingface-hub": "huggingface_hub", "rich": "rich.text", "textual": "textual.app",
    "tree-sitter": "tree_sitter", "tree-sitter-toml": "tree_sitter_toml",
}  # fmt: skip
"""Each dependency and the module of it that is imported; what a package brings along counts for it."""
IMPORT = """
import os
def spent():
    now, pages = os.times(), open("/proc/self/statm").read().split()[1]
    return now.user + now.system, int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6
before = spent()
import {package}
print(*(after - first for after, first in zip(spent(), before)))
"""
ROWS, MORE = 57_477, " and so on" * 60


def imports(_: Path) -> None:
    print("| package | on disk | import | memory |\n| --- | ---: | ---: | ---: |")
    for package, module in PACKAGES.items():
        told = subprocess.run(
            [sys.executable, "-c", IMPORT.format(package=module)], capture_output=True, text=True, check=True
        )
        seconds, megabytes = map(float, told.stdout.split())
        files = metadata.distribution(package).files or ()
        on_disk = sum(path.stat().st_size for file in files if (path := Path(file.locate())).is_file()) / 1e6
        print(f"| {package} | {on_disk:,.1f} MB | {seconds:.2f} s | {megabytes:.0f} MB |", flush=True)


class Watched:
    """A child and what it has used of the processor so far, with all that it starts."""

    def __init__(self, command: list[str], cwd: Path) -> None:
        self.began = time.monotonic()
        self.process = psutil.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=cwd)
        self._used: dict[int, float] = {}

    def tell(self, what: str) -> None:
        passed = time.monotonic() - self.began
        print(f"  {what:44} {self.used():5.2f} s of processor time, {passed:5.2f} s passed", flush=True)

    def used(self) -> float:
        for one in (self.process, *self._children()):
            try:
                times = one.cpu_times()
            except psutil.Error:
                continue
            self._used[one.pid] = times.user + times.system
        return sum(self._used.values())

    def _children(self) -> list[psutil.Process]:
        try:
            found: list[psutil.Process] = self.process.children(recursive=True)
        except psutil.Error:
            return []
        return found

    def lines(self) -> Iterator[bytes]:
        assert self.process.stdout is not None
        yield from self.process.stdout

    def to_the_end(self) -> None:
        while self.process.poll() is None:
            self.used()
            time.sleep(0.005)


def train(folder: Path) -> None:
    from core.profile.files import find_profile, read_profile
    from core.profile.load import parse_profile
    from core.runs import events
    from core.runs.folder import create_run
    from core.runs.record import Tail

    file = read_profile(find_profile("demo"))
    run = create_run(folder / "runs", parse_profile(file.text, source="demo"), text=file.text, name="start")
    child = Watched([sys.executable, "-P", "-m", "core.train", str(run.path)], folder)
    tail, seen = Tail(run.events), set()
    while child.process.poll() is None and "step 1" not in seen:
        for event in tail.read():
            match event:
                case events.Phase():
                    what = f"{event.phase} {event.detail or event.unit}"
                case events.Step():
                    what = f"step {event.step}"
                case _:
                    what = type(event).__name__.lower()
            if what not in seen:
                seen.add(what)
                child.tell(what)
        time.sleep(0.002)
    child.process.kill()
    child.process.wait()


def plan(folder: Path) -> None:
    child = Watched([sys.executable, "-P", "-m", "core.plan", str(folder / "runs"), demo_profile()], folder)
    for number, _ in enumerate(child.lines(), 1):
        child.tell(f"answer {number}")
    child.process.wait()


def predict(folder: Path) -> None:
    from core.cache import cache_folder
    from core.runs.folder import list_runs

    runs = folder / "to-predict-with"
    if not any(run.metrics.exists() for run in list_runs(runs)):
        command = [sys.executable, "-P", "-m", "arena_tui", "train", "demo", "--runs-dir", str(runs)]
        subprocess.run(command, check=True, capture_output=True)
    three = folder / "three.csv"
    with next(cache_folder().glob("demo-*/test.csv")).open(newline="") as rows, three.open("w", newline="") as file:
        csv.writer(file).writerows(itertools.islice(csv.reader(rows), 4))
    command = [sys.executable, "-P", "-m", "arena_tui", "predict", "last", str(three), "--runs-dir", str(runs)]
    child = Watched(command, folder)
    child.to_the_end()
    child.tell(f"3 rows, exit code {child.process.returncode}")


def inspect(folder: Path) -> None:
    from core.cache import cache_folder

    many = folder / "many.csv"
    if not many.exists():
        plan(folder)  # makes the demo
        with next(cache_folder().glob("demo-*/train.csv")).open(newline="") as file:
            columns, *rows = list(csv.reader(file))
        with many.open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow(columns)
            for number, row in zip(range(ROWS), itertools.cycle(rows), strict=False):
                longer = [cell.replace('"]', MORE + '"]') if cell.endswith('"]') else cell for cell in row[3:]]
                out.writerow([number, *row[1:3], *longer])
    override = f"data.train={many}"
    for opened in ("the first time", "again", "again"):
        child = Watched([sys.executable, "-P", "-m", "core.inspect", demo_profile(), override], folder)
        *_, line = child.lines()
        child.process.wait()
        assert b'"problem":null' in line, line
        child.tell(f"{ROWS:,} rows, {many.stat().st_size / 1e6:.0f} MB, {opened}")


def demo_profile() -> str:
    from core.profile.files import find_profile

    return str(find_profile("demo"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="imports, train, plan, predict, inspect; all without")
    parser.add_argument("--repeat", type=int, default=1)
    options = parser.parse_args()
    cases: dict[str, Callable[[Path], None]] = {
        "imports": imports, "plan": plan, "train": train, "predict": predict, "inspect": inspect,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(os.environ.get("SCRATCH", scratch))
        os.environ["ARENA_TUI_CACHE"] = str(folder / "cache")
        for name in options.cases or cases:
            print(name)
            for _ in range(options.repeat):
                cases[name](folder)


if __name__ == "__main__":
    main()
