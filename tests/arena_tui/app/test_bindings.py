"""A key means one thing, wherever one is; and the page on the keys tells of the keys that there are."""

import keys_page
import pytest
from textual.binding import Binding

NEIGHBOURS = [
    ("Home", "Runs"),
    ("Home", "Predictions"),
    ("Home", "Monitor"),
    ("Home", "Report"),
    ("Home", "Data"),
    ("Runs", "Monitor"),
    ("Runs", "Report"),
    ("Runs", "Compare"),
    ("Monitor", "Report"),
    ("Monitor", "Prediction"),
    ("Predictions", "Prediction"),
    ("Report", "Row"),
    ("Report", "Try"),
    ("Monitor", "Try"),
    ("Data", "Row"),
]
"""One is opened from the other."""
ALIKE = [
    {"Open", "Row", "Crosshair"},  # opens what is chosen, or looks closer
    {"Compare", "Against"},
    {"Edit", "Rename"},
    {"Take out", "Delete"},
    {"Write", "Write CSV", "Write page"},
    {"Read again", "Again"},
    {"Before", "Previous"},
    {"Filter", "Search"},
    {"Page down", "Log down"},
    {"Page up", "Log up"},
    {"Sort", "Right", "64 higher", "On"},  # along what lies across the screen
    {"Sort before", "Left", "64 lower", "Back"},
    {"Pane", "Next list"},
]
"""Words for the same."""
THE_SAME = {"j": "Down", "k": "Up", "g": "First", "G": "Last", "n": "Next", "escape": "Back", "tab": "Pane"}


def meanings(place: str) -> dict[str, str]:
    """What each key does there, in a word."""
    every = [binding for binding in keys_page.PLACES[place] if isinstance(binding, Binding)]
    return {key: binding.description for binding in every for key in binding.key.split(",")}


@pytest.mark.parametrize(("one", "other"), NEIGHBOURS)
def test_a_key_means_the_same_on_screens_that_lead_to_each_other(one: str, other: str) -> None:
    ours, theirs = meanings(one), meanings(other)
    differ = [
        (key, ours[key], theirs[key])
        for key in ours.keys() & theirs.keys()
        if ours[key] != theirs[key] and not any({ours[key], theirs[key]} <= alike for alike in ALIKE)
    ]
    assert differ == []


@pytest.mark.parametrize("place", [place for place in keys_page.PLACES if place not in ("Everywhere", "Editor")])
def test_keys_that_move_and_leave_mean_the_same_everywhere(place: str) -> None:
    found = meanings(place)
    words = {key: next((a for a in ALIKE if word in a), {word}) for key, word in THE_SAME.items()}
    assert {key: found[key] for key in THE_SAME if key in found and found[key] not in words[key]} == (
        {"g": "First step", "G": "Newest step", "escape": "Done"} if place == "The crosshair of a curve" else {}
    )
    taken = set(found) & {"question_mark", "q", "u", "ctrl+c", *(() if place == "Try" else ("f1",))}  # ? is text there
    assert not taken, f"{taken} belong to the whole console"


def test_the_page_has_the_keys_as_they_are_bound() -> None:
    written = keys_page.PAGE.read_text("utf-8").split(keys_page.BEGIN + "\n")[1]
    assert written == keys_page.tables(), "python tests/support/keys_page.py writes it anew"
