"""notes.toml: what the user says of a run, a name to show and a note. Written by consoles and commands, never by the
run's own process, and by hand if one likes."""

import msgspec
import tomli_w
from msgspec import Struct

from core.files import Stamp, stamp
from core.profile.errors import ProfileError
from core.profile.load import read_toml
from core.runs.access import delete, read_whole, write_whole
from core.runs.folder import RunFolder

MOST_NAME = 60
MOST_NOTE = 10_000
MOST_BYTES = 1 << 16


class Notes(Struct, frozen=True):
    """Both are text from outside and may hold anything; a note may have several lines."""

    name: str = ""
    note: str = ""


class NotesError(Exception):
    """The message says what is wrong with the words, or with the file that holds them."""


class NotesReader:
    """Reads the notes of one run again whenever the file is another one."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._stamp: Stamp | None = None
        self._notes = Notes()

    def read(self) -> Notes:
        """The notes as they are now: the same object as before while nothing has changed."""
        found = stamp(self._folder.notes)
        if found != self._stamp:
            self._stamp = found
            self._notes = read_notes(self._folder)
        return self._notes


def read_notes(folder: RunFolder) -> Notes:
    """What the user has said of a run: nothing, where there is no file or none that can be read."""
    try:
        return load_notes(folder)
    except (OSError, NotesError):
        return Notes()


def write_notes(folder: RunFolder, *, name: str | None = None, note: str | None = None) -> Notes:
    """Change what is given and keep the rest; returns what the file holds now.

    Raises NotesError for a text that is too long, and where the file as it is cannot be read, since it would be lost;
    OSError where it is no file to read, or cannot be written.
    """
    before = Notes()
    if folder.notes.exists():
        before = load_notes(folder)
    after = Notes(
        name=before.name if name is None else " ".join(_encodable(name).split()),
        note=before.note if note is None else _encodable(note).strip(),
    )
    for text, most, what in ((after.name, MOST_NAME, "name"), (after.note, MOST_NOTE, "note")):
        if len(text) > most:
            raise NotesError(f"a {what} has at most {most:,} characters; this one has {len(text):,}")
    if after == Notes():
        delete(folder.notes)
    else:
        write_whole(folder.notes, tomli_w.dumps(msgspec.to_builtins(after), multiline_strings=True).encode())
    return after


def load_notes(folder: RunFolder) -> Notes:
    """As `read_notes`. Raises OSError, and NotesError for a file that holds none."""
    written = read_whole(folder.notes, MOST_BYTES)
    try:
        return msgspec.convert(read_toml(written.decode(), source=str(folder.notes)), Notes)
    except (UnicodeDecodeError, ProfileError, msgspec.ValidationError) as error:
        raise NotesError(f"{folder.notes} cannot be read: {error}; correct it, or delete it") from None


def _encodable(text: str) -> str:
    """What a command line or a terminal gave may hold bytes that are no text."""
    return text.encode(errors="replace").decode()
