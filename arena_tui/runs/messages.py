"""What screens tell the app: what the user wants done to profiles and runs, and what has become of a run."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.message import Message

from arena_tui.runs.follow import RunView
from arena_tui.screen.profiles import ProfileView
from core.runs.folder import RunFolder


@dataclass
class StartProfile(Message):
    """Run this profile, which has no problems."""

    profile: ProfileView


@dataclass
class SweepProfile(Message):
    """Queue runs of this profile, which has no problems, with several values of its settings."""

    profile: ProfileView


@dataclass
class EditProfile(Message):
    """Change this profile, or see what is wrong with it."""

    profile: ProfileView


@dataclass
class InspectProfile(Message):
    """See what this profile, which has no problems, makes of its rows."""

    profile: ProfileView


@dataclass
class LookedAt(Message):
    """The highlight rests on this profile, which has no problems."""

    profile: ProfileView


@dataclass
class ListRuns(Message):
    """See all runs in a table, or those with these `words`; `runs` are known."""

    runs: tuple[RunView, ...]
    words: str = ""


@dataclass
class OpenRun(Message):
    """See this run."""

    folder: RunFolder


@dataclass
class ResumeRun(Message):
    """Let this run, which ended early, go on."""

    folder: RunFolder


@dataclass
class FixRun(Message):
    """Try this failed run again with the settings proposed for it."""

    folder: RunFolder


@dataclass
class ReportRun(Message):
    """See where this finished run is won and lost."""

    folder: RunFolder


@dataclass
class PredictRun(Message):
    """Let this run answer rows."""

    folder: RunFolder


@dataclass
class TryRun(Message):
    """Let this run judge what is typed."""

    folder: RunFolder


@dataclass
class CompareRuns(Message):
    """See these runs side by side."""

    folders: Sequence[RunFolder]


@dataclass
class RunEnded(Message):
    """A run that this console has seen going on is over."""

    run: RunView


class RunQueued(Message):
    """A run has been put into the queue. Posted to the screen in front."""
