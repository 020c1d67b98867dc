"""Puts into a recorded run what training leaves beside the record: checkpoints and an adapter."""

from pathlib import Path

from core.runs.checkpoints import written_aside
from core.runs.folder import RunFolder


def add_checkpoints(run: RunFolder, *steps: int, size: int = 1000) -> None:
    for step in steps:
        with written_aside(run.checkpoints, step) as aside:
            made = aside / f"checkpoint-{step}"
            made.mkdir()
            (made / "weights").write_bytes(bytes(size))


def add_adapter(run: RunFolder, size: int = 1000) -> None:
    run.adapter.mkdir()
    (run.adapter / "adapter_model.safetensors").write_bytes(bytes(size))


def damage(run: RunFolder, step: int) -> None:
    (run.checkpoints / f"checkpoint-{step}" / "weights").unlink()


def checkpoint_names(run: RunFolder) -> list[str]:
    return sorted(path.name for path in Path(run.checkpoints).iterdir())
