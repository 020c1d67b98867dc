"""Curves of runs: axes, zoom, drawing."""
