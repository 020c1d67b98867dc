"""Runs: the folder, the record of events in it, and the process that writes it. Imports nothing heavy."""
