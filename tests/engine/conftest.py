"""Shared by the engine's tests: a tiny checkpoint, rows for it, and a way to run a real child to its end."""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import tiny
from tiny_runs import SETTINGS, Start

from core.profile.load import parse_profile
from core.runs.folder import RunFolder, create_run
from core.runs.process import TRAIN, launch


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="session")
def train_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_csv(tmp_path_factory.mktemp("rows") / "train.csv", tiny.rows(60))


@pytest.fixture
def start(checkpoint: Path, train_csv: Path, tmp_path: Path) -> Iterator[Start]:
    """Launches a run of the tiny model, `overrides` on top of SETTINGS; children left over are killed."""
    children = []

    def start(*overrides: str, program: Sequence[str] = TRAIN) -> tuple[RunFolder, "subprocess.Popen[bytes]"]:
        own = (f"data.train={train_csv}", f"model.checkpoint={checkpoint}")
        profile = parse_profile(SETTINGS, source="tiny", overrides=[*own, *overrides])
        folder = create_run(tmp_path / "runs", profile, text=SETTINGS, name="tiny")
        child = launch(folder, program)
        children.append(child)
        return folder, child

    yield start
    for child in children:
        child.kill()
        child.wait()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MiB, where this user may mount one."""
    disk = tmp_path / "runs"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small file system takes root")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)
