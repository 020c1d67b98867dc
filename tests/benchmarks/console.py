"""Measures the console in a terminal of 120x40: bytes sent, processor time, memory, and how soon things are seen.

    python tests/benchmarks/console.py [home] [idle] [live] [long] [--seconds 20] [--repeat 3]

Each line is one console in a pseudo-terminal that answers as a usual one does. Other processes disturb: repeat, and
take the least. `live` is a run that logs ten steps a second, from its beginning and after 100,000 steps; `long` opens
a run of 100,000 steps, with `watch` and from the list. Bytes and processor time are counted from the time when the
screen is complete on; resident memory is read at the end.
"""

import argparse
import fcntl
import itertools
import math
import os
import pty
import re
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

import psutil
from msgspec.structs import replace

from core.profile.load import to_toml
from core.profile.settings import Profile
from core.runs import events
from core.runs.folder import RunFolder
from core.runs.process import describe_this_process
from core.runs.record import Record

sys.path.append(str(Path(__file__).parents[1] / "support"))
from emulator import Emulator

NEWEST = re.compile(r"throughput +([0-9,]+) tokens/s")
ANSWERS = {
    b"\x1b[c": b"\x1b[?62;22c",
    b"\x1b]11;?": b"\x1b]11;rgb:0000/0000/0000\x1b\\",
    b"\x1b[6n": b"\x1b[1;1R",
    b"\x1b[?2026$p": b"\x1b[?2026;2$y",
}
GIB = 2**30
LONG = 100_000


