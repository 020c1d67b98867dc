"""`arena-tui report --score-swap`: scores a run's evaluation rows with A and B exchanged, in a child."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused
from arena_tui.commands.foreground import Foreground

if TYPE_CHECKING:
    from core.runs.folder import RunFolder


def score_exchanged(folder: "RunFolder", data: str | None) -> int:
    """Have them scored, unless they are; what the child does goes to stderr. Returns its exit code.

    After a stop the same command goes on. Raises Refused.
    """
    from arena_tui.lines import Told
    from core.runs.process import LaunchError
    from core.score.folder import PREDICT, settle
    from core.score.request import CannotPredict, Request, choose_members

    try:
        rows = _ask(folder, *(["--data", data] if data else []))
        if not rows:
            print("both orders are scored already", file=sys.stderr)
            return 0
        prediction, is_at_work = settle(Request(members=choose_members([folder]), test=rows))
        told = Told(prediction) if is_at_work else Told.but_its_end(prediction)
        foreground = Foreground(prediction)
        if is_at_work:
            foreground.join()
        else:
            foreground.start(PREDICT)
    except CannotPredict as error:
        raise Refused(error, 2) from None
    except (LaunchError, OSError) as error:
        raise Refused(error, 1) from None
    exit_code = foreground.follow(sys.stderr, told)
    if exit_code == 0:
        _ask(folder, "--add", str(prediction.table))
        Path(rows).unlink(missing_ok=True)
        shutil.rmtree(prediction.path, ignore_errors=True)  # its submission would answer other questions
    return exit_code


def _ask(folder: "RunFolder", *arguments: str) -> str:
    """What the engine's process printed. Raises Refused with its problem."""
    from core.report.progress import EXCHANGE

    ran = subprocess.run([*EXCHANGE, str(folder.path), *arguments], capture_output=True, encoding="utf-8", check=False)
    if ran.returncode:
        raise Refused(ran.stderr.strip() or f"ended with exit code {ran.returncode}", ran.returncode)
    return ran.stdout.removesuffix("\n")
