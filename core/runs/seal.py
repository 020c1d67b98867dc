"""A folder's manifest: which files were written there, how long they are and what their content sums up to.

Lists look at sizes alone; whoever uses the weights reads all of them once: 300 MiB took half a second of a processor.
"""

import hashlib
import os
from pathlib import Path, PurePosixPath

import msgspec
from msgspec import Struct

from core.files import write_whole
from core.runs.access import Damaged, demand_plain, read_json

MANIFEST = "manifest.json"


class Checksum(Struct, frozen=True):
    """Of one file: bytes, and the blake2b digest of these, in hex."""

    size: int
    blake2b: str


Checksums = dict[str, int | Checksum]
"""By name, relative to the folder. Manifests of older versions hold sizes alone."""


def seal(folder: Path) -> None:
    """Write the manifest of all files in `folder` as they are now. Raises OSError."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    sums = {path.relative_to(folder).as_posix(): Checksum(path.stat().st_size, _digest(path)) for path in files}
    write_whole(folder / MANIFEST, msgspec.json.encode(sums))


def has_checksums(folder: Path) -> bool:
    """Whether the content of the files can be checked."""
    try:
        sums = read_json(folder / MANIFEST, Checksums)
    except (OSError, Damaged):
        return False
    return all(isinstance(known, Checksum) for known in sums.values())


def flaw(folder: Path, *, content: bool = False) -> str | None:
    """What of the folder is not as it was sealed: its manifest, a name, a size, and with `content` what the files hold;
    None where all is. Files that came later are no flaw, but a link or a special file is: libraries would open it."""
    try:
        demand_plain(folder)
    except OSError as error:
        return f"{os.path.relpath(error.filename, folder.parent)}: {error.strerror}"
    try:
        sums = read_json(folder / MANIFEST, Checksums)
    except FileNotFoundError:
        return f"{folder.name} has no {MANIFEST}"
    except OSError as error:
        return f"{folder.name}: {MANIFEST} cannot be read: {error.strerror}"
    except Damaged as error:
        return f"{folder.name}: {MANIFEST} cannot be read: {error.why}"
    for name, known in sums.items():
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or not name.isprintable():
            return f"{folder.name}: {MANIFEST} names {name[:80]!r}, which is not a file in this folder"
        size = known.size if isinstance(known, Checksum) else known
        try:
            found = (folder / name).stat().st_size
            if found != size:
                return f"{folder.name}: {name} has {found:,} of {size:,} bytes"
            if content and isinstance(known, Checksum) and _digest(folder / name) != known.blake2b:
                return f"{folder.name}: {name} is not what was written there: its checksum differs"
        except FileNotFoundError:
            return f"{folder.name}: {name} is missing"
        except OSError as error:
            return f"{folder.name}: {name[:80]} cannot be read: {error.strerror}"
    return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
