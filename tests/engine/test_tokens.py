"""Token ids: one BOS, the text, one EOS, never more than the limit, whatever the tokenizer does by itself."""

from pathlib import Path

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from core.data.errors import DataError
from core.data.prompt import join
from core.data.rows import Example
from core.data.tokens import encode

TOKENIZER = tiny.tokenizer()


def example(prompt: str, a: str = "yes", b: str = "no") -> Example:
    return Example(index=0, id=1, prompt=(prompt,), response_a=(a,), response_b=(b,), label=0)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(max_size=5), st.integers(min_value=16, max_value=80))
def test_bos_text_eos_and_never_more_than_the_limit(prompt: str, a: str, limit: int) -> None:
    row = example(prompt, a)
    [[encoded]] = encode([row], TOKENIZER, limit)
    ids = encoded.ids.tolist()
    whole = TOKENIZER(join(row.prompt, row.response_a, row.response_b), add_special_tokens=False)["input_ids"]
    assert ids[0] == TOKENIZER.bos_token_id
    assert ids[-1] == TOKENIZER.eos_token_id
    assert ids[1:-1] == whole[: limit - 2]
    assert len(ids) <= limit
    assert encoded.full_length == len(whole) + 2
    assert encoded.is_cut == (len(whole) + 2 > limit)


@pytest.mark.parametrize("adds_eos", [False, True])
def test_a_tokenizers_own_special_tokens_change_nothing(adds_eos: bool, tmp_path: Path) -> None:
    """Setting add_eos_token can drop the BOS on transformers 5; here neither is left to the tokenizer."""
    tiny.tokenizer().save_pretrained(tmp_path)
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(tmp_path, add_eos_token=adds_eos)
    [[expected]] = encode([example("hello")], TOKENIZER, 64)
    [[encoded]] = encode([example("hello")], loaded, 64)
    assert encoded.ids.tolist() == expected.ids.tolist()


def test_rows_come_in_order_and_in_batches_for_progress() -> None:
    rows = [example(f"number {n}") for n in range(1100)]
    batches = list(encode(rows, TOKENIZER, 64))
    assert [len(batch) for batch in batches] == [512, 512, 76]
    assert [encoded.example for batch in batches for encoded in batch] == rows


def test_a_second_bos_is_found_out() -> None:
    doubling = tiny.tokenizer()
    doubling.add_special_tokens({"bos_token": "<prompt>"})  # so that the text itself begins with a BOS
    with pytest.raises(DataError, match="id 1: the tokenizer does not give one BOS"):
        list(encode([example("x")], doubling, 64))
