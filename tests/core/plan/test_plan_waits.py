"""A plan says what it waits for."""

from pathlib import Path

import pytest
from places import ROOT

from core.cache import CACHE_VARIABLE
from core.demo.assets import MAKING
from core.plan.__main__ import plans
from core.profile.files import read_profile
from core.profile.load import parse_profile


def test_a_plan_says_at_once_that_the_demo_has_to_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    profile = parse_profile(read_profile(ROOT / "profiles" / "demo.toml").text, source="demo")
    first = next(plans(profile, tmp_path / "runs", measuring=False))
    assert first.doing == MAKING
    assert list(tmp_path.glob("demo*")) == [], "it is said before it is done"
