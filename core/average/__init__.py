"""The average of runs: `python -P -m core.average RUN_DIR` makes one adapter of those of several runs, and tries it."""
