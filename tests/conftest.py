"""Before anything is imported: one thread a process, since workers and their children share the cores; and a folder for
what this user's programs are to remember, since tests are to leave nothing among their own.

Two OpenMP teams on two cores wait for each other more than they compute.
"""

import os
import tempfile

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
_state = tempfile.TemporaryDirectory()
os.environ["XDG_STATE_HOME"] = _state.name
