"""The profiles there are, each with its settings or with all that is wrong with it. Knows no widget."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from core.profile.files import read_profile, shipped_profiles, user_profiles
from core.profile.load import Problem, ProfileError, parse_profile
from core.profile.settings import Profile


class ProfileView(Struct, frozen=True):
    """A profile file as it was when it was read. `settings` is None exactly where there are problems."""

    path: Path
    name: str
    is_shipped: bool
    text: str
    settings: Profile | None
    problems: tuple[Problem, ...] = ()


def read(path: Path) -> ProfileView:
    """Never raises for what a file holds, nor for one that cannot be read."""
    text = ""
    is_shipped = path in shipped_profiles()
    try:
        text = read_profile(path).text
        settings = parse_profile(text, source=str(path))
    except ProfileError as error:
        return ProfileView(path, path.stem, is_shipped, text, None, tuple(error.problems))
    return ProfileView(path, path.stem, is_shipped, text, settings)


def all_profiles(working_directory: Path) -> Iterator[ProfileView]:
    """The shipped profiles, then the user's."""
    yield from map(read, shipped_profiles())
    yield from map(read, user_profiles(working_directory))
