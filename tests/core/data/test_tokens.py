"""Token ids: one BOS, the text, one EOS, whatever the tokenizer does by itself."""

import json
from pathlib import Path

import pytest
import tiny
from transformers import AutoConfig, AutoTokenizer

from core.data.example import DataError, Example, join
from core.data.tokenizer import PromptTokenizer
from core.data.tokens import encode
from core.model.locate import tokenizer_folder
from core.model.tokenizer import load_tokenizer
from core.profile.settings import Tokens


def example(prompt: str, a: str = "yes", b: str = "no") -> Example:
    return Example(index=0, id=1, prompt=(prompt,), response_a=(a,), response_b=(b,), label=0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny.tokenizer().save_pretrained(tmp_path)
    return tmp_path


def edit(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_bos_the_text_as_transformers_reads_it_and_eos(folder: Path) -> None:
    row = example("Why? 🤷🏽 ", "é\n\n")
    text = join(row.prompt, row.response_a, row.response_b)
    [[encoded]] = encode([row], PromptTokenizer(folder), Tokens())
    assert encoded.ids.tolist() == [2, *tiny.tokenizer()(text, add_special_tokens=False)["input_ids"], 1]


@pytest.mark.parametrize("adds_eos", [False, True])
def test_a_tokenizers_own_special_tokens_change_nothing(adds_eos: bool, folder: Path) -> None:
    """Setting add_eos_token can drop the BOS on transformers 5; here neither is left to the tokenizer."""
    edit(folder / "tokenizer_config.json", add_eos_token=adds_eos, add_bos_token=not adds_eos)
    [[encoded]] = encode([example("hello")], PromptTokenizer(folder), Tokens())
    assert encoded.ids.tolist().count(2) == encoded.ids.tolist().count(1) == 1


def test_truncation_and_padding_stored_in_the_file_are_not_obeyed(folder: Path) -> None:
    inner = tiny.tokenizer().backend_tokenizer
    inner.enable_truncation(4)
    inner.enable_padding(length=600)
    inner.save(str(folder / "tokenizer.json"))
    [[encoded]] = encode([example("hello " * 20)], PromptTokenizer(folder), Tokens())
    assert 20 < len(encoded.ids) < 600
    assert 0 not in encoded.ids[1:]


def test_rows_come_in_order_and_in_batches_for_progress(folder: Path) -> None:
    rows = [example(f"number {n}") for n in range(1100)]
    batches = list(encode(rows, PromptTokenizer(folder), Tokens()))
    assert [len(batch) for batch in batches] == [512, 512, 76]
    assert [encoded.example for batch in batches for encoded in batch] == rows


@pytest.mark.parametrize("content", ["", "{}", '{"model": 3}', "[]", None])
def test_an_unreadable_tokenizer_is_an_error_with_its_path(content: str | None, folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    if content is not None:
        (folder / "tokenizer.json").write_text(content)
    with pytest.raises(DataError, match=r"tokenizer\.json: the tokenizer cannot be read"):
        PromptTokenizer(folder)


def test_a_special_token_may_be_written_as_an_object_or_be_missing(folder: Path) -> None:
    edit(folder / "tokenizer_config.json", bos_token={"content": "<bos>"}, eos_token=None)
    tokenizer = PromptTokenizer(folder)
    assert (tokenizer.begin, tokenizer.end) == ([2], [])


@pytest.mark.parametrize("model_type", ["qwen2", "gemma2", "llama"])
def test_what_is_saved_with_the_adapter_divides_text_as_the_rows_were(model_type: str, folder: Path) -> None:
    """The families' own classes in transformers build their tokenizer anew, and not always the same."""
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    load_tokenizer(folder, AutoConfig.for_model(model_type)).save_pretrained(folder / "adapter")
    text = "Why is  the sky blue?\n\n\tx = 3.14;  Don't know 🤷🏽 你好"
    saved = AutoTokenizer.from_pretrained(folder / "adapter")
    assert saved(text, add_special_tokens=False)["input_ids"] == PromptTokenizer(folder).ids(text)


def test_a_tokenizer_is_found_in_a_local_checkpoint(folder: Path) -> None:
    assert tokenizer_folder(str(folder), None) == folder
