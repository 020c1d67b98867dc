"""vLLM's server for a run's model: a stand-in called vllm tells how it was started."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from command_line import ARENA_TUI

from core.runs.folder import RunFolder

STAND_IN = """#!/bin/sh
printf '%s\\n' "$@"
"""


def serve(run: RunFolder, *arguments: str, path: Path) -> "subprocess.CompletedProcess[str]":
    command = [*ARENA_TUI, "serve", str(run.path), *arguments]
    return subprocess.run(command, cwd=path, capture_output=True, text=True, env={**os.environ, "PATH": str(path)})


@pytest.mark.slow
@pytest.mark.xdist_group("export")
def test_the_model_is_merged_once_and_vllm_started_for_it(finished: RunFolder, tmp_path: Path) -> None:
    without = serve(finished, "--merged", "whole", path=tmp_path)
    assert without.returncode == 2
    assert "vllm is not installed here" in without.stderr
    assert f"export {finished.path} --merged {tmp_path / 'whole'}" in without.stderr
    assert not (tmp_path / "whole").exists()

    program = tmp_path / "vllm"
    program.write_text(STAND_IN)
    program.chmod(0o755)
    started = serve(finished, "--merged", "whole", "--port", "8123", path=tmp_path)
    assert started.returncode == 0, started.stderr
    assert started.stdout.split() == [
        "serve", str(tmp_path / "whole"), "--runner", "pooling", "--convert", "classify", "--max-model-len", "64",
        "--port", "8123",
    ]  # fmt: skip
    assert without.stderr.splitlines()[-1].split()[:6] == ["vllm", *started.stdout.split()[:5]]
    config = json.loads((tmp_path / "whole" / "config.json").read_text())
    assert config["architectures"][0].endswith("ForSequenceClassification")
    made = (tmp_path / "whole" / "config.json").stat().st_mtime_ns
    again = serve(finished, "--merged", "whole", path=tmp_path)
    assert again.returncode == 0
    assert "is there, and served as it is" in again.stderr
    assert (tmp_path / "whole" / "config.json").stat().st_mtime_ns == made
