"""What a run has taken of its card, and whether the card has it back: a process is gone before its memory is."""

from core.runs.folder import RunFolder
from core.runs.machine import card
from core.runs.state import RunState

RETURN_SECONDS = 10
"""So long after a run's last process the driver may take to clear its memory away."""
RETURNED = 0.9
"""Share of what the run had reserved that must be free again. Others may take from the card meanwhile."""


class CardMemory:
    """Of the run's own card, as it is when this object is made: before the run is asked to end."""

    def __init__(self, folder: RunFolder) -> None:
        info = folder.read_info()
        self._gpu = info.gpu if info else None
        self._free_before = self._free()

    def held(self, state: RunState) -> int:
        """Bytes that the run had reserved at its last step and that are not free again; 0 for one on a processor."""
        is_on_card = state.started is not None and state.started.device.kind == "cuda"
        free = self._free() if is_on_card and state.steps else None
        if free is None or self._free_before is None:
            return 0
        return max(0, int(self._free_before + RETURNED * state.steps[-1].memory_reserved) - free)

    def _free(self) -> int | None:
        found = card(self._gpu)
        return found.memory_free if found else None
