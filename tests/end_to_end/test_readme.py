"""The README's commands, pasted into one shell one after the other: pip and what it installs are played."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from places import ROOT

PIP = """#!/bin/sh
# Puts what an install puts there into the environment that is active.
echo "pip $*" >> "$TOLD"
[ "$1" = install ] || exit 1
put() { printf '#!/bin/sh\\n%s\\n' "$2" > "$VIRTUAL_ENV/bin/$1" && chmod +x "$VIRTUAL_ENV/bin/$1"; }
put arena-tui "$PARSES"
case "$2" in *test*) put pytest 'echo pytest >> "$TOLD"';; esac
"""
PARSES = """import sys; from arena_tui.commands.line import parse; parse(sys.argv[1:])"""


def test_the_commands_can_be_pasted_one_after_the_other(tmp_path: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pip").write_text(PIP)
    (tmp_path / "bin" / "pip").chmod(0o755)
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    parses = shlex.join(["env", f"PYTHONPATH={os.pathsep.join(filter(None, sys.path))}", sys.executable, "-c", PARSES])
    environment = {
        "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
        "TOLD": str(tmp_path / "told"),
        "PARSES": f'echo "arena-tui $*" >> "$TOLD"; exec {parses} "$@"',
    }
    script = 'set -e\npython3() { command python3 "$@" --without-pip; }\n' + "\n".join(blocks)
    ran = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    told = (tmp_path / "told").read_text().splitlines()
    assert told[:2] == ["pip install .", "arena-tui demo"], "the newcomer's install has no packages of the tests"
    assert told[-2:] == ["pip install .[test]", "pytest"]
    assert sum(command.startswith("arena-tui ") for command in told) == sum(
        line.startswith("arena-tui ") for block in blocks for line in block.splitlines()
    )
