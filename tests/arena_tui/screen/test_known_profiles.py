"""Profiles that are read again and again: only those whose file is another one, and those always."""

import os
from pathlib import Path

from arena_tui.screen.profiles import Profiles, ProfileView


def own(profiles: Profiles) -> dict[str, ProfileView]:
    return {view.path.name: view for view in profiles.read() if not view.is_shipped}


def test_a_profile_is_read_again_exactly_when_its_file_is_another_one(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    mine, other = tmp_path / "profiles" / "mine.toml", tmp_path / "profiles" / "other.toml"
    mine.write_text("[train]\nseed = 1\n")
    other.write_text("")
    profiles = Profiles(tmp_path)
    before = own(profiles)
    assert own(profiles)["mine.toml"] is before["mine.toml"]
    times = mine.stat()
    mine.write_text("[train]\nseed = 2\n")
    os.utime(mine, ns=(times.st_atime_ns, times.st_mtime_ns))  # as large and as old as before
    after = own(profiles)
    settings = after["mine.toml"].settings
    assert settings
    assert settings.train.seed == 2
    assert after["other.toml"] is before["other.toml"]
    other.unlink()
    assert list(own(profiles)) == ["mine.toml"]


def test_what_cannot_be_read_is_told_even_if_it_is_called_as_a_shipped_profile(tmp_path: Path) -> None:
    folder = tmp_path / "profiles" / "demo.toml"
    folder.mkdir(parents=True)
    (tmp_path / "profiles" / "gone.toml").symlink_to(tmp_path / "nowhere")
    profiles = Profiles(tmp_path)
    found = own(profiles)
    assert list(found) == ["demo.toml", "gone.toml"]
    assert all("cannot be read" in str(view.problems[0]) for view in found.values())
    (tmp_path / "nowhere").write_text("")
    assert own(profiles)["gone.toml"].settings
