"""How many machines compute a run, by its settings: one of several is gone on with by its launch script alone."""

from core.files import Stamp, stamp
from core.profile.errors import ProfileError
from core.runs.folder import RunFolder


class NodesReader:
    """Reads the settings of one run again whenever they are others."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._stamp: Stamp | None = None
        self._nodes = 1

    def read(self) -> int:
        """1 also where the settings cannot be read."""
        found = stamp(self._folder.resolved)
        if found != self._stamp:
            self._stamp = found
            try:
                self._nodes = self._folder.read_profile().run.nodes
            except (ProfileError, OSError):
                self._nodes = 1
        return self._nodes
