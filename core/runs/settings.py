"""The settings of a run, its paths absolute: what is done with it does not depend on where one stands."""

from pathlib import Path

from core.profile.files import read_profile, rooted
from core.profile.load import parse_profile
from core.profile.settings import Profile
from core.runs.access import read_whole
from core.runs.folder import RunFolder


def read_settings(folder: RunFolder) -> Profile:
    """Every setting of the run. Raises ProfileError where they cannot be read.

    Paths are absolute since the run was made; those of older runs are meant from where their process was started.
    """
    profile = parse_profile(read_profile(folder.resolved, read_whole).text, source=str(folder.resolved))
    info = folder.read_info()
    return rooted(profile, Path(info.working_directory)) if info else profile