class Console:
    """`screen` is what it shows; `newest` are the steps whose throughput stood beside its curve, each with the time."""

    def __init__(self, runs: Path, *arguments: str) -> None:
        self.began = time.monotonic()
        self._fd, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "arena_tui", "--runs-dir", str(runs), *arguments],
            stdin=end,
            stdout=end,
            stderr=end,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONDONTWRITEBYTECODE": ""},
        )
        os.close(end)
        self.screen = Emulator(120, 40)
        self.newest: dict[int, float] = {}
        self.byte_count = 0

    def read(self, seconds: float) -> None:
        """Read for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([self._fd], [], [], left)[0]:
                self._take()

    def _take(self) -> None:
        data = os.read(self._fd, 1 << 20)
        self.byte_count += len(data)
        self.screen.feed(data)
        if found := NEWEST.search(self.screen.text):
            self.newest.setdefault(int(found[1].replace(",", "")) - 10_000, time.monotonic())
        for question, answer in ANSWERS.items():
            if question in data:
                os.write(self._fd, answer)

    def until(self, text: str, seconds: float = 30.0) -> float:
        """Seconds since the start, or since the last key, until `text` is on the screen."""
        deadline = time.monotonic() + seconds
        while text not in self.screen.text:
            if time.monotonic() > deadline:
                raise SystemExit(f"never seen: {text}\n{self.screen.text}")
            if select.select([self._fd], [], [], 0.02)[0]:
                self._take()
        return time.monotonic() - self.began

    def press(self, keys: str) -> None:
        self.began = time.monotonic()
        os.write(self._fd, keys.encode())

    def cost(self, seconds: float) -> str:
        """Bytes a second, share of a processor, memory, over so many seconds of doing nothing."""
        process = psutil.Process(self._process.pid)
        before, sent = process.cpu_times(), self.byte_count
        self.newest, began = {}, time.monotonic()
        self.read(seconds)
        after, passed = process.cpu_times(), time.monotonic() - began
        used = after.user + after.system - before.user - before.system
        return (
            f"{(self.byte_count - sent) / passed:>7,.0f} B/s  {100 * used / passed:>5.1f} % CPU  "
            f"{process.memory_info().rss / 1e6:>5.0f} MB"
        )

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._fd)


class Trainer:
    """Writes a run's record as the engine does. This process plays the run's."""

    def __init__(self, runs: Path, run_id: str, steps: int, *, alive: bool) -> None:
        self.folder = RunFolder(runs / run_id)
        self.folder.path.mkdir(parents=True)
        self.folder.profile.write_text("")
        self.folder.resolved.write_text(to_toml(Profile()))
        me = describe_this_process(["benchmark"])
        self.folder.write_info(me if alive else replace(me, pid=2**22 + 1))
        self._lock = self.folder.lock.open("a+b")
        self.steps, self.step = steps, 0
        self.written: dict[int, float] = {}
        self._record = Record(self.folder.events)
        self._log = self.folder.console_log.open("w")
        self._stopped = threading.Event()
        self._record.write(events.Phase(phase="loading"))
        self._record.write(
            events.Started(
                rows_train=45_981,
                rows_eval=11_496,
                rows_cut=7_817,
                tokens_train=25_300_000,
                steps=steps,
                global_batch=8,
                trainable_parameters=7_891_456,
                total_parameters=9_249_608_192,
                precision="bf16",
                device=events.Device(kind="cuda", name="a card", memory=140 * GIB),
                prior_log_loss=1.0971,
            )
        )

    def write(self, at: float | None = None) -> None:
        """One more logged step; its throughput is told by no other."""
        self.step += 1
        done = self.step
        now = time.time() if at is None else at
        noise = 0.06 * math.sin(done * 1.7) + 0.04 * math.sin(done * 0.61)
        if done % 20 == 1:
            self._record.write(events.Phase(time=now, phase="training", done=done, total=self.steps, unit="steps"))
        self._record.write(
            events.Step(
                time=now,
                step=done,
                epoch=done / self.steps,
                loss=0.93 + 0.2 * math.exp(-6 * done / self.steps) + noise,
                learning_rate=2e-4 * (1 - done / self.steps),
                grad_norm=1.5 + abs(math.sin(done * 0.9)),
                tokens=done * 8_000,
                tokens_per_second=10_000 + done,
                memory_allocated=int(31.2 * GIB),
                memory_reserved=int(36.1 * GIB),
                memory_peak=int(33.0 * GIB),
            )
        )
        self._log.write(f"step {done} of {self.steps}: loss {noise:.4f}, 15,480 tokens/s\n")
        self._log.flush()
        self.written[done] = time.monotonic()

    def write_all(self, steps: int) -> None:
        now = time.time()
        for step in range(steps):
            self.write(now - (steps - step) * 0.1)

    def finish(self) -> None:
        self._record.write(
            events.Evaluated(step=self.step, epoch=1, log_loss=0.94, accuracy=0.55, rows=11_496, seconds=9)
        )
        self._record.write(events.Finished(log_loss=0.94, accuracy=0.55))

    def go_on(self, a_second: float) -> None:
        """Log so many steps a second until stopped."""

        def work() -> None:
            began, first = time.monotonic(), self.step
            while not self._stopped.wait(max(0.0, began + (self.step - first) / a_second - time.monotonic())):
                self.write()

        threading.Thread(target=work, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()


def home(folder: Path, seconds: float) -> None:
    runs = folder / "runs"
    for number in range(200):
        past = Trainer(runs, f"20260131-{number:06}-past", 50, alive=False)
        past.write_all(50)
        past.finish()
    for opened in ("the first time", "again"):
        console = Console(runs)
        first = console.until("gemma2-9b-qlora")
        runs_seen = console.until("finished")
        console.read(3)
        print(f"home with 200 runs, {opened}: profiles {first:.2f} s, runs {runs_seen:.2f} s", console.cost(seconds))
        console.close()


def idle(folder: Path, seconds: float) -> None:
    for name, alive in (("finished", False), ("silent", True)):
        runs = folder / f"idle-{name}"
        run = Trainer(runs, f"20260131-120000-{name}", 2_000, alive=alive)
        run.write_all(1_500)
        if not alive:
            run.finish()
        console = Console(runs, "watch", "last")
        console.until("1,500 / 2,000 steps")
        console.read(4)
        print(f"monitor of a {name} run:", console.cost(seconds))
        console.close()


def live(folder: Path, seconds: float) -> None:
    for before, steps in ((0, 5_748), (LONG, 2 * LONG)):
        runs = folder / f"live-{before}"
        run = Trainer(runs, "20260131-120000-live", steps, alive=True)
        run.write_all(before)
        run.go_on(10)
        console = Console(runs, "watch", "last")
        console.until("tokens/s")
        console.read(6)
        cost = console.cost(seconds)
        run.stop()
        late = delays(console, run)
        print(
            f"live after {before:,} steps: {cost}  newest point after {statistics.median(late):.2f} s, at most "
            f"{max(late):.2f} s"
        )
        console.close()


def delays(console: Console, run: Trainer) -> list[float]:
    """Seconds that the step which waited longest for each new picture had to wait: the first after the one before."""
    steps = sorted(console.newest)
    return [console.newest[step] - run.written[before + 1] for before, step in itertools.pairwise(steps)]


def long(folder: Path, seconds: float) -> None:
    runs = folder / "long"
    run = Trainer(runs, "20260131-120000-long", LONG, alive=False)
    run.write_all(LONG)
    run.finish()
    console = Console(runs, "watch", "last")
    opened = console.until("110,000 tokens/s")
    console.read(2)
    print(f"watch of {LONG:,} steps: {opened:.2f} s from the start,", console.cost(seconds))
    console.close()
    console = Console(runs)
    console.until("finished")
    console.press("\t")
    console.read(1)
    console.press("\r")
    opened = console.until("110,000 tokens/s")
    console.read(2)
    print(f"{LONG:,} steps from the list: {opened:.2f} s from the key,", console.cost(seconds))
    console.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="home, idle, live or long; all without any")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--repeat", type=int, default=1)
    options = parser.parse_args()
    cases = {"home": home, "idle": idle, "live": live, "long": long}
    for _ in range(options.repeat):
        for name in options.cases or cases:
            with tempfile.TemporaryDirectory() as folder:
                os.environ["ARENA_TUI_CACHE"] = str(Path(folder) / "cache")
                cases[name](Path(folder), options.seconds)


if __name__ == "__main__":
    main()
