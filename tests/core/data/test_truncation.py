"""Every strategy: the limit holds, what need not be cut is not, tags stay, no character is split, A is as good as B."""

from pathlib import Path

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.example import TAGS, Example, Frame, join, segments
from core.data.shape import Shape
from core.data.tokenizer import PromptTokenizer
from core.data.tokens import Encoder, encode, show
from core.data.truncation import keep
from core.data.words import can_split
from core.profile.errors import SettingError
from core.profile.settings import TRUNCATIONS, Tokens

SYMMETRIC = ("thirds", "proportional", "longest-first", "rounds")
ROUNDS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), max_size=4)
ELLIPSES = st.sampled_from(["", "…", " [...] "])


@pytest.fixture(scope="module", params=["byte-level", "sentencepiece"])
def tokenizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> PromptTokenizer:
    folder = tmp_path_factory.mktemp("tokenizer")
    made = tiny.tokenizer() if request.param == "byte-level" else tiny.sentencepiece_tokenizer()
    made.save_pretrained(folder)
    return PromptTokenizer(folder)


def example(prompt: list[str], a: list[str], b: list[str]) -> Example:
    return Example(index=0, id=1, prompt=tuple(prompt), response_a=tuple(a), response_b=tuple(b), label=0)


def written(tokenizer: PromptTokenizer, ids: list[int]) -> bytes:
    """The text of token ids, in bytes, so that half a character shows."""
    return b"".join(tokenizer.pieces[i] for i in ids)


def chosen(strategy: str, limit: int, ellipsis: str = "", **more: int) -> Tokens:
    return Tokens(truncation=strategy, max_length=limit, ellipsis=ellipsis, **more)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", TRUNCATIONS)
@settings(deadline=None, max_examples=50)
@given(prompt=ROUNDS, a=ROUNDS, b=ROUNDS, room=st.integers(0, 150), ellipsis=ELLIPSES)
def test_the_limit_holds_and_what_is_shown_is_whole_characters_between_bos_and_eos(
    strategy: str, prompt: list[str], a: list[str], b: list[str], room: int, ellipsis: str, tokenizer: PromptTokenizer
) -> None:
    row = example(prompt, a, b)
    tags = sum(len(tokenizer.ids(tag)) for tag in TAGS)
    limit = 2 + tags + 9 * len(tokenizer.ids(ellipsis)) + 8 + room
    [[encoded]] = encode([row], tokenizer, chosen(strategy, limit, ellipsis))
    ids = encoded.ids.tolist()
    text = join(row.prompt, row.response_a, row.response_b)
    whole = tokenizer.ids(text)
    assert ids[0] == tokenizer.begin[0]
    assert ids[-1] == tokenizer.end[0]
    assert encoded.full_length == len(whole) + 2
    assert encoded.is_cut == (len(whole) + 2 > limit)
    shown = written(tokenizer, ids[1:-1])
    if not encoded.is_cut:
        assert ids[1:-1] == whole
        assert encoded.lost == (0, 0, 0)
        return
    assert len(ids) <= limit
    assert shown.decode()  # fails on half a character
    assert ellipsis.encode() in shown
    if strategy == "right":
        assert text.encode().startswith(shown.removesuffix(ellipsis.encode()))
    else:
        for tag in TAGS:
            assert tag.strip().encode() in shown


@pytest.mark.slow
@pytest.mark.parametrize("strategy", SYMMETRIC)
@settings(deadline=None, max_examples=100)
@given(
    rounds=st.lists(st.tuples(*[st.integers(0, 60)] * 3), min_size=1, max_size=5),
    room=st.integers(20, 200),
    mark=st.integers(0, 2),
)
def test_a_and_b_are_treated_alike(strategy: str, rounds: list[tuple[int, int, int]], room: int, mark: int) -> None:
    def kept(order: list[int]) -> np.ndarray:
        in_rounds = np.array(rounds)[:, order]
        shape = Shape(
            tags=np.full((1, 3), 3),
            parts=in_rounds.sum(axis=0)[None],
            rounds=in_rounds,
            round_row=np.zeros(len(rounds), dtype=int),
            round_counts=np.array([len(rounds)]),
            inside=np.zeros(0, dtype=int),
        )
        frame = Frame(begin=[2], end=[1], mark=[9] * mark)
        return keep(shape, chosen(strategy, 11 + 8 * mark + room, prompt_max=7), frame).by_part(shape)[0]

    assert kept([0, 1, 2])[[0, 2, 1]].tolist() == kept([0, 2, 1]).tolist()


def lengths_kept(tokenizer: PromptTokenizer, tokens: Tokens, prompt: int, a: int, b: int) -> list[int]:
    """How many one-token words of each part are shown, for parts of so many words."""
    word = " a"
    assert len(tokenizer.ids(word)) == 1
    row = example([word * prompt], [word * a], [word * b])
    [[encoded]] = encode([row], tokenizer, tokens)
    return [n - lost for n, lost in zip((prompt, a, b), encoded.lost, strict=True)]


def limit_for(tokenizer: PromptTokenizer, room: int) -> int:
    """The limit that leaves `room` tokens beside BOS, EOS and the tags, as they come out before such words."""
    encoder = Encoder(tokenizer)
    shape = encoder.encode([example([" a"], [" a"], [" a"])]).shape
    return int(shape.tags.sum()) + 2 + room


