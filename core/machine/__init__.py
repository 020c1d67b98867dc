"""The machine: its cards, its memory, and what the system does to processes. Imports nothing heavy."""
