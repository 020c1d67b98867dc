"""The profiles there are, each with its settings or with all that is wrong with it. Knows no widget."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path

from msgspec import Struct

from arena_tui.screen.undo import Overtaken
from core.files import Stamp, stamp
from core.profile.edit import Value, set_value
from core.profile.errors import Problem, ProfileError
from core.profile.files import read_profile, shipped_profiles, user_profiles, write_profile
from core.profile.load import parse_profile
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


class Profiles:
    """The demo, the user's profiles, and the other shipped ones. Each is read again only if its file is another one."""

    def __init__(self, working_directory: Path) -> None:
        self._working_directory = working_directory
        self._known: dict[Path, tuple[Stamp | None, ProfileView]] = {}

    def read(self) -> tuple[ProfileView, ...]:
        known, self._known = self._known, {}
        demo, *others = shipped_profiles()
        for path in (demo, *user_profiles(self._working_directory), *others):
            now = stamp(path)  # asked first: the file may change meanwhile
            before = known.get(path)
            self._known[path] = before if before and before[0] == now else (now, read(path))
        return tuple(view for _, view in self._known.values())


def own_path(path: Path, text: str) -> Path:
    """Where one's own copy of a profile goes: ./profiles/<name>.toml, or <name>-2 and so on where another text lies."""
    folder = Path.cwd() / "profiles"
    own_paths = (folder / f"{path.stem}{'' if number == 1 else f'-{number}'}.toml" for number in count(1))
    return next(own for own in own_paths if not own.exists() or own.read_bytes() == text.encode())


class Written(Struct, frozen=True):
    """A profile's file that was written: its text from then on, and the one before, None where there was no file."""

    path: Path
    before: str | None
    after: str

    def take_back(self) -> None:
        """Raises Overtaken where the file has another text by now; OSError and ProfileError."""
        if read_profile(self.path).text != self.after:
            raise Overtaken(f"{self.path.name} has been changed since")
        if self.before is None:
            self.path.unlink()
        else:
            write_profile(self.path, self.before)


def set_in_file(path: Path, values: Sequence[tuple[str, Value]]) -> Written:
    """Set settings, written section.key, in a profile's file and leave the rest of it as it is.

    A shipped profile stays as it is: the values go to a new copy of one's own. Raises ProfileError for a text in which
    they cannot be set, and OSError.
    """
    text = read_profile(path).text
    for key, value in values:
        text = set_value(text, key, value)
    target = own_path(path, text) if path in shipped_profiles() else path
    before = read_profile(target).text if target.exists() else None
    write_profile(target, text)
    return Written(target, before, text)
