"""What the user names to be written: files whole and through links, devices and pipes as they are."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from core.files import write_output, write_whole
from core.runs.folder import RunFolder

OTHERS = b"another user's own\n"


def test_what_is_written_aside_has_a_name_that_nobody_can_foretell(tmp_path: Path) -> None:
    treasure = tmp_path / "treasure"
    treasure.write_bytes(OTHERS)
    (tmp_path / f".out.csv.{os.getpid()}").symlink_to(treasure)
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "out.csv", b"mine")
    finally:
        os.umask(before)
    assert treasure.read_bytes() == OTHERS
    assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == 0o640
    (tmp_path / "full").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "full", b"mine")
    assert not list(tmp_path.glob(".full*"))


def test_an_output_goes_into_a_pipe_and_through_a_link(finished: RunFolder, tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "arena_tui", "curves", finished.id]
    command += ["--runs-dir", str(finished.path.parent), "-o"]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        subprocess.run([*command, str(pipe)], check=True, timeout=60)
        told = reader.communicate()[0]
    assert told.startswith(b"run,kind,step")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert subprocess.run([*command, "/dev/stdout"], check=True, capture_output=True, timeout=60).stdout == told

    link, real = tmp_path / "link.csv", tmp_path / "real.csv"
    link.symlink_to(real)
    for _ in range(2):  # a link to nothing, and one to a file
        write_output(link, b"mine")
        assert link.is_symlink()
        assert real.read_bytes() == b"mine"


def test_a_device_that_is_named_as_output_stays_a_device(tmp_path: Path) -> None:
    device = tmp_path / "null"
    try:
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("making a device takes root")
    write_output(device, b"mine")
    assert stat.S_ISCHR(device.stat().st_mode)
