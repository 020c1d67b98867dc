"""Rows that are long in coming: the screen says what they wait for."""

import sys
from pathlib import Path

from places import ROOT
from screen import planner, shown, until, until_shown

from arena_tui.app.app import ArenaApp
from arena_tui.dataset.screen import DataScreen
from arena_tui.screen import profiles

DEMO = ROOT / "profiles" / "demo.toml"
AT_WORK = """
import time
print('{"doing": "making the demo and its base"}', flush=True)
time.sleep(1)
print('{"rows": 1}', flush=True)
time.sleep(600)
"""


async def test_while_the_demo_is_made_the_data_screen_says_so_in_place_of_empty_panes(tmp_path: Path) -> None:
    app = ArenaApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = DataScreen(profiles.read(DEMO), tmp_path, [sys.executable, "-c", AT_WORK], planner("nothing"))
        await app.push_screen(screen)
        await until_shown(pilot, "making the demo and its base …")
        assert "limit" not in shown(app)
        await until(pilot, lambda: "making the demo" not in shown(app), "the rows")
        await until_shown(pilot, "limit")
