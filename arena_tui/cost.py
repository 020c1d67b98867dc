"""What a limit costs, as far as it is known, in lines for the data screen. Knows no widget."""

from arena_tui.widgets.facts import Fact
from core.inspect.lengths import Epoch
from core.profile.settings import Profile


def cost_lines(profile: Profile, epoch: Epoch) -> list[Fact]:  # noqa: ARG001
    """Time and memory of an epoch under `profile`, whose limit and strategy `epoch` was reckoned with."""
    return []
