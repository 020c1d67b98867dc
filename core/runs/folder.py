"""The run folder: where each file of a run lies, and how a new one is made."""

import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from core.profile.files import read_profile, rooted
from core.profile.load import parse_profile, to_toml
from core.profile.settings import Profile
from core.runs.access import TRASH, Damaged, is_file, make_folder, read_json, read_whole, write_whole
from core.runs.events import Finished, Last
from core.runs.identity import RunInfo
from core.runs.metrics import read_metrics
from core.runs.seal import MANIFEST, flaw

RUNS_VARIABLE = "ARENA_TUI_RUNS"


LAST = "last"  # the newest run, whatever lies in the working directory: ./last is a folder


class RunFolder:
    """Paths of one run. Making the object touches nothing on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    # Paths are made when they are asked for: a list of runs makes hundreds of folders, and asks each for two or three.
    @property
    def profile(self) -> Path:
        return self.path / "profile.toml"

    @property
    def resolved(self) -> Path:
        return self.path / "resolved.toml"

    @property
    def order(self) -> Path:
        """What the child is to do: there before the child is."""
        return self.resolved

    @property
    def info(self) -> Path:
        return self.path / "run.json"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def lock(self) -> Path:
        return self.path / ".lock"

    @property
    def readers(self) -> Path:
        """A lock that is shared by the processes of predictions with the run, which read its adapter."""
        return self.path / ".readers"

    @property
    def console_log(self) -> Path:
        return self.path / "console.log"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def adapter(self) -> Path:
        return self.path / "adapter"

    @property
    def evaluation(self) -> Path:
        return self.path / "eval.parquet"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.json"

    @property
    def predictions(self) -> Path:
        """What was answered with the run, a folder each."""
        return self.path / "predictions"

    @property
    def notes(self) -> Path:
        return self.path / "notes.toml"

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def name(self) -> str:
        """The name the run was started with: 20260131-120000-longer is longer."""
        date, _, rest = self.id.partition("-")
        time, _, name = rest.partition("-")
        return name if name and date.isdigit() and time.isdigit() else self.id

    def due_end(self) -> Last | None:
        """The last event of a run that completed, told from what it has left: metrics, adapter and evaluation, none of
        them cut short. A process that was killed at that moment could not write it. None where something is missing."""
        metrics = read_metrics(self.metrics)
        try:
            is_evaluated = metrics is None or metrics.rows_eval == 0 or is_file(self.evaluation)
            is_complete = is_evaluated and is_file(self.adapter / "adapter_config.json")
            if metrics is None or not is_complete or ((self.adapter / MANIFEST).exists() and flaw(self.adapter)):
                return None
            return Finished(time=self.metrics.stat().st_mtime, log_loss=metrics.log_loss, accuracy=metrics.accuracy)
        except OSError:
            return None

    def read_profile(self) -> Profile:
        """Every setting of the run, from resolved.toml. Raises ProfileError where they cannot be read.

        Paths are absolute since the run was made; those of older runs are meant from where their process was started.
        """
        profile = parse_profile(read_profile(self.resolved, read_whole).text, source=str(self.resolved))
        info = self.read_info()
        return rooted(profile, Path(info.working_directory)) if info else profile

    def read_info(self) -> RunInfo | None:
        """run.json, or None while it is missing or is not one."""
        try:
            return read_json(self.info, RunInfo)
        except (OSError, Damaged):
            return None

    def write_info(self, info: RunInfo) -> None:
        write_whole(self.info, msgspec.json.format(msgspec.json.encode(info)))


def runs_folder(chosen: str | None = None) -> Path:
    """Where runs lie: the folder given, else $ARENA_TUI_RUNS, else ./runs."""
    return Path(chosen or os.environ.get(RUNS_VARIABLE) or "runs").absolute()


def create_run(runs: Path, profile: Profile, *, text: str, name: str) -> RunFolder:
    """A new folder in `runs`, named after the time and the run, holding the profile's `text` and its settings.

    `name` is used where the profile gives none. Relative paths are meant from our working directory.
    Raises OSError where the folder cannot be made.
    """
    runs.mkdir(parents=True, exist_ok=True)
    folder = RunFolder(new_folder(runs, file_name(profile.run.name or name) or "run"))
    try:
        write_whole(folder.profile, text.encode())
        write_whole(folder.resolved, to_toml(rooted(profile, Path.cwd())).encode())
    except OSError as error:  # no half of a run, which no list would show
        shutil.rmtree(folder.path)
        raise OSError(error.errno, error.strerror, str(folder.path)) from None
    return folder


def file_name(words: str) -> str:
    """`words` as a part of a file's name: a dash for what does not belong into one; "" where nothing else is left."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", words).strip("-.")


