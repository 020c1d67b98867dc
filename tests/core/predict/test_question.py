"""Lines of JSON that ask about a comparison: in all forms that rows have, and with everything that can be wrong."""

import io
import json
from typing import Any

import pytest

from core.data.bounds import MOST_OF_A_RECORD
from core.data.comparisons import Refused
from core.predict.question import read_comparison, read_id, read_lines, read_object


def parts(**record: Any) -> tuple[tuple[str, ...], ...]:
    example = read_comparison(read_object(json.dumps(record).encode()))
    return example.prompt, example.response_a, example.response_b


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def test_texts_turns_and_messages_are_read_alike() -> None:
    wanted = (("p", "q"), ("a", "c"), ("b", "d"))
    turns = [["p", "q"], ["a", "c"], ["b", "d"]]
    assert parts(prompt=turns[0], response_a=turns[1], response_b=turns[2]) == wanted
    written = [json.dumps(cell) for cell in turns]
    assert parts(prompt=written[0], response_a=written[1], response_b=written[2]) == wanted  # the competition's
    asked = [user("p"), assistant("x"), user("q")]
    one_answer = parts(prompt=asked, response_a=[assistant("a")], response_b="b")
    assert one_answer == (("p", "q"), ("x", "a"), ("x", "b"))
    assert parts(prompt="p", response_a="a", response_b=None) == (("p",), ("a",), ("",))


def test_an_answer_that_looks_like_a_list_is_a_text() -> None:
    assert parts(prompt="two fruits as JSON", response_a='["fig"]', response_b="[1]") == (
        ("two fruits as JSON",),
        ('["fig"]',),
        ("[1]",),
    )
    assert parts(prompt=["p"], response_a=[], response_b=[None, "\ud800"]) == (("p",), (), ("", "\ufffd"))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"no", "not JSON"),
        (b"\xff{}", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]", "expected a JSON object, found list"),
        (b'{"prompt": "p"}', "response_a, response_b are missing; found prompt"),
        (b'{"prompt": "p", "response_b": "b"}', "response_a is missing; found prompt, response_b"),
        (b"{}", "are missing; found nothing"),
        (b'{"prompt": 7, "response_a": "a", "response_b": "b"}', "expected a text, found 7"),
        (b'{"prompt": ["p"], "response_a": [1], "response_b": []}', "item 1 of the list must be a string"),
        (b'{"prompt": [{"role": "x", "content": ""}], "response_a": "a", "response_b": "b"}', "an unknown role"),
    ],
)
def test_what_is_no_comparison_is_refused_with_what_is_wrong(line: bytes, why: str) -> None:
    with pytest.raises(Refused, match=why):
        read_comparison(read_object(line))


def test_ids_are_those_that_rows_may_have() -> None:
    assert [read_id({}), read_id({"id": None}), read_id({"id": 7}), read_id({"id": "x-1"})] == [None, None, 7, "x-1"]
    for id in (1.5, [1], "x" * 201, True):
        with pytest.raises(Refused):
            read_id({"id": id})


def test_lines_keep_their_numbers_and_one_without_end_is_not_held_in_memory() -> None:
    long = b"x" * (MOST_OF_A_RECORD + 5)
    source = io.BytesIO(b'\xef\xbb\xbf{"id": 1}\n\n  \n' + long + b"\n{}\nlast")
    found = list(read_lines(source))
    assert found == [(1, b'\xef\xbb\xbf{"id": 1}\n'), (4, None), (5, b"{}\n"), (6, b"last")]
    assert read_object(found[0][1]) == {"id": 1}
    with pytest.raises(Refused, match="more than 16 MiB"):
        read_object(found[1][1])