@pytest.mark.parametrize(
    ("strategy", "parts", "kept"),
    [
        ("left", (50, 30, 40), [0, 20, 40]),
        ("head-tail", (50, 30, 40), [30, 0, 30]),
        ("thirds", (50, 10, 40), [20, 10, 20]),
        ("proportional", (50, 30, 40), [12, 24, 24]),
        ("proportional", (50, 4, 40), [19, 4, 37]),
        ("proportional", (5, 80, 80), [6 - 1, 27, 27]),
        ("longest-first", (50, 30, 40), [20, 20, 20]),
        ("longest-first", (50, 4, 40), [28, 4, 28]),
        ("rounds", (50, 30, 40), [12, 24, 24]),
    ],
)
def test_the_room_is_shared_as_the_strategy_says(
    strategy: str, parts: tuple[int, int, int], kept: list[int], tokenizer: PromptTokenizer
) -> None:
    assert lengths_kept(tokenizer, chosen(strategy, limit_for(tokenizer, 60)), *parts) == kept


def test_longest_first_cuts_a_long_prompt_first_but_no_more_than_needed(tokenizer: PromptTokenizer) -> None:
    limit = limit_for(tokenizer, 60)
    tokens = chosen("longest-first", limit, prompt_max=10)
    assert lengths_kept(tokenizer, tokens, 40, 20, 24) == [16, 20, 24]
    assert lengths_kept(tokenizer, tokens, 40, 20, 80) == [10, 20, 30]


def test_rounds_keeps_the_newest_whole_and_cuts_the_last_kept_one(tokenizer: PromptTokenizer) -> None:
    word = " a"
    turns = [word * 30, word * 20, word * 5]
    row = example(turns, turns, turns)
    [[encoded]] = encode([row], tokenizer, chosen("rounds", limit_for(tokenizer, 50)))
    # Newest round: 5 words and the space before it in each part, 18 tokens at most; 32 are left for the second.
    kept = [55 + 2 - lost for lost in encoded.lost]
    assert sum(kept) <= 50
    assert kept[1] == kept[2] > kept[0] > 5


def test_a_limit_without_room_for_text_is_an_error_that_names_a_sufficient_one(tokenizer: PromptTokenizer) -> None:
    row = example(["long " * 50], ["yes"], ["no"])
    with pytest.raises(SettingError, match=r"at least (\d+) tokens are needed") as refused:
        list(encode([row], tokenizer, chosen("thirds", 16)))
    least = int(str(refused.value).split("at least ")[1].split()[0])
    assert list(encode([row], tokenizer, chosen("thirds", least)))


def test_the_shape_of_a_row_decides_by_last_characters(tokenizer: PromptTokenizer) -> None:
    row = example(["ab cd", "", "ef"], [], ["x"])
    whole = Encoder(tokenizer).encode([row])
    text = join(row.prompt, row.response_a, row.response_b)
    ends = np.cumsum([len(tokenizer.pieces[i].decode()) for i in whole.ids[0]])
    assert ends[-1] == len(text)
    prompt_begins, prompt_ends = len(TAGS[0]), text.index(TAGS[1])
    assert whole.shape.parts[0].tolist() == [
        sum(prompt_begins < end <= prompt_ends for end in ends), 0, sum(end > text.rindex("x") for end in ends),
    ]  # fmt: skip
    assert whole.shape.rounds.sum(axis=0).tolist() == whole.shape.parts[0].tolist()
    assert whole.shape.round_counts.tolist() == [3]


@settings(deadline=None, max_examples=200)
@given(texts=st.lists(st.text(st.sampled_from("ab ▁\n…é你🤷\t<>"), max_size=30), min_size=3, max_size=3))
def test_words_encode_to_what_the_whole_text_does(texts: list[str]) -> None:
    tokenizer = SENTENCEPIECE
    encoder = Encoder(tokenizer)
    row = example(*([text, text[::2]] for text in texts))
    whole = encoder.encode([row])
    text = segments(row.prompt, row.response_a, row.response_b)
    ends = np.cumsum([len(segment) for segment in text])
    encoding = tokenizer.backend.encode("".join(text), add_special_tokens=False)
    assert can_split(tokenizer.spec)
    assert whole.ids[0].tolist() == encoding.ids
    taken = np.diff([sum(last <= end for _, last in encoding.offsets) for end in ends], prepend=0)
    assert whole.shape.tags[0].tolist() == taken[[0, 3, 6]].tolist()
    assert whole.shape.rounds.tolist() == [taken[[1, 4, 7]].tolist(), taken[[2, 5, 8]].tolist()]


def _sentencepiece() -> PromptTokenizer:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        tiny.sentencepiece_tokenizer().save_pretrained(folder)
        return PromptTokenizer(Path(folder))


SENTENCEPIECE = _sentencepiece()


def test_what_is_shown_is_as_long_as_what_is_predicted(tokenizer: PromptTokenizer) -> None:
    """The report computes with counts alone; the rows must come out so."""
    rows = [
        example([f"Why {n}? " * n], ["Because 🤷🏽 é. " * (n % 7), "x" * n], ["你好 " * (n % 11)]) for n in range(1, 40)
    ]
    whole = Encoder(tokenizer).encode(rows)
    for strategy in TRUNCATIONS:
        frame = tokenizer.frame("…")
        kept = keep(whole.shape, chosen(strategy, 120, "…"), frame)
        predicted = frame.specials + (kept.tags + kept.by_part(whole.shape)).sum(axis=1) + kept.marks * len(frame.mark)
        assert [len(ids) for ids in show(whole, kept, frame)] == predicted.tolist()
