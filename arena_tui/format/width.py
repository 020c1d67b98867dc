"""Text in a place of so many cells, cut in the middle where it is longer."""

from rich.cells import cell_len, set_cell_size

TITLE_EDGES = 4
"""Cells of a frame beside the title in it."""


def abridged(text: str, cells: int) -> str:
    """`text` in at most so many cells: where it has no room both its ends, with an ellipsis between them. Names are
    told apart by their ends."""
    if cell_len(text) <= cells:
        return text
    if cells < 2:
        return "…"[:cells]
    start = set_cell_size(text, (cells - 1) // 2)
    end = text
    while cell_len(end) > cells - 1 - cell_len(start):
        end = end[1:]
    return f"{start}…{end}"


def padded(text: str, cells: int) -> str:
    """`text` in exactly so many cells, abridged where it is longer."""
    shown = abridged(text, cells)
    return shown + " " * (cells - cell_len(shown))
