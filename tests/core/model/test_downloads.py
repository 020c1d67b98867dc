"""Bases come from the hub, a stand-in on the loopback that speaks its protocol: told, stopped, resumed, refused."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import arena_tui
from hub_of_models import GATED, HubOfModels, hub_of_models
from tiny_runs import MIB, SECONDS, Start, halting, kill, wait_for, wait_until_halted

from core.runs import events
from core.runs.actions import resume, stop
from core.runs.folder import RunFolder
from core.runs.record import Tail
from core.runs.settled import read_settled
from core.runs.stopping import Rung

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("downloads")]
BASE = "tiny/base"
WEIGHTS = "model.safetensors"
LARGE = "vocab.large"
CHUNK = 10 * MIB
"""The library writes what comes in pieces of so many bytes, and goes on behind the last one."""


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


def started_of(folder: RunFolder) -> list[events.Started]:
    return [event for event in Tail(folder.events).read() if isinstance(event, events.Started)]


def with_other_weights(checkpoint: Path, place: Path) -> Path:
    """A copy whose last weight is another."""
    shutil.copytree(checkpoint, place)
    with (place / WEIGHTS).open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        assert file.read() == bytes(4)
        file.seek(-4, os.SEEK_END)
        file.write(b"\0\0\0\x3f")
    return place


def test_a_run_fetches_its_base_once_through_a_connection_that_breaks_and_then_needs_no_hub(
    hub: HubOfModels, start: Start, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.models[BASE] = Path(shutil.copytree(checkpoint, tmp_path / "base"))
    (hub.models[BASE] / LARGE).write_bytes(bytes(CHUNK + MIB))
    hub.broken |= {WEIGHTS: 100_000, LARGE: CHUNK + 100_000}
    folder, child = start(f"model.checkpoint={BASE}", "data.limit=20")
    assert child.wait(SECONDS) == 0, folder.console_log.read_text()
    told = [event for event in Tail(folder.events).read() if isinstance(event, events.Phase)]
    [*_, whole] = [event for event in told if event.detail == "downloading the base model"]
    assert (whole.done, whole.unit) == (whole.total, "MiB")
    sent = fetched(hub)
    assert sent.count(WEIGHTS) == 2, "broken off once"
    begun_at = [begun for _, path, begun in hub.asked if path.endswith(LARGE) and begun]
    assert begun_at == [f"bytes={CHUNK}-"], "what has come is not fetched again"
    assert next((tmp_path / "hf").rglob(LARGE)).stat().st_size == CHUNK + MIB
    assert all(sent.count(name) == 1 for name in {*sent} - {WEIGHTS, LARGE})
    hub.asked.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    again, child = start(f"model.checkpoint={BASE}", "data.limit=20")
    assert child.wait(SECONDS) == 0, again.console_log.read_text()
    assert hub.asked == []


def test_what_was_fetched_before_a_stop_is_kept_and_a_run_keeps_its_commit_whatever_is_pushed(
    hub: HubOfModels, start: Start, checkpoint: Path, tmp_path: Path
) -> None:
    hub.held[WEIGHTS] = 100_000
    folder, child = start(f"model.checkpoint={BASE}", "data.limit=20")
    waits = wait_for(folder, events.Phase, detail="downloading the base model")
    assert isinstance(waits, events.Phase) and waits.total
    stop(folder, Rung.SAVE)
    assert child.wait(SECONDS) == 143
    hub.release()
    hub.asked.clear()
    hub.due[BASE] = with_other_weights(checkpoint, tmp_path / "other")

    again, child = start(f"model.checkpoint={BASE}", "data.limit=20", program=halting(2))
    wait_until_halted(again, child)
    kill(child)
    assert hub.due == {} and fetched(hub) == [WEIGHTS]
    [begun] = started_of(again)
    assert begun.commit_base == f"{BASE}@{read_settled(again).model.revision}"

    shutil.rmtree(tmp_path / "hf")
    goes_on = resume(again).start()
    assert goes_on is not None and goes_on.wait(SECONDS) == 0, again.console_log.read_text()
    [_, after] = started_of(again)
    assert (after.commit_base, after.digest_base) == (begun.commit_base, begun.digest_base)


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
