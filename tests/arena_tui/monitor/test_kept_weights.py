"""A run that kept the weights of an earlier evaluation than its last: what is told of it is of these."""

import json
from pathlib import Path

import pytest
from recorded import record_run
from screen import until_shown

from arena_tui.__main__ import main
from arena_tui.app.app import ArenaApp
from core.runs import events
from core.runs.folder import RunFolder
from core.runs.record import Record, Tail


@pytest.fixture
def kept(runs: Path) -> RunFolder:
    """One of 40 steps, which was at its best after 20."""
    folder = record_run(runs, "20260131-120000-kept", end=None, steps=40)
    [best] = [event for event in Tail(folder.events).read() if isinstance(event, events.Evaluated)]
    assert (best.step, best.log_loss) == (20, 0.9402)
    with Record(folder.events) as record:
        record.write(events.Evaluated(step=40, epoch=1.0, log_loss=0.9876, accuracy=0.5, rows=best.rows, seconds=1))
        record.write(events.Finished(log_loss=best.log_loss, accuracy=best.accuracy))
    return folder


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_monitor_tells_which_weights_they_are(kept: RunFolder, size: tuple[int, int]) -> None:
    app = ArenaApp(kept.path.parent, watch=kept)
    async with app.run_test(size=size) as pilot:
        await until_shown(pilot, "step 20", "the best of 2 evaluations", "55.1 %")


def test_lists_and_comparisons_tell_their_figures(kept: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    record_run(kept.path.parent, "20260131-130000-other", end="finished", steps=40)
    for _ in range(2):  # read from the record, then from the cache
        assert main(["--runs-dir", str(kept.path.parent), "runs", "--json"]) == 0
        told = {run["name"]: run for run in json.loads(capsys.readouterr().out)}
        assert (told["kept"]["log_loss"], told["kept"]["accuracy"]) == (0.9402, 0.551)
    assert main(["--runs-dir", str(kept.path.parent), "compare", "kept", "other"]) == 0
    lines = {line.split("  ")[0]: line.split()[-2:] for line in capsys.readouterr().out.splitlines() if line}
    assert lines["at step"] == ["20", "40"]
