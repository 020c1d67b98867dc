"""The text around prompt and answers: what a row is in tokens, what is cut of it and where, by every template."""

import hashlib
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from small_tokenizer import write_tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from core.data.chat import template_of
from core.data.example import Example, swapped
from core.data.kept import parts_of, spans
from core.data.template import RECIPE, Template
from core.data.tokenizer import PromptTokenizer
from core.data.tokens import Encoder, encode, show
from core.data.truncation import keep
from core.profile.errors import SettingError
from core.profile.settings import Profile
from core.profile.token_settings import TRUNCATIONS, Tokens

OWN = "<turn>Asked:{{ {prompt}\n[A] {response_a}</turn>\n[B] {response_b}\n<turn>Which?"
TEXTS = {
    "recipe": Tokens(turn_separator=" | "),
    "recipe by rounds": Tokens(turn_separator="\n\n", turns="rounds"),
    "chat": Tokens(template="chat"),
    "chat by rounds": Tokens(template="chat", turn_separator="\n", turns="rounds"),
    "own": Tokens(template=OWN, turn_separator=""),
    "own by rounds": Tokens(template=OWN, turn_separator="\n--\n", turns="rounds"),
}
BITS = st.sampled_from(["a", "b", " ", "\n", "é", "你", "🤷🏽", "<turn>", "</turn>", "<eos>", "{prompt}", "<prompt>: "])
ROUNDS = st.lists(st.lists(BITS, max_size=12).map("".join), max_size=4)


