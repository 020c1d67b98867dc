"""Before anything is imported: one thread a process, since workers and their children share the cores.

Two OpenMP teams on two cores wait for each other more than they compute.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
