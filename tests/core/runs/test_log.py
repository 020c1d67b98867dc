"""What the processes of a run say themselves is told from what libraries print."""

import subprocess
import sys

from core.runs.log import Essential

PROCESS = """
import logging, warnings
from core.runs.log import begin_log
begin_log()
logging.getLogger("core.runs.record").info("importing torch")
logging.getLogger("bitsandbytes.cextension").warning("Failed to load a kernel")
warnings.warn("old", FutureWarning)
import sys
print("Loading weights: 100%|####| 2/2\\n[transformers] LOAD REPORT\\nscore.weight | MISSING |", file=sys.stderr)
try:
    1 / 0
except ZeroDivisionError:
    logging.exception("the run failed")
logging.getLogger("bitsandbytes").warning("Goodbye")
print("more of no use", file=sys.stderr)
"""


def test_what_a_run_says_and_its_tracebacks_are_essential_and_what_libraries_print_is_not() -> None:
    ran = subprocess.run([sys.executable, "-P", "-c", PROCESS], capture_output=True, text=True, check=True)
    printed = ran.stderr.splitlines()
    essential = Essential()
    shown = [line for line in printed if essential.is_one(line)]
    assert [line.partition(" ")[2] for line in (shown[0], shown[1])] == ["importing torch", "the run failed"]
    assert shown[2].startswith("Traceback")
    assert shown[-1] == "ZeroDivisionError: division by zero"
    hidden = "\n".join(line for line in printed if line not in shown)
    for noise in ("[bitsandbytes] Failed", "FutureWarning", "Loading weights", "LOAD REPORT", "MISSING", "of no use"):
        assert noise in hidden
