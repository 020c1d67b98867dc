"""Who the user is, and where this process may write for them."""

import getpass
import os
import pwd
import stat
import tempfile
from pathlib import Path


def user_name() -> str:
    """The login name; the number of a user whom this machine does not know by name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # the latter from Python 3.13 on
        return str(os.getuid())


def name_of(uid: int) -> str:
    """A user's login name; their number where this machine does not know them by name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def home() -> Path:
    """The user's home folder; / where none is known, as Docker says of users without one."""
    known = Path(os.path.expanduser("~"))  # noqa: PTH111  (Path.home raises where none is known)
    return known if known.is_absolute() else Path("/")


def state_folder() -> Path:
    """Where this user's programs keep what is to outlive them: arena-tui in $XDG_STATE_HOME. It may not exist yet."""
    return Path(os.environ.get("XDG_STATE_HOME") or home() / ".local" / "state").absolute() / "arena-tui"


def settle_caches() -> str | None:
    """Where the user has no home folder that can be written to, let this process and its children keep their caches
    among the temporary files. What the user is to be told of it; None where nothing is amiss.

    What the user has set is left as it is. A home that can be read is still read: for the configuration, and for
    models that lie in it.
    """
    if can_be_written(home()):
        return None
    why = f"the home folder {home()} cannot be written to"
    stand_in = _stand_in()
    if stand_in is None:
        return f"{why}, nor can a folder be made among the temporary files: set HOME to one that can be written to"
    if (models := home() / ".cache" / "huggingface").is_dir():
        os.environ.setdefault("HF_HOME", str(models))
    if home() == Path("/"):
        os.environ["HOME"] = str(stand_in)  # nothing of the user's can be in there
    os.environ.setdefault("XDG_STATE_HOME", str(stand_in / ".local" / "state"))
    os.environ.setdefault("TRITON_CACHE_DIR", str(stand_in / ".triton" / "cache"))
    caches = str(stand_in / ".cache")
    if os.environ.setdefault("XDG_CACHE_HOME", caches) != caches:
        return None
    return f"{why}, so caches lie in {stand_in}, which may not last; HOME or XDG_CACHE_HOME names another folder"


def can_be_written(folder: Path) -> bool:
    """Whether files can be made in `folder`, which need not exist yet."""
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)


def _stand_in() -> Path | None:
    """A folder among the temporary files that is this user's alone; None where there can be none."""
    try:
        folder = Path(tempfile.gettempdir()) / f"arena-tui-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()  # everybody may make files there: another user's folder or link is not to be trusted
    except OSError:
        return None
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
    return folder if is_ours else None
