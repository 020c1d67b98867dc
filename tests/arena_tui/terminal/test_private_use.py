"""Any text goes into the editor's widget and comes out byte for byte, and nothing in it reaches the terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.document._document import Document

from arena_tui.terminal.private_use import can_be_held, held, pictured, restored

ODD = "\x00\x07\x0b\x0c\x1b\x1c\x1d\x1e\x7f\x85\u00ad\u200b\u200d\u202e\u2028\u2029\ufeff\t\r\n[]é日🙂"
texts = st.text(st.sampled_from(ODD) | st.characters(exclude_categories=["Cs", "Co"]))


@given(texts)
def test_a_document_gives_back_what_it_was_given(text: str) -> None:
    assert restored(Document(held(text)).text) == text
    assert can_be_held(text)


@pytest.mark.parametrize("text", ["", "a", "a\n", "a\r\nb\r\n", "a\r\nb", "a\nb\r\n", "\r", "a\rb\n", "\n\n", "a\x0bb"])
def test_line_breaks_stay_as_they_are(text: str) -> None:
    document = Document(held(text))
    assert restored(document.text) == text
    assert document.line_count == text.count("\n") + 1


@given(texts)
def test_a_drawn_line_has_its_characters_in_their_places_and_none_that_is_obeyed(text: str) -> None:
    for line in Document(held(text)).lines:
        drawn = pictured(line)
        assert len(drawn) == len(line)
        assert not any(
            ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u202e\u2028\u2029\ufeff" for c in drawn if c != "\t"
        )


def test_a_text_that_uses_the_stand_ins_itself_is_known_not_to_come_back() -> None:
    assert not can_be_held("\U0010001b")
    assert can_be_held("\U00100041")


def test_what_is_too_long_to_type_in_is_not_held() -> None:
    assert can_be_held("x" * 60_000 + "\n" + "y\n" * 4_000)
    assert not can_be_held("x" * 60_001)
    assert not can_be_held("\n" * 5_001)
    assert not can_be_held("x" * 40_000 + "\n" + "y" * 40_000 + "\n" + "z" * 40_000)
