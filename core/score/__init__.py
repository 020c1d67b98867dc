"""Scoring: `python -P -m core.score PREDICTION_DIR` is the child process that predicts rows with finished runs."""
