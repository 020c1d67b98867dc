"""Predicting rows with finished runs: `python -P -m core.predict PREDICTION_DIR` is the child that does it."""
