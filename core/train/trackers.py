"""Trackers that get the figures too, by the Trainer's own integrations: whether they are there, where they write."""

import os
from collections.abc import Sequence
from importlib.util import find_spec

from core.profile.errors import SettingError
from core.runs.access import have_folder
from core.runs.folder import RunFolder

PROJECT = "arena-tui"
"""The project that wandb and trackio file runs under."""


def demand(names: Sequence[str]) -> None:
    """Raises SettingError for trackers that are not installed, with the line that installs them."""
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise SettingError("run.report_to", list(names), f"not installed: pip install {' '.join(missing)}")


def log_in(names: Sequence[str]) -> None:
    """Raises SettingError where W&B has no key to write with, in its own words: with one in its environment or its
    netrc, or in offline mode, it goes on. Whether the key is valid is not asked: there may be no network just now.
    """
    if "wandb" not in names:
        return
    import wandb

    try:
        wandb.login(verify=False)
    except wandb.errors.Error as error:
        offline = "WANDB_MODE=offline keeps its figures in the run's folder"
        raise SettingError("run.report_to", list(names), f"{str(error).rstrip('.')}; {offline}") from error


def settle(folder: RunFolder) -> None:
    """Tell the trackers to write into the run's folder, and to go on with a resumed run. What the user has set in the
    environment stays. trackio keeps its own folder, which its dashboard reads.

    Raises OSError where a link lies in their folders' place.
    """
    for name in ("tensorboard", "wandb"):
        if os.path.lexists(folder.path / name):
            have_folder(folder.path / name)
    for name, value in {
        "TENSORBOARD_LOGGING_DIR": str(folder.path / "tensorboard"),
        "WANDB_DIR": str(folder.path),
        "WANDB_PROJECT": PROJECT,
        "WANDB_RUN_ID": folder.id,
        "WANDB_RESUME": "allow",
    }.items():
        os.environ.setdefault(name, value)
