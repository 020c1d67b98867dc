"""Formats: the same comparisons come out of every form in which people keep them, and what fits none is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from examples import read_examples
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from pyarrow import parquet

from core.data.example import DataError, Example, settled
from core.data.rows import Comparisons, read_comparisons
from core.outcomes import A_B_TIE
from core.profile.data_settings import Columns, Data, Winners

Row = dict[str, Any]
TURNS = (("q1", "q2"), ("a1", "a2"), ("b1", "b2"))
SINGLE = (("q",), ("a",), ("b",))
WORDS = ("model_a", "model_b", "tie")


def row(label: int, parts: tuple[tuple[str, ...], ...] = TURNS, **more: Any) -> Row:
    return {"parts": parts, "label": label, **more}


def conversation(prompt: tuple[str, ...], answers: tuple[str, ...]) -> list[dict[str, Any]]:
    roles = [{"role": "user", "content": asked} for asked in prompt]
    replies = [{"role": "assistant", "content": answer} for answer in answers]
    return [message for pair in zip(roles, replies, strict=True) for message in pair]


def blocks(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**message, "content": [{"type": "text", "text": message["content"]}]} for message in messages]


def lmsys(number: int, parts: Any, label: int) -> Row:
    flags = {f"winner_{word}": float(n == label) for n, word in enumerate(("model_a", "model_b", "tie"))}
    return {
        "id": str(number),
        **dict(zip(("prompt", "response_a", "response_b"), map(list, parts), strict=True)),
        **flags,
    }


def arena(number: int, parts: Any, label: int) -> Row:
    prompt, a, b = parts
    both = {"conversation_a": conversation(prompt, a), "conversation_b": conversation(prompt, b)}
    return {"question_id": f"u-{number}", **both, "winner": WORDS[label] if label < 2 else "tie (bothbad)"}


def arena_in_blocks(number: int, parts: Any, label: int) -> Row:
    made = arena(number, parts, label)
    winner = "both_bad" if label == 2 else made["winner"]
    both = {column: blocks(made[column]) for column in ("conversation_a", "conversation_b")}
    return {"id": f"u-{number}", **both, "winner": winner}


def arena_in_text(number: int, parts: Any, label: int) -> Row:
    return {
        column: cell if isinstance(cell, str) else json.dumps(cell)
        for column, cell in arena(number, parts, label).items()
    }


def soft(number: int, parts: Any, label: int) -> Row:
    texts = {name: cell for name, cell in lmsys(number, parts, label).items() if not name.startswith("winner")}
    return texts | {f"probability_{word}": 0.6 if n == label else 0.2 for n, word in enumerate(("a", "b", "tie"))}


def helpsteer(_: int, parts: Any, label: int) -> Row:
    prompt, a, b = parts
    context = conversation(prompt, a)[:-1]
    preference = (-2, 3, 0)[label]
    return {"context": context, "response1": a[-1], "response2": b[-1], "overall_preference": preference}


def wsdm(number: int, parts: Any, label: int) -> Row:
    (prompt,), (a,), (b,) = parts
    return {"id": f"w{number}", "prompt": prompt, "response_a": a, "response_b": b, "winner": WORDS[label]}


FORMS: dict[str, tuple[Callable[[int, Any, int], Row], str]] = {
    "lmsys": (lmsys, "lmsys (list of turns; a column for each winner)"),
    "soft": (soft, "lmsys (list of turns; probabilities, of which the highest is the label)"),
    "arena": (arena, "arena (conversation; a column that names the winner)"),
    "arena in blocks": (arena_in_blocks, "arena (conversation; a column that names the winner)"),
    "arena in text": (arena_in_text, "arena (conversation; a column that names the winner)"),
    "wsdm": (wsdm, "wsdm (text; a column that names the winner)"),
    "helpsteer": (helpsteer, "helpsteer (conversation and text; a preference, below 0 for the first answer)"),
}


PLACES = {"lmsys": "winner_tie is a column", "soft": "probability_tie is a column"}
"""Why there are three outcomes, where it is not that one of the rows is a tie."""


def write(folder: Path, rows: list[Row], name: str = "rows.jsonl") -> str:
    path = folder / name
    if path.suffix == ".parquet":
        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(made) + "\n" for made in rows))
    return str(path)


def texts(example: Example) -> tuple[tuple[str, ...], ...]:
    return example.prompt, example.response_a, example.response_b


def refused(source: str, data: Data | None = None) -> str:
    with pytest.raises(DataError) as caught:
        read_examples(source, data or Data())
    return str(caught.value).removeprefix(source)


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet"])
@pytest.mark.parametrize("form", FORMS)
def test_the_same_comparisons_come_out_of_every_format_which_is_told(form: str, name: str, tmp_path: Path) -> None:
    make, told = FORMS[form]
    parts = SINGLE if form == "wsdm" else TURNS
    source = write(tmp_path, [make(number, parts, number) for number in range(3)], name)
    comparisons = Comparisons(source, Data(), "auto")
    read = [example for example, _ in comparisons]
    expected = (parts[0], ("a1", "a2"), ("a1", "b2")) if form == "helpsteer" else parts
    assert [(texts(example), example.label) for example in read] == [(expected, label) for label in range(3)]
    assert str(comparisons.format) == told
    assert str(comparisons.told()).endswith(f", read as {told}")
    assert str(settled([comparisons.told()])) == f"three outcomes: {PLACES.get(form, '1 row is a tie')}"
    ids = {"lmsys": [0, 1, 2], "soft": [0, 1, 2], "wsdm": ["w0", "w1", "w2"], "helpsteer": [0, 1, 2]}
    assert [example.id for example in read] == ids.get(form, ["u-0", "u-1", "u-2"])


@pytest.mark.parametrize("form", ["text", "messages", "conversations", "both"])
def test_which_answer_was_chosen_is_kept_and_a_is_the_chosen_one_in_half_of_the_rows(form: str, tmp_path: Path) -> None:
    rows = []
    for number in range(400):
        prompt, good, bad = f"q{number}", f"good{number}", f"bad{number}"
        answers = [{"role": "assistant", "content": text} for text in (good, bad)]
        whole = [conversation((prompt,), (text,)) for text in (good, bad)]
        rows.append(
            {
                "text": {"prompt": prompt, "chosen": good, "rejected": bad},
                "messages": {"prompt": whole[0][:1], "chosen": answers[:1], "rejected": answers[1:]},
                "conversations": {"chosen": whole[0], "rejected": whole[1]},
                "both": {"prompt": prompt, "chosen": whole[0], "rejected": whole[1]},
            }[form]
        )
    read = read_examples(write(tmp_path, rows), Data())
    for number, example in enumerate(read):
        assert example.prompt == (f"q{number}",)
        assert {example.response_a, example.response_b} == {(f"good{number}",), (f"bad{number}",)}
        chosen = (example.response_a, example.response_b)[example.label]
        assert chosen == (f"good{number}",)
    share = sum(example.label == 0 for example in read) / len(read)
    assert 0.4 < share < 0.6
    again = read_examples(write(tmp_path, rows[::-1]), Data())
    assert [texts(example) for example in again[::-1]] == [texts(example) for example in read]


def test_rows_to_predict_need_no_winners(tmp_path: Path) -> None:
    for form, (make, _) in FORMS.items():
        made = make(0, SINGLE, 0)
        unlabelled = {name: cell for name, cell in made.items() if not name.startswith(("winner", "prob", "overall"))}
        (example,) = read_comparisons(write(tmp_path, [unlabelled]), Data(), "auto")
        assert (texts(example), example.label) == (SINGLE, -1), form


ANSWERS = Data(columns=Columns(response_a="a", response_b="a"))
LABELLED = replace(ANSWERS, columns=replace(ANSWERS.columns, winner="a"))
IMAGE = [{"role": "user", "content": "q"}, {"role": "assistant", "content": [{"type": "image"}]}]
TOOL = [{"role": "user", "content": "q"}, {"role": "assistant", "content": None, "tool_calls": [{"id": 1}]}]
OWN_ROW = {"question": "q", "left": "a", "right": "b", "preferred": "left"}
OWN = Data(
    columns=Columns(id="key", prompt="question", response_a="left", response_b="right", winner="preferred"),
    winners=Winners(a=["left"], b=["Right"], tie=["same", "1"], drop=["skip"]),
)


@pytest.mark.parametrize(("word", "label"), [("left", 0), (" LEFT ", 0), ("right", 1), ("same", 2), (1.0, 2), (1, 2)])
def test_a_table_of_ones_own_is_read_by_the_names_of_its_columns_and_winners(
    word: Any, label: int, tmp_path: Path
) -> None:
    made = {"key": "q-1", "question": "q", "left": "[not] a list", "right": '["nor this"', "preferred": word, "more": 1}
    (example,) = read_examples(write(tmp_path, [made]), OWN)
    assert (example.id, texts(example)) == ("q-1", (("q",), ("[not] a list",), ('["nor this"',)))
    assert example.label == label


def test_rows_with_a_value_to_drop_are_left_out_and_counted(tmp_path: Path) -> None:
    made = {"question": "q", "left": "a", "right": "b"}
    rows = [
        {"key": str(number), **made, "preferred": word} for number, word in enumerate(["skip", "left", "skip", "right"])
    ]
    comparisons = Comparisons(write(tmp_path, rows), OWN, "auto")
    assert [(example.id, example.index, example.label) for example, _ in comparisons] == [(1, 0, 0), (3, 1, 1)]
    assert comparisons.told().left_out == 2
    assert ": no rows: all 1 are left out by data.winners.drop" in refused(write(tmp_path, rows[:1]), OWN)


@pytest.mark.parametrize(
    ("cell", "turns"),
    [
        ("['a', None]", ("a", "")),
        ("['a' 'b'\n 'c']", ("a", "b", "c")),  # as numpy prints it: Python would make one string of it
        ('["a", "it\'s"]', ("a", "it's")),
        (r"['line\n', '\u00e9', '\'']", ("line\n", "é", "'")),
        ("['a', nan]", ("a", "")),
    ],
)
def test_a_list_that_was_printed_is_read_token_by_token(cell: str, turns: tuple[str, ...], tmp_path: Path) -> None:
    made = {**lmsys(0, SINGLE, 0), "response_a": cell}
    comparisons = Comparisons(write(tmp_path, [made]), Data(), "auto")
    ((example, _),) = comparisons
    assert example.response_a == turns
    assert ("printed list of turns" in comparisons.told().how) == (not cell.startswith('["'))


@pytest.mark.parametrize(
    "cell", ["['a'", "['a']]", "['a', 1]", "[f'{1}']", "['a', __import__('os')]", "['a'] + ['b']", "[b'a']", "[['a']]"]
)
def test_what_is_no_printed_list_is_refused(cell: str, tmp_path: Path) -> None:
    rows = [{**lmsys(number, SINGLE, 0), "response_a": made} for number, made in enumerate(["['a']", cell])]
    assert "line 2, id 1, column response_a: expected a list of strings as Python prints it" in refused(
        write(tmp_path, rows)
    )


def test_system_messages_and_blocks_stand_before_the_turn_that_follows(tmp_path: Path) -> None:
    both = [
        [
            {"role": "system", "content": "be brief"},
            {"role": "human", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
            {"role": "gpt", "content": answer},
            {"role": "user", "content": "more"},
            {"role": "user", "content": None},
            {"role": "assistant", "content": answer + answer},
        ]
        for answer in "ab"
    ]
    made = {"conversation_a": both[0], "conversation_b": both[1], "winner": "model_a"}
    (example,) = read_examples(write(tmp_path, [made]), Data())
    assert texts(example) == (("be brief\n\none\n\ntwo", "more\n\n"), ("a", "aa"), ("b", "bb"))


def with_cell(form: str, column: str, cell: Any) -> list[Row]:
    make = FORMS[form][0]
    first, second = (make(number, SINGLE, 0) for number in range(2))
    return [first, {**second, column: cell}]


@pytest.mark.parametrize(
    ("form", "column", "cell", "says"),
    [
        ("arena", "winner", "modell_a", "column winner: expected one of model_a, a, model_b, b, tie, tie (bothbad)"),
        ("arena", "conversation_a", [], "column conversation_a: expected a list of messages with role and content"),
        ("arena", "conversation_a", [{"role": "user"}], "message 1 must have role and content"),
        ("arena", "conversation_a", [{"role": "tool", "content": ""}], "has an unknown role, 'tool'"),
        ("arena", "conversation_a", [{"role": "user", "content": "q"}], "the last message of a conversation must be"),
        ("arena", "conversation_b", conversation(("other",), ("b",)), "turn 1 of the user differs between"),
        ("arena", "conversation_b", conversation(("q", "r"), ("b", "c")), "the number of turns differs between"),
        ("arena in blocks", "conversation_a", IMAGE, "message 2 contains something that is not text"),
        ("wsdm", "prompt", 3, "column prompt: expected a text, found 3"),
        ("helpsteer", "overall_preference", 4, "expected a whole number from -3 to 3, found 4"),
        ("helpsteer", "overall_preference", 1.5, "from -3 to 3, found 1.5"),
        ("helpsteer", "overall_preference", True, "from -3 to 3, found True"),
        ("arena", "conversation_a", TOOL, "message 2 calls a tool and says nothing"),
        ("helpsteer", "response1", None, ""),
        ("soft", "probability_a", "much", "column probability_a: expected a probability, found 'much'"),
        ("soft", "probability_a", 0.7, "probability_a, probability_b, probability_tie must sum to 1, found 1.1"),
        ("lmsys", "winner_tie", 1, "exactly one of winner_model_a, winner_model_b, winner_tie must be 1"),
    ],
)  # fmt: skip
def test_a_row_that_is_not_as_its_format_is_refused_with_its_place(
    form: str, column: str, cell: Any, says: str, tmp_path: Path
) -> None:
    source = write(tmp_path, with_cell(form, column, cell))
    if not says:
        assert read_examples(source, Data())[1].response_a == ("",)
        return
    message = refused(source)
    assert message.startswith(", line 2, id ")
    assert says in message


def test_two_probabilities_that_are_equally_high_are_no_label(tmp_path: Path) -> None:
    made = {**soft(0, SINGLE, 0), "probability_a": 0.4, "probability_b": 0.4, "probability_tie": 0.2}
    assert "no outcome is the most probable: 0.4, 0.4, 0.2" in refused(write(tmp_path, [made]))


@pytest.mark.parametrize(
    ("made", "data", "says"),
    [
        ({**arena(0, SINGLE, 0), "chosen": "a", "rejected": "b"}, Data(), ": fits arena and chosen-rejected"),
        ({"question": "q", "left": "a"}, Data(), ": no column prompt, response_a, response_b, winner_model_a"),
        ({"question": "q", "left": "a"}, Data(), "; [data.columns] names the columns of another table"),
        ({"conversation_a": []}, Data(), ": no column conversation_b, winner; found conversation_a"),
        ({"question": "q", "left": "a"}, OWN, ": no column right, preferred, key; found question, left"),
        ({"a": "q"}, Data(columns=Columns(prompt="a")), ": data.columns must name response_a and response_b"),
        ({"a": "q"}, ANSWERS, ": data.columns names no column that says who won"),
        ({"a": "a"}, LABELLED, "without prompts both answers must be conversations"),
    ],
)  # fmt: skip
def test_a_table_of_no_format_is_refused_with_what_it_has(made: Row, data: Data, says: str, tmp_path: Path) -> None:
    assert says in refused(write(tmp_path, [made]), data)


def test_a_format_that_is_named_is_not_guessed(tmp_path: Path) -> None:
    source = write(tmp_path, [{**wsdm(0, (('["q"]',), ("a",), ("b",)), 0)}])
    (example,) = read_examples(source, Data(format="wsdm"))
    assert texts(example) == (('["q"]',), ("a",), ("b",))
    both = write(tmp_path, [{**arena(0, SINGLE, 0), "chosen": "a", "rejected": "b"}])
    assert texts(read_examples(both, Data(format="arena"))[0]) == SINGLE


def test_a_value_to_drop_is_dropped_also_where_it_means_something_by_default(tmp_path: Path) -> None:
    source = write(tmp_path, [wsdm(number, SINGLE, number) for number in range(3)])
    comparisons = Comparisons(source, Data(winners=Winners(drop=["TIE"])), "auto")
    assert [example.label for example, _ in comparisons] == [0, 1]
    assert comparisons.left_out == 1


@pytest.mark.parametrize("cell", [None, float("nan")])
def test_a_winner_that_is_missing_is_no_word(cell: Any, tmp_path: Path) -> None:
    data = Data(winners=Winners(tie=["none", "nan"]))
    source = write(tmp_path, [wsdm(0, SINGLE, 0), {**wsdm(1, SINGLE, 0), "winner": cell}])
    assert ", line 2, id w1, column winner: expected one of " in refused(source, data)


@pytest.mark.parametrize(
    ("more", "both"),
    [
        ({"probability_a": 0.1, "probability_b": 0.8, "probability_tie": 0.1}, "probability_a, probability_b"),
        ({"winner": "model_b"}, "winner and winner_model_a, winner_model_b, winner_tie both say who won"),
    ],
)
def test_two_columns_that_say_who_won_are_refused_until_one_is_named(more: Row, both: str, tmp_path: Path) -> None:
    source = write(tmp_path, [lmsys(0, SINGLE, 0) | more])
    assert both in refused(source)
    flags = {"winner_a": "winner_model_a", "winner_b": "winner_model_b", "winner_tie": "winner_tie"}
    columns = Columns(prompt="prompt", response_a="response_a", response_b="response_b", **flags)
    assert [row.label for row in read_examples(source, Data(columns=columns))] == [0]


def test_a_text_that_looks_like_a_list_or_like_messages_is_a_text_among_texts(tmp_path: Path) -> None:
    texts_of = ['["a"]', '[{"name": 1}]', "['x']"], ["plain", "text", "here"]
    rows = [
        {"prompt": f"q{n}", "response_a": texts_of[n % 2][n % 3], "response_b": "b", "winner": "model_a"}
        for n in range(9)
    ]
    rows += [{**rows[0], "response_a": "more"}] * 2
    assert [row.response_a[0] for row in read_examples(write(tmp_path, rows), Data())] == [
        row["response_a"] for row in rows
    ]
    chosen = [{"prompt": "q", "chosen": cell, "rejected": "b"} for cell in ('["a"]', "plain", "text")]
    assert len(read_examples(write(tmp_path, chosen), Data())) == 3


def test_among_printed_lists_those_that_are_json_too_are_read(tmp_path: Path) -> None:
    cells = ["[]", '["it\'s"]', "['a' 'b']", '["a", null]']
    rows = [{**lmsys(number, SINGLE, 0), "prompt": cell} for number, cell in enumerate(cells)]
    expected = [(), ("it's",), ("a", "b"), ("a", "")]
    assert [row.prompt for row in read_examples(write(tmp_path, rows), Data())] == expected


def test_rows_to_predict_need_not_say_who_wrote_the_answers(tmp_path: Path) -> None:
    data = replace(OWN, columns=replace(OWN.columns, model_a="of a", model_b="of b"))
    source = write(tmp_path, [{"key": "1", "question": "q", "left": "a", "right": "b"}])
    assert len(read_comparisons(source, data, "auto")) == 1
    assert "no column of a, of b" in refused(write(tmp_path, [{**OWN_ROW, "key": "1"}]), data)


def test_a_named_format_takes_no_columns_of_ones_own(tmp_path: Path) -> None:
    source = write(tmp_path, [wsdm(0, SINGLE, 0)])
    assert ": data.format is wsdm, which takes no data.columns" in refused(source, replace(OWN, format="wsdm"))


def test_a_key_that_a_json_object_lacks_is_no_empty_text(tmp_path: Path) -> None:
    rows = [wsdm(number, SINGLE, 0) for number in range(2)]
    del rows[1]["response_b"]
    assert refused(write(tmp_path, rows)) == ", line 2, id w1, column response_b: this row has no such column"
    del rows[0]["response_b"]
    rows[1]["response_b"] = "b"
    assert "line 1, id w0, column response_b: this row has no such column" in refused(write(tmp_path, rows))


def test_rows_to_predict_are_all_answered_also_those_that_training_leaves_out(tmp_path: Path) -> None:
    made = {"question": "q", "left": "a", "right": "b"}
    rows = [{"key": str(number), **made, "preferred": word} for number, word in enumerate(["skip", "left"])]
    assert [(row.id, row.label) for row in read_comparisons(write(tmp_path, rows), OWN, "auto")] == [(0, -1), (1, 0)]


def test_an_id_that_stands_in_two_files_is_told_with_both(tmp_path: Path) -> None:
    for name in ("one.jsonl", "two.jsonl"):
        write(tmp_path, [lmsys(0, SINGLE, 0)], name)
    message = refused(str(tmp_path))
    assert (
        message == f"/two.jsonl, line 1, id 0: this id is already in {tmp_path}/one.jsonl, line 1; ids must be unique"
    )


def test_files_of_one_source_have_one_format(tmp_path: Path) -> None:
    write(tmp_path, [lmsys(0, SINGLE, 0)], "one.jsonl")
    write(tmp_path, [wsdm(0, SINGLE, 0)], "two.jsonl")
    message = refused(str(tmp_path))
    assert message.startswith("/two.jsonl: wsdm (text;")
    assert "and the files before it: lmsys" in message


PARTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6), min_size=1, max_size=3)


@given(PARTS, st.data(), st.integers(0, 2))
@settings(max_examples=80, deadline=None)
def test_whatever_is_written_in_a_format_comes_back(
    tmp_path_factory: pytest.TempPathFactory, prompt: list[str], drawn: st.DataObject, label: int
) -> None:
    answers = st.lists(
        st.sampled_from(["", "x", "[", "['a']", '{"a"', "\n", "ä"]), min_size=len(prompt), max_size=len(prompt)
    )
    parts = tuple(prompt), tuple(drawn.draw(answers)), tuple(drawn.draw(answers))
    folder = tmp_path_factory.mktemp("any")
    for form in ("lmsys", "soft", "arena", "arena in blocks", "arena in text", "wsdm"):
        if form == "wsdm" and len(prompt) > 1:
            continue
        for name in ("rows.jsonl", "rows.parquet"):
            data = Data(
                format="wsdm" if form == "wsdm" else "auto"
            )  # three texts that look like lists are taken for such
            (example,) = read_examples(write(folder, [FORMS[form][0](0, parts, label)], name), data)
            assert (texts(example), A_B_TIE.labels[example.label]) == (parts, A_B_TIE.labels[label]), form
