"""Finds, reads and writes profiles: the shipped ones by name, any other by path."""

from pathlib import Path

from msgspec import Struct

from core.bounded import MOST_OF_A_PROFILE, read_bounded
from core.files import write_output
from core.profile.load import Problem, ProfileError

# The same place in a checkout and in an installed package: beside `core`.
SHIPPED = Path(__file__).parents[2] / "profiles"


class ProfileFile(Struct, frozen=True):
    """A profile as it lies on disk."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        return self.path.stem


def shipped_profiles() -> list[Path]:
    return sorted(SHIPPED.glob("*.toml"))


def user_profiles(folder: Path) -> list[Path]:
    """TOML files in `folder`/profiles that are not the shipped ones."""
    return sorted(path for path in (folder / "profiles").glob("*.toml") if not _is_shipped_copy(path))


def find_profile(name_or_path: str) -> Path:
    """The file meant by a path, or by a shipped profile's name with or without `.toml`.

    A file that exists wins over a shipped name. Raises ProfileError, listing the shipped names.
    """
    path = Path(name_or_path)
    if path.exists() and not path.is_dir():
        return path
    shipped = {candidate.stem: candidate for candidate in shipped_profiles()}
    if name_or_path.removesuffix(".toml") in shipped:
        return shipped[name_or_path.removesuffix(".toml")]
    message = f"no such file; shipped profiles are {', '.join(shipped)}"
    raise ProfileError(name_or_path, [Problem(line=1, key="", value="", message=message)])


def read_profile(path: Path) -> ProfileFile:
    """The text of a profile, its line breaks as they are. Raises ProfileError when it is no UTF-8 text, or no
    file that a profile could be."""
    try:
        return ProfileFile(path, read_bounded(path, MOST_OF_A_PROFILE).decode())
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problem = Problem(line=line, key="", value="", message="not UTF-8 text")
    except OSError as error:
        problem = Problem(line=1, key="", value="", message=f"cannot be read: {error.strerror}")
    raise ProfileError(str(path), [problem])


def write_profile(path: Path, text: str) -> None:
    """Write the whole of `text`, through a link to the file it means, with the permissions that file had.

    Raises OSError; the old file is then still there, whole.
    """
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = target.stat().st_mode if target.exists() else None
    write_output(target, text.encode())
    if mode is not None:
        target.chmod(mode)


def _is_shipped_copy(path: Path) -> bool:
    shipped = SHIPPED / path.name
    try:
        return shipped.read_bytes() == read_bounded(path, MOST_OF_A_PROFILE)
    except OSError:
        return False  # one of them is missing, or cannot be read: whoever reads it is told
