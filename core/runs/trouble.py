"""What is wrong with the small files of a run. Each stands for itself: the rest of the run counts all the same."""

from pathlib import Path

from core.files import Stamp, stamp
from core.runs.access import Damaged, read_json, read_whole
from core.runs.folder import RunFolder
from core.runs.identity import RunInfo
from core.runs.metrics import Metrics
from core.runs.notes import NotesError, load_notes


class TroubleReader:
    """Reads the files of one run again whenever one of them is another."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._files = (folder.info, folder.resolved, folder.notes, folder.metrics)
        self._stamps: list[Stamp | None] = []
        self._trouble = ""

    def read(self) -> str:
        """What cannot be read, and why; "" where all can, and of files that are not there."""
        found = [stamp(file, follow_symlinks=False) for file in self._files]  # a link may lead nowhere
        if found != self._stamps:
            self._stamps = found
            self._trouble = "; ".join(filter(None, map(self._problem, self._files)))
        return self._trouble

    def _problem(self, path: Path) -> str:
        try:
            if path == self._folder.info:
                read_json(path, RunInfo)
            elif path == self._folder.metrics:
                read_json(path, Metrics)
            elif path == self._folder.notes:
                load_notes(self._folder)
            else:
                read_whole(path).decode()
        except FileNotFoundError:
            return ""
        except OSError as error:
            return f"{path.name} cannot be read: {error.strerror}"
        except Damaged as error:
            return f"{path.name} is damaged: {error.why}"
        except NotesError:
            return f"{path.name} is damaged; arena-tui note shows where"
        except UnicodeDecodeError:
            return f"{path.name} is damaged: not UTF-8 text"
        return ""
