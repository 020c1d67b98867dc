"""Where a profile's "demo" lies: a folder in the cache, made once by this machine."""

import random
from pathlib import Path

from core.cache import cache_folder, filling_the_cache, made_aside
from core.data.template import join
from core.demo.model import build_model
from core.demo.rows import make_comparison, write_rows
from core.profile import settings
from core.profile.files import DEMO, expanded
from core.profile.settings import Profile

NAME = DEMO
# Part of the folder's name: raise it when what is made changes.
EDITION = 1
SEED = 2024
PRETRAINING_ROWS = 2000


def is_named_by(profile: Profile) -> bool:
    """Whether a run of `profile` needs the demo's folder."""
    return NAME in (profile.data.train, profile.model.checkpoint)


def is_made() -> bool:
    """Whether the folder is there already."""
    return _is_demo(_folder())


def rows_source(data: settings.Data) -> str:
    """What `data.train` stands for: the demo's rows, made if need be, or else itself, `~` being the home folder."""
    return str(demo_folder() / "train.csv") if data.train == NAME else expanded(data.train)


def demo_folder() -> Path:
    """The cache folder with train.csv, test.csv and model/. Making it the first time takes about half a minute."""
    with filling_the_cache():
        ensure_demo(_folder())
    return _folder()


def ensure_demo(folder: Path) -> None:
    """Make `folder` hold train.csv, test.csv and model/, unless it does already.

    The folder appears complete or not at all, and several processes may call this at once.
    Raises OSError when the folder cannot be written, or exists with other content.
    """
    if _is_demo(folder):
        return
    with made_aside(folder, lambda: _is_demo(folder)) as aside:
        aside.mkdir()
        _build(aside)


def _folder() -> Path:
    return cache_folder() / f"demo-{EDITION}"


def _is_demo(folder: Path) -> bool:
    return (folder / "train.csv").is_file()


def _build(folder: Path) -> None:
    rng = random.Random(SEED)
    write_rows(folder, rng)
    # The base model reads fresh rows, never those that it will be tuned or scored on, and no verdicts.
    drawn = [make_comparison(rng) for _ in range(PRETRAINING_ROWS)]
    texts = [join(row.prompt, row.response_a, row.response_b) for row in drawn]
    build_model(folder / "model", texts, SEED)
