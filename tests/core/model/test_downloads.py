"""Bases come from the hub, a stand-in on the loopback that speaks its protocol: told, stopped, resumed, refused."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import arena_tui
from hub_of_models import GATED, HubOfModels, hub_of_models
from tiny_runs import SECONDS, Start, wait_for

from core.runs import events
from core.runs.actions import stop
from core.runs.record import Tail
from core.runs.stopping import Rung

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("downloads")]
BASE = "tiny/base"
WEIGHTS = "model.safetensors"


@pytest.fixture
def hub(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubOfModels]:
    """All processes of the test take it for the hub, and have an empty cache of their own."""
    with hub_of_models({BASE: checkpoint}) as server:
        own = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "0"}
        for name, value in {**server.environment, **own}.items():
            monkeypatch.setenv(name, value)
        yield server


def fetched(hub: HubOfModels) -> list[str]:
    """The files that were sent, or begun to be."""
    return [path.rpartition("/")[2] for method, path, _ in hub.asked if method == "GET" and "/resolve/" in path]


def test_a_run_fetches_its_base_once_through_a_connection_that_breaks_and_then_needs_no_hub(
    hub: HubOfModels, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.broken[WEIGHTS] = 100_000
    folder, child = start(f"model.checkpoint={BASE}", "data.limit=20")
    assert child.wait(SECONDS) == 0, folder.console_log.read_text()
    told = [event for event in Tail(folder.events).read() if isinstance(event, events.Phase)]
    [*_, whole] = [event for event in told if event.detail == "downloading the base model"]
    assert (whole.done, whole.unit) == (whole.total, "MiB")
    sent = fetched(hub)
    assert sent.count(WEIGHTS) == 2, "broken off once"
    assert all(sent.count(name) == 1 for name in {*sent} - {WEIGHTS})
    hub.asked.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    again, child = start(f"model.checkpoint={BASE}", "data.limit=20")
    assert child.wait(SECONDS) == 0, again.console_log.read_text()
    assert hub.asked == []


def test_a_stop_ends_a_download_at_once_and_what_is_whole_is_not_fetched_again(hub: HubOfModels, start: Start) -> None:
    hub.held[WEIGHTS] = 100_000
    folder, child = start(f"model.checkpoint={BASE}", "data.limit=20")
    waits = wait_for(folder, events.Phase, detail="downloading the base model")
    assert isinstance(waits, events.Phase) and waits.total
    stop(folder, Rung.SAVE)
    assert child.wait(SECONDS) == 143
    hub.release()
    hub.asked.clear()
    again, child = start(f"model.checkpoint={BASE}", "data.limit=20")
    assert child.wait(SECONDS) == 0, again.console_log.read_text()
    assert fetched(hub) == [WEIGHTS]


def test_a_checkpoint_without_a_configuration_is_refused_by_run_and_plan(
    hub: HubOfModels, start: Start, checkpoint: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(checkpoint, bare, ignore=shutil.ignore_patterns("config.json"))
    hub.models["tiny/bare"] = bare
    folder, child = start("model.checkpoint=tiny/bare", "data.limit=20")
    assert child.wait(SECONDS) == 2
    failed = Tail(folder.events).read()[-1]
    assert isinstance(failed, events.Failed)
    assert failed.cause.startswith("model.checkpoint = 'tiny/bare': has no config.json")
    plan = arena_tui("plan", str(folder.resolved), cwd=tmp_path)
    assert plan.returncode == 2 and "has no config.json" in plan.stdout + plan.stderr


EXPLAINED = """
import json, sys
from core.failures.explain import explain
from core.model.locate import tokenizer_folder
for id, revision in json.loads(sys.argv[1]):
    try:
        tokenizer_folder(id, revision)
    except Exception as error:
        why = explain(error)
        print(json.dumps([why.cause, why.advice, why.exit_code]))
"""


def test_what_the_hub_refuses_is_said_in_a_sentence_with_the_way_out(hub: HubOfModels, checkpoint: Path) -> None:
    refusals = {"a/strange": (401, GATED), "a/closed": (403, GATED), "a/busy": (429, ""), "a/broken": (503, "")}
    hub.refusals |= refusals
    hub.models |= dict.fromkeys(refusals, checkpoint)
    asked = [*((id, None) for id in refusals), ("a/nothing", None), (BASE, "v9")]
    ran = subprocess.run(
        [sys.executable, "-P", "-c", EXPLAINED, json.dumps(asked)], capture_output=True, text=True, check=True
    )
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [cause for cause, _, _ in found] == [
        "a/strange is gated: nobody is logged in here",
        "a/closed is gated: this login has no access",
        "the Hugging Face hub takes no more requests just now (429 Too Many Requests)",
        "the Hugging Face hub has failed (503 Service Unavailable)",
        "no such checkpoint: the hub has no a/nothing, or not for this login",
        f"{BASE} has no revision v9",
    ]
    assert [code for _, _, code in found] == [1, 1, 1, 1, 2, 2]
    assert f"Accept its licence at {hub.address}/a/strange, then log in here: `hf auth login`" in found[0][1]
    assert found[-1][1].startswith("Correct model.revision")
