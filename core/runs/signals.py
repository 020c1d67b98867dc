"""What each signal means to a run, for those who send one and for those who hear it."""

import signal

SAVE = signal.SIGTERM
"""Finish the step, save, end. Sent again, by another console perhaps, it means no more than once."""
SAVE_TOO = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)
"""The same, from a scheduler: Slurm's --signal sends what it is told to, mostly one of the first two; the third is the
system's, where the processor time that was granted is used up."""
SAVE_THEN_NOW = signal.SIGINT
"""Ctrl-C: the first saves, a second ends at once."""
NOW = signal.SIGQUIT
"""End at once."""
IGNORED = signal.SIGHUP
"""A closed terminal ends no run."""

HEARD = (SAVE, *SAVE_TOO, SAVE_THEN_NOW, NOW)
