"""Machines that know nothing of the user, odd locales, streams that are closed or full: sentences, no tracebacks."""

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tiny_runs import SETTINGS

from core.cache import CACHE_VARIABLE
from core.runs.folder import RunFolder, list_runs

ARENA_TUI = [sys.executable, "-P", "-m", "arena_tui"]
NOBODY = 12345
Ran = "subprocess.CompletedProcess[str]"


@pytest.fixture
def profile(tmp_path: Path, checkpoint: Path, train_csv: Path) -> Path:
    for path in (*checkpoint.iterdir(), checkpoint, train_csv):
        path.chmod(path.stat().st_mode | stat.S_IROTH)
    path = tmp_path / "mine.toml"
    text = SETTINGS.replace("[model]", f'[model]\ncheckpoint = "{checkpoint}"')
    path.write_text(f'[data]\ntrain = "{train_csv}"\n{text}')
    return path


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[Callable[..., Ran]]:
    """Runs a command as a user without an entry, a name or a home, in a folder of theirs.

    They may read everything, since Python itself may lie in a folder of root's, and write as any such user may.
    """
    if os.getuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("becoming a user without an entry takes root and setpriv")
    as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    as_nobody += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    theirs = tmp_path / "theirs"
    (theirs / "tmp").mkdir(parents=True)
    for folder in (theirs, theirs / "tmp"):
        os.chown(folder, NOBODY, NOBODY)
    names = ("HOME", "USER", "LOGNAME", "LNAME", "USERNAME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", CACHE_VARIABLE)
    environment = {name: value for name, value in os.environ.items() if name not in names}
    if subprocess.run([*as_nobody, "true"], capture_output=True).returncode:
        pytest.skip("the system does not let us become another user")

    def run(*arguments: str, **variables: str) -> Ran:
        return subprocess.run(
            [*as_nobody, *ARENA_TUI, *arguments],
            cwd=theirs,
            env={**environment, "TMPDIR": str(theirs / "tmp"), **variables},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    yield run
    assert not (theirs / "~").exists(), "a home that is not known is no folder called ~"


def test_a_user_without_an_entry_or_a_home_trains_and_is_told_where_caches_lie(
    nobody: Callable[..., Ran], profile: Path, tmp_path: Path
) -> None:
    trained = nobody("train", str(profile), "--set", "train.epochs=1")
    assert trained.returncode == 0, trained.stdout + trained.stderr
    stand_in = tmp_path / "theirs" / "tmp" / f"arena-tui-{NOBODY}"
    assert trained.stderr.startswith(f"note: the home folder / cannot be written to, so caches lie in {stand_in}")
    [folder] = list_runs(tmp_path / "theirs" / "runs")
    info = folder.read_info()
    assert info is not None
    assert info.user == str(NOBODY)
    inspected = nobody("inspect", str(profile))
    assert inspected.returncode == 0, inspected.stderr
    assert list(stand_in.glob(".cache/arena-tui/inspections/*/rows.parquet"))
    assert stand_in.stat().st_mode & 0o077 == 0
    for command in (["config"], ["runs"], ["report", "last"]):
        ran = nobody(*command)
        assert ran.returncode == 0, ran.stderr


def test_a_folder_that_another_user_has_laid_out_is_not_used_as_a_cache(
    nobody: Callable[..., Ran], tmp_path: Path
) -> None:
    laid_out = tmp_path / "theirs" / "tmp" / f"arena-tui-{NOBODY}"
    laid_out.mkdir(mode=0o777)
    ran = nobody("runs")
    assert ran.returncode == 0
    assert "set HOME to one that can be written to" in ran.stderr
    assert list(laid_out.iterdir()) == []


def test_a_chosen_cache_that_is_not_ours_to_write_to_is_an_error_that_names_it(
    nobody: Callable[..., Ran], profile: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    ran = nobody("inspect", str(profile), **{CACHE_VARIABLE: str(cache)})
    assert ran.returncode == 1
    assert f"{cache / 'inspections'}: permission denied. " in ran.stderr.splitlines()[-1]
    assert CACHE_VARIABLE in ran.stderr.splitlines()[-1]
    assert "Traceback" not in ran.stderr


LOCALES = [
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"},
    {"PYTHONIOENCODING": "ascii"},
]


@pytest.mark.parametrize("locale", LOCALES)
def test_an_8_bit_locale_gets_every_line_in_its_own_characters(
    locale: dict[str, str], profile: Path, finished: RunFolder, tmp_path: Path
) -> None:
    profile.write_text(f'# naïve → 😀\n[run]\nname = "naïve → 😀"\n{profile.read_text()}', encoding="utf-8")
    runs = str(finished.path.parent)

    def run(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
        inherited = {
            name: value for name, value in os.environ.items() if name not in ("PYTHONIOENCODING", "PYTHONUTF8")
        }
        return subprocess.run([*ARENA_TUI, *arguments], cwd=tmp_path, env=inherited | locale, capture_output=True)

    listed = run("runs", "--runs-dir", runs)
    assert (listed.returncode, listed.stderr) == (0, b"")
    assert b"+ finished" in listed.stdout
    for command in (["inspect", str(profile)], ["check", str(profile)]):
        ran = run(*command)
        assert (ran.returncode, ran.stderr) == (0, b""), ran.stderr.decode()
    schema = run("schema")
    assert json.loads(schema.stdout.decode("utf-8"))["$defs"]


def shell(line: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["bash", "-c", line], cwd=cwd, capture_output=True, text=True)


@pytest.mark.parametrize("command", [["schema"], ["config"], ["check", "demo"], ["runs", "--json"]])
@pytest.mark.parametrize(
    ("redirection", "code", "told"),
    [
        (">/dev/full", 1, "the output cannot be written: No space left on device\n"),
        (">&-", 1, "the output cannot be written: Bad file descriptor\n"),
        (">/dev/full 2>/dev/full", 1, ""),
        (">&- 2>&-", 1, ""),
        ("2>&-", 0, ""),
        ("<&-", 0, ""),
    ],
)
def test_output_that_cannot_be_written_is_told_in_a_line_and_by_the_exit_code(
    command: Sequence[str], redirection: str, code: int, told: str, tmp_path: Path
) -> None:
    ran = shell(f"{' '.join([*ARENA_TUI, *command])} {redirection}", tmp_path)
    assert (ran.returncode, ran.stderr) == (code, told)


def test_a_run_whose_lines_cannot_be_written_goes_on_and_its_end_is_told_on_stderr(
    profile: Path, tmp_path: Path
) -> None:
    ran = shell(f"{' '.join(ARENA_TUI)} train {profile} --set train.epochs=500 >/dev/full", tmp_path)
    assert ran.returncode == 1
    [folder] = list_runs(tmp_path / "runs")
    try:
        assert f"{folder.id} is still running: arena-tui stop {folder.id} stops it" in ran.stderr
    finally:
        stopped = shell(f"{' '.join(ARENA_TUI)} stop {folder.id}", tmp_path)
    assert stopped.stdout == f"{folder.id} cancelled\n"


def test_a_closed_stream_is_not_taken_for_a_file_that_is_opened_later(profile: Path, tmp_path: Path) -> None:
    """The system gives a file that is opened the lowest number that is free, which may be that of stdout."""
    ran = shell(f"{' '.join(ARENA_TUI)} inspect {profile} --export rows.parquet <&- >&-", tmp_path)
    assert ran.returncode == 1
    assert (tmp_path / "rows.parquet").read_bytes().startswith(b"PAR1")