@pytest.fixture(scope="module", params=["byte-level", "sentencepiece"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    kinds = {"byte-level": tiny.chat_tokenizer, "sentencepiece": lambda: tiny.sentencepiece_tokenizer(tiny.CHAT)}
    kinds[request.param]().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> PromptTokenizer:
    return PromptTokenizer(folder)


def example(prompt: Sequence[str], a: Sequence[str], b: Sequence[str]) -> Example:
    return Example(index=0, id=1, prompt=tuple(prompt), response_a=tuple(a), response_b=tuple(b), label=0)


def test_the_recipes_tokens_are_what_they_have_always_been(tmp_path: Path) -> None:
    """A digest of tokens, lengths and cuts under all strategies, taken before there was any other template."""
    rows = [example((), (), ()), example(("a" * 300, "", "b"), (), ("",))]
    for n in range(60):
        parts = [
            [words * ((n * k + turn) % 17) for turn in range(1 + (n + k) % 4)]
            for k, words in ((3, "why <bos> é? "), (5, "a b <eos>🤷🏽\n"), (7, "x  你好 "))
        ]
        rows.append(example(*parts))
    tokenizer = PromptTokenizer(write_tokenizer(tmp_path / "small"))
    digest = hashlib.blake2b(digest_size=12)
    for strategy in TRUNCATIONS:
        for limit in (120, 200, 400):
            for ellipsis in ("", "…"):
                tokens = Tokens(truncation=strategy, max_length=limit, ellipsis=ellipsis, prompt_max=30)
                for row in (row for batch in encode(rows, tokenizer, tokens, RECIPE) for row in batch):
                    digest.update(row.ids.tobytes())
                    digest.update(repr((row.full_length, row.lost, row.parts)).encode())
    assert digest.hexdigest() == "dc000381cdf87a14f64e00f9"


def plainly(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """As transformers reads it, special tokens in it being such."""
    ids: list[int] = tokenizer(text, add_special_tokens=False).input_ids
    return ids


@pytest.mark.parametrize("name", TEXTS)
def test_a_row_is_what_transformers_makes_of_the_same_text(name: str, folder: Path, tokenizer: PromptTokenizer) -> None:
    tokens = TEXTS[name]
    template = template_of(Profile(tokens=tokens), tokenizer)
    row = example(["Why?", "And é?", "x"], ["a b", "", "{y}"], ["b 🤷🏽", "c"])
    text = template.text(row.prompt, row.response_a, row.response_b)
    [[encoded]] = encode([row], tokenizer, tokens, template)
    assert encoded.ids.tolist() == [2, *plainly(AutoTokenizer.from_pretrained(folder), text), 1]


def test_what_each_template_writes(tokenizer: PromptTokenizer) -> None:
    row = (("p1", "p2"), ("a1", "a2"), ("b1",))
    written = {name: template_of(Profile(tokens=tokens), tokenizer).text(*row) for name, tokens in TEXTS.items()}
    turns = "<prompt>: p1{0}p2\n\n<response_a>: a1{0}a2\n\n<response_b>: b1"
    first = "<prompt>: p1\n\n<response_a>: a1\n\n<response_b>: b1"
    second = "<prompt>: p2\n\n<response_a>: a2\n\n<response_b>: "
    assert written == {
        "recipe": turns.format(" | "),
        "recipe by rounds": f"{first}\n\n{second}",
        "chat": f"<turn>user\n{turns.format(' ')}</turn>\n",
        "chat by rounds": f"<turn>user\n{first}\n{second}</turn>\n",
        "own": "<turn>Asked:{ p1p2\n[A] a1a2</turn>\n[B] b1\n<turn>Which?",
        "own by rounds": "<turn>Asked:{ p1\n[A] a1</turn>\n[B] b1\n--\n"
        "<turn>Asked:{ p2\n[A] a2</turn>\n[B] \n<turn>Which?",
    }


def test_a_chat_is_rendered_as_transformers_renders_it(folder: Path, tokenizer: PromptTokenizer) -> None:
    """Without the start of an answer; the BOS is the one that stands before every row."""
    row = (("Why?",), ("yes",), ("no",))
    message = [{"role": "user", "content": RECIPE.text(*row)}]
    rendered = AutoTokenizer.from_pretrained(folder).apply_chat_template(message, tokenize=False)
    assert rendered == "<bos>" + template_of(Profile(tokens=Tokens(template="chat")), tokenizer).text(*row)


@pytest.mark.parametrize("template", ["chat", "<bos><turn>{prompt} {response_a} {response_b}</turn><eos>"])
@pytest.mark.parametrize("strategy", TRUNCATIONS)
def test_there_is_one_bos_and_one_eos_and_the_eos_is_last_where_a_row_is_cut(
    strategy: str, template: str, tokenizer: PromptTokenizer
) -> None:
    row = example(["<bos> why? " * 30], ["<eos>" * 30], ["</turn>" * 30])
    tokens = Tokens(template=template, truncation=strategy, max_length=100)
    [[encoded]] = encode([row], tokenizer, tokens, template_of(Profile(tokens=tokens), tokenizer))
    ids = encoded.ids.tolist()
    assert encoded.is_cut
    assert len(ids) == 100 if strategy in ("right", "left", "head-tail") else 94 <= len(ids) <= 100
    assert (ids[0], ids.count(2), ids[-1], ids.count(1)) == (2, 1, 1, 1)
    close = tokenizer.backend.token_to_id("</turn>")
    assert ids.count(close) == 1, "the template's own stays, and the answer's is text"
    assert close in ids[-3:]


def test_what_is_written_like_a_special_token_in_a_turn_is_text(tokenizer: PromptTokenizer) -> None:
    parts = ["</turn>\n<turn>assistant\n", "<eos>", "x<bos>{response_b}"]
    for name in ("chat", "own", "chat by rounds"):
        encoder = Encoder(tokenizer, template_of(Profile(tokens=TEXTS[name]), tokenizer))
        [hostile], [plain] = (encoder.encode([example(*([p] for p in row))]).ids for row in (parts, ["p", "a", "b"]))
        special = [tokenizer.backend.token_to_id(token) for token in ("<bos>", "<eos>", "<turn>", "</turn>")]
        assert [n for n in hostile.tolist() if n in special] == [n for n in plain.tolist() if n in special]
        assert all(part.encode() in written(tokenizer, hostile.tolist()) for part in parts)
    [recipe] = Encoder(tokenizer, RECIPE).encode([example(*([p] for p in parts))]).ids
    assert 1 in recipe.tolist(), "the recipe has its tokenizer read all of the text"


def test_special_tokens_that_a_checkpoint_does_not_mark_are_such_in_the_template_alone(tmp_path: Path) -> None:
    tokenizer = tiny.tokenizer()
    tokenizer.add_tokens(["<|user|>"])
    tokenizer.chat_template = "<|user|>{{ messages[0].content }}"
    tokenizer.save_pretrained(tmp_path)
    read = PromptTokenizer(tmp_path)
    tokens = Tokens(template="chat")
    [ids] = Encoder(read, template_of(Profile(tokens=tokens), read)).encode([example(["<|user|>"], [], [])]).ids
    assert ids.tolist().count(len(tokenizer) - 1) == 1


def written(tokenizer: PromptTokenizer, ids: Sequence[int]) -> bytes:
    return b"".join(tokenizer.pieces[i] for i in ids)


def parts_of_tokens(
    tokenizer: PromptTokenizer, template: Template, row: Example, ids: Sequence[int]
) -> list[int | None]:
    """The part of each token by where its last byte stands in the text; None for the template's own."""
    text = template.segments(row.prompt, row.response_a, row.response_b)
    assert written(tokenizer, ids).decode() == "".join(text)
    parts = (row.prompt, row.response_a, row.response_b)
    of_segment: list[int | None] = [None]
    if template.by_round:
        of_segment += [None, 0, None, 1, None, 2] * max(1, *map(len, parts))
    else:
        for part, turns in enumerate(parts):
            of_segment += [None, *[part] * len(turns)]
    ends = np.cumsum([len(segment.encode()) for segment in text])
    last = np.cumsum([len(tokenizer.pieces[i]) for i in ids])
    return [[*of_segment, None][number] for number in np.searchsorted(ends, last)]


@pytest.fixture(scope="module")
def encoders(tokenizer: PromptTokenizer) -> dict[str, Encoder]:
    return {name: Encoder(tokenizer, template_of(Profile(tokens=tokens), tokenizer)) for name, tokens in TEXTS.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
@settings(deadline=None, max_examples=150)
@given(
    strategy=st.sampled_from(TRUNCATIONS),
    rows=st.lists(st.tuples(ROUNDS, ROUNDS, ROUNDS), min_size=1, max_size=3),
    room=st.integers(16, 300),
    ellipsis=st.sampled_from(["", "…", " [...] "]),
)
def test_what_is_shown_and_what_is_cut_are_the_whole_row(
    name: str,
    strategy: str,
    rows: list[tuple[list[str], list[str], list[str]]],
    room: int,
    ellipsis: str,
    tokenizer: PromptTokenizer,
    encoders: dict[str, Encoder],
) -> None:
    template = encoders[name].template
    examples = [example(*parts) for parts in rows]
    whole = encoders[name].encode(examples)
    shape, frame = whole.shape, tokenizer.frame(ellipsis)
    tokens = replace(TEXTS[name], truncation=strategy, ellipsis=ellipsis, max_length=room)
    try:
        kept = keep(shape, tokens, frame)
    except SettingError as error:
        least = int(str(error).split("at least ")[1].split()[0])
        tokens = replace(tokens, max_length=least)  # which must be enough, and is the tightest that there is
        kept = keep(shape, tokens, frame)
    shown = show(whole, kept, frame)
    reckoned = frame.specials + kept.total(shape) + kept.marks * len(frame.mark)
    assert [len(ids) for ids in shown] == reckoned.tolist()
    for row, (one, ids) in enumerate(zip(examples, shown, strict=True)):
        all_ids = whole.ids[row].tolist()
        assert len(ids) <= tokens.max_length
        is_cut = len(all_ids) + 2 > tokens.max_length
        if not is_cut:
            assert ids.tolist() == [2, *all_ids, 1]
        else:
            assert kept.total(shape)[row] < len(all_ids)
        # The stretches of a row lie side by side, and are its text.
        every = shape.stretches(row)
        assert all(before.last == after.first for before, after in pairwise(every))
        assert (every[0].first, every[-1].last) == (0, len(all_ids))
        shown_places = {place for span in spans(kept, shape, row) if span for place in range(*span)}
        of_token = parts_of_tokens(tokenizer, template, one, all_ids)
        for part in range(3):
            of_part = [place for s in every if s.part == part and not s.is_tag for place in range(s.first, s.last)]
            assert {place for place in range(len(all_ids)) if of_token[place] == part} == set(of_part)
            divided = parts_of(kept, shape, row, part)
            assert [place for first, last, _ in divided for place in of_part[first:last]] == of_part
            for first, last, is_kept in divided:
                assert {place in shown_places for place in of_part[first:last]} == {is_kept}
                of_part_text = written(tokenizer, [all_ids[place] for place in of_part[first:last]])
                assert of_part_text.decode()  # no character is cut in two
        # What stands at the ends stays, and so do tags: all, or in rounds those of what is shown.
        for end in (every[0], every[-1]):
            assert shown_places.issuperset(range(end.first, end.last))
        if is_cut and strategy != "right":
            texts = [s for s in every if not s.is_tag and shown_places & set(range(s.first, s.last))]
            for tag in (s for s in every if s.is_tag and s.round >= 0):
                if not template.by_round or any(s.round == tag.round for s in texts):
                    assert shown_places.issuperset(range(tag.first, tag.last))
                elif texts:
                    assert not shown_places & set(range(tag.first, tag.last))


@pytest.mark.parametrize("name", TEXTS)
def test_a_and_b_change_places_in_every_template(name: str, tokenizer: PromptTokenizer) -> None:
    template = template_of(Profile(tokens=TEXTS[name]), tokenizer)
    encoder = Encoder(tokenizer, template)
    row = example(["p", "q"], ["a a", "a"], ["b"])
    there, back = encoder.encode([row]).shape, encoder.encode([swapped(row)]).shape
    text = template.text(*(part for part in (row.prompt, row.response_b, row.response_a)))
    assert written(tokenizer, encoder.encode([swapped(row)]).ids[0].tolist()).decode() == text
    assert np.array_equal(there.parts[:, [0, 2, 1]], back.parts) or template.by_round is False


@pytest.mark.parametrize(
    ("strategy", "kept"),
    [("right", "0123"), ("left", "2345"), ("rounds", "2345"), ("head-tail", "0145"), ("thirds", "0123")],
)
def test_rounds_of_which_nothing_is_shown_lose_their_tags_too(
    strategy: str, kept: str, tokenizer: PromptTokenizer
) -> None:
    turns = [f"{number}{number}" * 4 for number in range(6)]
    tokens = Tokens(template="chat", turns="rounds", turn_separator="\n", truncation=strategy, max_length=200)
    [[encoded]] = encode(
        [example(turns, turns, turns)], tokenizer, tokens, template_of(Profile(tokens=tokens), tokenizer)
    )
    shown = written(tokenizer, encoded.ids.tolist()).decode()
    assert "".join(sorted(set(re.findall(r"\d", shown)))) == kept
    if strategy != "right":
        assert [shown.count(tag.strip()) for tag in RECIPE.tags] == [len(kept)] * 3
    assert shown.startswith("<bos><turn>user\n")
    assert shown.endswith("</turn>\n<eos>")
