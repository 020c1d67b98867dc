"""Files that never end, or unfold without bound: each is told in a sentence, soon, and within bounded memory."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

pytestmark = pytest.mark.slow

MOST_MEMORY = 1536 << 20
"""Bytes of address space beyond those of the libraries: what grows without bound fails within the test."""
SECONDS = 60
ARENA_TUI = (sys.executable, "-P", "-m", "arena_tui")


def bounded(program: tuple[str, ...] | list[str], folder: Path, **environment: str) -> str:
    """What `program` says, which must end by itself with exit code 2."""

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))

    ran = subprocess.run(
        program,
        cwd=folder,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        preexec_fn=bound,
    )
    assert (ran.returncode, "Traceback" in ran.stderr) == (2, False), ran.stderr
    return ran.stdout + ran.stderr


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A folder of such files."""
    os.mkfifo(tmp_path / "pipe.csv")
    os.mkfifo(tmp_path / "pipe.toml")
    for suffix in ("csv", "jsonl", "parquet", "toml"):
        (tmp_path / f"device.{suffix}").symlink_to("/dev/zero")
        with (tmp_path / f"sparse.{suffix}").open("wb") as file:
            file.truncate(10 << 30)
    with (tmp_path / "quote.csv").open("w") as file:
        file.write('id,prompt\n1,"')
        file.writelines(["a" * 100_000 + "\n"] * 200)
    with (tmp_path / "cells.csv").open("w") as file:
        file.write('id,prompt\n1,"')
        file.writelines(["x" * 100_000 + '","\n'] * 200)
    return tmp_path


READ = """
import sys
from core.data.example import DataError
from core.data.files import read_records
try:
    for _ in read_records(sys.argv[1]):
        pass
except DataError as error:
    sys.exit(print(error) or 2)
"""


CONFIGURE = "import sys; from core.config import read_config; sys.exit(print(*read_config().problems) or 2)"


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("pipe.csv", "a pipe, not a regular file"),
        ("/dev/stdin", "a device, not a regular file"),
        ("device.csv", "a device, not a regular file"),
        ("device.jsonl", "a device, not a regular file"),
        ("device.parquet", "a device, not a regular file"),
        ("sparse.csv", "line 1: a record of more than 16 MiB begins here"),
        ("sparse.jsonl", "line 1: a record of more than 16 MiB begins here"),
        ("sparse.parquet", "not a readable Parquet file"),
        ("quote.csv", "line 2: a record of more than 16 MiB begins here; is a quote"),
        ("cells.csv", "line 2: a record of more than 16 MiB begins here; is a quote"),
    ],
)
def test_endless_rows_are_refused(file: str, words: str, endless: Path) -> None:
    assert words in bounded([sys.executable, "-P", "-c", READ, file], endless)


@pytest.mark.parametrize("file", ["pipe.toml", "device.toml", "sparse.toml"])
def test_an_endless_profile_or_configuration_is_refused(file: str, endless: Path) -> None:
    assert "regular file" in (said := bounded([*ARENA_TUI, "check", file], endless)) or "larger than 1 MiB" in said
    said = bounded([sys.executable, "-P", "-c", CONFIGURE], endless, ARENA_TUI_CONFIG=str(endless / file))
    assert "cannot be read" in said


def test_a_checkpoint_with_endless_files_is_refused(endless: Path) -> None:
    folder = endless / "base"
    folder.mkdir()
    (endless / "sparse.toml").rename(folder / "config.json")
    said = bounded([*ARENA_TUI, "inspect", "demo", "--set", "model.checkpoint=./base"], endless)
    assert "its config.json cannot be read: larger than 16 MiB" in said


def test_rows_that_are_written_once_and_unfold_to_gigabytes_are_read_a_few_at_a_time(tmp_path: Path) -> None:
    rows, cell = 2_000, "x" * (1 << 20)
    alike = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * rows, pyarrow.int32()), [cell])
    parquet.write_table(pyarrow.table({"id": range(rows), "prompt": alike}), tmp_path / "bomb.parquet")
    assert (tmp_path / "bomb.parquet").stat().st_size < 1 << 20
    # Not by getrusage: its highest is that of the process which has forked this one, too.
    peak = "next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1]"
    script = f"{READ}\nprint({peak})"
    ran = subprocess.run(
        [sys.executable, "-P", "-c", script, "bomb.parquet"], cwd=tmp_path, capture_output=True, check=True
    )
    assert int(ran.stdout) << 10 < 600 << 20


def test_a_row_group_that_memory_cannot_hold_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.data import columnar_files, files
    from core.data.example import DataError

    parquet.write_table(pyarrow.table({"id": [1], "prompt": ["x" * (8 << 20)]}), tmp_path / "large.parquet")
    monkeypatch.setattr(columnar_files, "memory", lambda: (12 << 20, 1 << 30))
    with pytest.raises(DataError, match=r"its row group 1 unpacks to .* write smaller row groups"):
        list(files.read_records(str(tmp_path / "large.parquet")))


def test_a_record_is_as_long_as_all_that_its_lists_hold(tmp_path: Path) -> None:
    from core.data.example import DataError
    from core.data.files import read_records

    parquet.write_table(pyarrow.table({"prompt": [[{"content": "x" * (17 << 20)}]]}), tmp_path / "long.parquet")
    with pytest.raises(DataError, match="line 1: a record of more than 16 MiB"):
        list(read_records(str(tmp_path / "long.parquet")))


def test_ids_that_are_written_once_and_unfold_to_gigabytes_are_refused(tmp_path: Path) -> None:
    from core.data.bounds import read_numbers

    alike = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 2_000_000, pyarrow.int32()), ["x" * 200])
    parquet.write_table(pyarrow.table({"id": alike.cast(pyarrow.string())}), tmp_path / "many.parquet")
    parquet.write_table(pyarrow.table({"id": ["a", None]}), tmp_path / "gap.parquet")
    for name in ("many.parquet", "gap.parquet"):
        with pytest.raises(pyarrow.ArrowInvalid, match="has gaps, or holds more text than any run's rows"):
            read_numbers(tmp_path / name, texts="id")


def test_rows_that_fill_the_memory_are_told_before_the_kernel_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.data import bounds
    from core.data.example import DataError

    free = iter(range(1 << 30, 0, -100 << 20))
    monkeypatch.setattr(bounds, "memory", lambda: (next(free), 1 << 34))
    with pytest.raises(DataError, match=r"train.csv, line \d+: memory is nearly full, 2\d\d MiB are free"):
        list(bounds.watched("train.csv", ((line, {"id": line}) for line in range(10**6))))
