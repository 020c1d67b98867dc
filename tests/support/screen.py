"""Drives the app as a user does: scripted children, and waiting for what is on screen."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from textual.css.query import NoMatches
from textual.pilot import Pilot

from arena_tui.app.app import ArenaApp
from arena_tui.format.sanitize import printable
from arena_tui.terminal.pastes import Parser
from core.inspect.protocol import WAIT
from core.runs.folder import RunFolder, list_runs

HERE = Path(__file__).parent
SECONDS = 90.0
"""How long a test waits for what must come: a machine with other work makes it slow, not red."""
PROFILE = """\
# The recipe on my own rows, with more of the model trained.
[data]
train = "mine.csv"
# limit = 100         # the first rows only, for a quick look

[lora]
r = 64
target_modules = ["q_proj", "k_proj", "v_proj", "o_proj"]

[train]
learning_rate = 1e-4
schedule = "cosine"
"""


def child(scenario: str) -> list[str]:
    return [sys.executable, "-P", str(HERE / "scripted_child.py"), scenario]


def planner(scenario: str) -> list[str]:
    return [sys.executable, "-P", str(HERE / "scripted_plan.py"), scenario]


def children() -> list[psutil.Process]:
    """Those of the console's children that have not ended; not the one that waits to be asked for a profile's rows."""
    found = []
    for process in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE and WAIT not in process.cmdline():
                found.append(process)
    return found


def shown(app: ArenaApp) -> str:
    """The text on the screen, as the terminal would show it."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def until(pilot: Pilot[None], holds: Callable[[], object], what: str = "") -> None:
    """Let the app work until `holds()`; fail with what the screen shows if it never does. A widget that it asks for may
    be one that is yet to come."""
    deadline = time.monotonic() + SECONDS
    while True:
        with suppress(NoMatches):
            if holds():
                return
        await pilot.pause(0.02)
        if time.monotonic() > deadline:
            pytest.fail(f"never came: {what}\n{shown(pilot.app)}")


async def until_shown(pilot: Pilot[None], *texts: str) -> None:
    for text in texts:
        await until(pilot, lambda text=text: text in shown(pilot.app), repr(text))


async def choose(pilot: Pilot[None], name: str) -> None:
    """Put the highlight of the profile list on this profile."""

    def names() -> list[str]:
        return [Path(option.id or "").stem for option in pilot.app.screen.query_one("#profiles").options]

    await until(pilot, lambda: name in names(), printable(name))  # it may be out of sight
    menu = pilot.app.screen.query_one("#profiles")
    menu.highlighted = names().index(name)
    await pilot.pause()


async def start(pilot: Pilot[None], name: str = "mine") -> None:
    """Start a profile the way a user does."""
    await choose(pilot, name)
    await pilot.press("r")
    await until_shown(pilot, f"start {name}?")
    await pilot.press("enter")


def only_run(runs: Path) -> RunFolder:
    (run,) = list_runs(runs)
    return run


def burst(pilot: Pilot[None], typed: str) -> None:
    """Bytes that come all at once, as over a slow line: read as the terminal's own, none waits for what is done."""
    assert pilot.app._driver
    for event in Parser().feed(typed):
        pilot.app._driver.send_message(event)
