"""The plan: what a profile would do, cost and need, before anything is started."""