def new_folder(parent: Path, name: str) -> Path:
    """A new folder in `parent`, named after the time and `name`. Raises OSError where it cannot be made."""
    dated = f"{time.strftime('%Y%m%d-%H%M%S')}-{name}"
    for attempt in range(1, 1000):
        folder = parent / (dated if attempt == 1 else f"{dated}-{attempt}")
        with suppress(FileExistsError):
            make_folder(folder)
            return folder
    raise FileExistsError(f"a thousand folders were made in {parent} in this second")


class SeveralRuns(LookupError):
    """What was named may be any of several runs; the message lists them."""


def run_in(runs: Path, name: str) -> RunFolder:
    """The run of this name in `runs`: a folder there, no link and nothing hidden, that holds a resolved.toml.

    Raises LookupError, saying why, for any other name.
    """
    if not name or name.startswith(".") or os.path.basename(name) != name:  # noqa: PTH119  (Path drops a slash)
        raise LookupError(f"{name!r} is not a run name")
    folder = RunFolder(runs / name)
    if os.path.islink(folder.path):  # noqa: PTH114  (no error for a name that is too long)
        raise LookupError(f"{folder.path} is a link to a run, not a run: use {folder.path.resolve()}")
    if not _holds_run(folder.path):
        raise LookupError(f"no run called {name!r} in {runs}")
    return folder


def list_runs(runs: Path) -> list[RunFolder]:
    """Every run in `runs`, newest first; those too whose settings are a link that leads nowhere. Links and what is
    hidden are none."""
    places = runs.iterdir() if runs.is_dir() else ()
    found = [
        RunFolder(path)
        for path in places
        if not path.name.startswith(".") and not path.is_symlink() and os.path.lexists(path / "resolved.toml")
    ]
    return sorted(found, key=lambda run: run.id, reverse=True)


def find_run(runs: Path, wanted: str) -> RunFolder:
    """The run to look at: with this id or path, or the newest whose id contains `wanted`; "last" is the newest of all.

    Raises LookupError when there is none.
    """
    if wanted not in ("", LAST) and _holds_run(Path(wanted)):
        return RunFolder(Path(wanted))
    return _matching(runs, wanted)[0]


def choose_run(runs: Path, wanted: str) -> RunFolder:
    """The run to do something to: as `find_run`, but where `wanted` is a part of several ids none of them is meant, and
    a path has to be that of a run as `run_in` would give it. Raises LookupError, and SeveralRuns."""
    if wanted not in ("", LAST) and _holds_run(Path(wanted)):
        path = Path(os.path.abspath(wanted))  # noqa: PTH100  (resolve would follow a link)
        if path.parent.name == TRASH:
            raise LookupError(f"{path.name} is in the trash: arena-tui trash --put-back {path.name} brings it back")
        return run_in(path.parent, path.name)
    return choose_named(runs, wanted)


def choose_named(runs: Path, wanted: str) -> RunFolder:
    """As `choose_run`, by id alone."""
    found = _matching(runs, wanted)
    if len(found) > 1 and wanted != LAST:
        raise SeveralRuns(f"{wanted} matches several runs: {', '.join(run.id for run in found)}")
    return found[0]


def _matching(runs: Path, wanted: str) -> list[RunFolder]:
    """The run with this id, else all of this name, else all whose id contains it, newest first. Raises LookupError."""
    if not wanted:
        raise LookupError('the name of the run is empty; "last" is the newest')
    known = list_runs(runs)
    if wanted == LAST and known:
        return known
    same = [run for run in known if run.id == wanted] or [run for run in known if run.name == wanted]
    if found := same or [run for run in known if wanted in run.id]:
        return found
    listed = f"; the newest is {known[0].id}" if known else ", nor any other run yet"
    raise LookupError(f"no run called {wanted!r} in {runs}{listed}")


def _holds_run(path: Path) -> bool:
    return os.path.isfile(path / "resolved.toml")  # noqa: PTH113  (no error for a name that is too long)
