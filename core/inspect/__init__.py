"""Inspection: what a profile would show the model of its rows, in figures and row by row."""
