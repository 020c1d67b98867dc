"""A runs folder that does not answer, as on a network file system whose server is gone: whoever opens a record there
waits for ever."""

import sys
from pathlib import Path

import pytest
from recorded import record_run
from screen import PROFILE
from terminal import SECONDS, Terminal

WAITS = """
import sys, time
from arena_tui.__main__ import main

def wait_for_the_server(event, arguments):
    if event == "open" and str(arguments[0]).endswith("events.jsonl"):
        time.sleep(100_000)

sys.addaudithook(wait_for_the_server)
sys.exit(main([]))
"""


@pytest.mark.slow
def test_profiles_stay_usable_and_the_console_can_be_left(runs: Path) -> None:
    record_run(runs, "20260131-120000-hung", end="finished")
    with Terminal(runs.parent, (110, 34), (sys.executable, "-P", "-c", WAITS)) as opened:
        opened.until_seen("reading …")
        for _ in range(8):  # more often than there would be threads to wait in
            opened.type("H")
            opened.until_seen("no runs to show")
            opened.type("\x1b")
            opened.until_seen("reading …")
        (runs.parent / "profiles" / "new.toml").write_text(PROFILE)
        opened.until_seen("new ")
        opened.type("e")
        opened.until_seen("sections")
        opened.until_quiet()
        opened.type("\x1b")
        opened.until(lambda: "sections" not in opened.screen.text, "home")
        opened.until_quiet()
        opened.type("q")
        opened.until_seen("The runs folder does not respond; active runs in it are left running.")
        assert opened.process.wait(timeout=SECONDS) == 0
