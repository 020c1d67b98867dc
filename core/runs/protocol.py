"""How the processes of runs are asked: their commands, each followed by a folder. They answer in the run's record.

Imports nothing heavy.
"""

from core.protocol import command

TRAIN = command("core.train")
RESUME = "--resume"
"""Stands before the folder where a run that has begun is to go on."""
RANK = "--rank"
"""Stands before them where the process is one of a run's ranks."""
NODE = "--node"
"""Stands before the number of this machine, where a run has several; 0 is the one whose process is the run's own."""
MEETING = "--rendezvous"
"""Stands before the host:port at which they meet: that machine's."""
OTHER_AT_WORK = 75
"""Exit code of a child that finds another at work on its run, or a new run already begun: it has touched nothing."""
RUN_VARIABLE = "ARENA_TUI_RUN"
"""Holds the run's id in the environment of its process, and of all that this starts."""

RUNNER = command("core.runs.queue_runner")
"""Its folder is that of all runs, and after it stands the command that it starts them with."""
NOTIFIER = command("core.runs.notify")
