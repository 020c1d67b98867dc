"""What the home screen says of machines and profiles with several cards."""

from pathlib import Path

from msgspec.structs import replace
from screen import shown, until, until_shown

from arena_tui.app.app import ArenaApp
from arena_tui.home.panels import summary
from arena_tui.home.title import MachineLine
from core.machine.gpus import Card, Machine
from core.profile.settings import Profile, Run

GIB = 2**30
CARD = Card("NVIDIA H200", 139 * GIB, 141 * GIB, "bf16")


async def test_the_first_line_says_how_many_cards_are_visible(runs: Path) -> None:
    app = ArenaApp(runs)
    machine = Machine(CARD, CARD.name, CARD.memory_free, CARD.memory, 214 * GIB)
    async with app.run_test(size=(120, 40)) as pilot:
        line = app.screen.query_one(MachineLine)
        await until(pilot, lambda: line.machine, "the first look at the machine")
        line.show(machine)
        await until_shown(pilot, " NVIDIA H200 · 139.0 GiB of 141.0 GiB free")
        assert "GPUs" not in shown(app)
        line.show(replace(machine, others=1))
        await until_shown(pilot, "2 GPUs, the first NVIDIA H200 · 139.0 GiB")


def test_a_profile_that_asks_for_several_cards_says_so_and_no_other_does() -> None:
    def said(run: Run) -> str:
        return str(summary(Profile(run=run), 60, {}, []))

    assert "GPUs" not in said(Run())
    assert "GPUs        4" in said(Run(gpus=4))
    assert "GPUs        0, 2" in said(Run(gpus=[0, 2]))
    assert "GPUs        all  on each of 2 machines" in " ".join(said(Run(gpus="all", nodes=2)).split("  +"))
