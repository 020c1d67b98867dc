"""Training: `python -P -m core.train RUN_DIR` is the child process that owns a run."""
