"""Shared by the engine's tests: a tiny checkpoint, rows for it, real children on them, and a finished run."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny
from tiny_runs import SECONDS, Start, starting

from core.runs.folder import RunFolder


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="session")
def train_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_csv(tmp_path_factory.mktemp("rows") / "train.csv", tiny.rows(60))


@pytest.fixture
def start(checkpoint: Path, train_csv: Path, tmp_path: Path) -> Iterator[Start]:
    """Launches a run of the tiny model in a folder of this test's own."""
    with starting(tmp_path / "runs", checkpoint, train_csv) as start:
        yield start


@pytest.fixture(scope="module")
def start_shared(checkpoint: Path, train_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """As `start`, for runs that several tests of a module look at and none changes."""
    with starting(tmp_path_factory.mktemp("shared") / "runs", checkpoint, train_csv) as start:
        yield start


@pytest.fixture(scope="session")
def finished(checkpoint: Path, train_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run with SETTINGS, finished. A test that changes it takes a `copy_of` it."""
    with starting(tmp_path_factory.mktemp("finished") / "runs", checkpoint, train_csv) as start:
        folder, child = start("train.save_steps=3")
        assert child.wait(SECONDS) == 0, folder.console_log.read_text()
    return folder


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
