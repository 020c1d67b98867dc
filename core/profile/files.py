"""Finds, reads and writes profiles: the shipped ones by name, others by path; and the paths in them."""

import difflib
import glob
import os
import re
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from core.files import MOST_OF_A_PROFILE, read_bounded, write_output
from core.profile.errors import Problem, ProfileError
from core.profile.settings import Profile

DEMO = "demo"
"""Stands for the embedded rows, and for their base model."""
TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".arrow", ".feather")
"""Suffixes of files of rows that can be read."""
HUB_ID = re.compile(r"(?P<id>\w[\w.-]*/[\w.-]+)(:(?P<config>[\w.-]*)(:(?P<split>[\w.\[\]%:-]+))?)?")
"""Of a data set: owner/name, and which of its configurations and splits."""
PACKINGS = {".gz": "gzip", ".zip": "zip", ".zst": "zstd"}
"""Suffixes of such files that are packed, and what packs them."""


def expanded(written: str) -> str:
    """A path with the home folder in place of a leading `~`; one of a user who is not known stays."""
    return os.path.expanduser(written)  # noqa: PTH111  (pathlib's raises where there is no such home)


def rooted(profile: Profile, folder: Path) -> Profile:
    """The same settings with absolute paths, those that are relative being meant from `folder`.

    A name that may be one on the hub, owner/name, is a path where it names something in `folder`.
    """
    data, model, distill = profile.data, profile.model, profile.distill
    return replace(
        profile,
        distill=replace(distill, teachers=[_rooted(teacher, folder) for teacher in distill.teachers]),
        data=replace(
            data,
            train=_rooted(data.train, folder)
            if isinstance(data.train, str)
            else [_rooted(source, folder) for source in data.train],
            eval=None if data.eval is None else _rooted(data.eval, folder),
            test=_rooted(data.test, folder),
        ),
        model=replace(model, checkpoint=_rooted(model.checkpoint, folder)),
    )


def _rooted(written: str, folder: Path) -> str:
    path = folder / expanded(written)
    is_path = (
        written.startswith((".", "/", "~")) or written.count("/") > 1 or path.suffix.lower() in (*TABLES, *PACKINGS)
    )
    is_path = is_path or (glob.has_magic(written) and ":" not in written)
    is_path = is_path or os.path.exists(path)  # noqa: PTH110  (pathlib's raises for what cannot be a path)
    return str(path) if is_path and written != DEMO else written


def absent_paths(profile: Profile, folder: Path) -> dict[str, str]:
    """The paths, by the key of their setting, that a run in `folder` would need and where nothing lies; of a list the
    first one.

    What may be a name on the hub is none. Asks the disk.
    """
    there = rooted(profile, folder)
    needed = [("data.train", source) for source in there.data.train_sources]
    needed += [("data.eval", there.data.eval)] if there.data.eval else []
    needed.append(("model.checkpoint", there.model.checkpoint))
    needed += [("distill.teachers", teacher) for teacher in there.distill.teachers]
    absent: dict[str, str] = {}
    for key, path in needed:
        if path.startswith("/") and not _leads_somewhere(path):
            absent.setdefault(key, path)
    return absent


def _leads_somewhere(path: str) -> bool:
    """Whether there is such a file or folder, one that it is a pattern of, or an archive that it is said to be in."""
    archive, suffix, member = path.partition(".zip/")
    if member and os.path.isfile(archive + suffix):  # noqa: PTH113
        return True
    return os.path.exists(path) or next(glob.iglob(path, recursive=True), None) is not None  # noqa: PTH110, PTH207


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
    """By name, the demo first, which runs anywhere."""
    return sorted(SHIPPED.glob("*.toml"), key=lambda path: (path.stem != DEMO, path.name))


def user_profiles(folder: Path) -> list[Path]:
    """TOML files in `folder`/profiles that are not the shipped ones."""
    return sorted(path for path in (folder / "profiles").glob("*.toml") if not _is_shipped_copy(path))


def find_profile(name_or_path: str) -> Path:
    """The file meant by a path, or by the name, with or without `.toml`, of a profile in ./profiles or a shipped one.

    A file that exists wins over a name, and the user's profile over the shipped one. Raises ProfileError, which names
    the nearest ones.
    """
    path = Path(name_or_path)
    if path.exists() and not path.is_dir():
        return path
    named, name = _named_profiles(), name_or_path.removesuffix(".toml")
    if name in named:
        return named[name]
    nearest = difflib.get_close_matches(name, named, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"profiles are {', '.join(named)}"
    message = f"no such file, nor a profile of that name; {hint}"
    raise ProfileError(name_or_path, [Problem(line=0, key="", value="", message=message)])


def is_profile(name: str) -> bool:
    """Whether a profile is called so, in ./profiles or among the shipped ones."""
    return name in _named_profiles() and not Path(name).is_file()


def _named_profiles() -> dict[str, Path]:
    return {known.stem: known for known in (*shipped_profiles(), *user_profiles(Path()))}


def names_rows(word: str) -> bool:
    """Whether a word of a command line, which may be a profile too, looks like a source of rows: a table by its suffix,
    a folder, a pattern, or a data set of the hub, for whose owner there is no folder here."""
    path = Path(word)
    if path.suffix == ".toml":
        return False
    is_table = path.suffix.lower() in (*TABLES, *PACKINGS)
    is_pattern = glob.has_magic(word) and not path.is_file()
    is_on_hub = HUB_ID.fullmatch(word) is not None and not path.exists() and not path.parent.is_dir()
    return is_table or is_pattern or path.is_dir() or is_on_hub


def read_profile(path: Path, read: Callable[[Path], bytes] | None = None) -> ProfileFile:
    """The text of a profile, its line breaks as they are, by way of `read` where the file is a run's.

    Raises ProfileError when it is no UTF-8 text, or no file that a profile could be.
    """
    try:
        content = read_bounded(path, MOST_OF_A_PROFILE) if read is None else read(path)
        return ProfileFile(path, content.decode())
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
    write_output(path, text.encode())
    if mode is not None:
        target.chmod(mode)


def _is_shipped_copy(path: Path) -> bool:
    shipped = SHIPPED / path.name
    try:
        return shipped.read_bytes() == read_bounded(path, MOST_OF_A_PROFILE)
    except OSError:
        return False  # one of them is missing, or cannot be read: whoever reads it is told
