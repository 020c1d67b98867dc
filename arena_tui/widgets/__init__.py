"""Widgets: each shows one thing of a run or a profile, and is told what to show."""
