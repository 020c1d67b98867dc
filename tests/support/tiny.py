"""A tiny Gemma-2 with its tokenizer, and rows to train it on: real, and made in a second."""

import csv
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import Gemma2Config, Gemma2ForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

COLUMNS = (
    "id", "model_a", "model_b", "prompt", "response_a", "response_b",
    "winner_model_a", "winner_model_b", "winner_tie",
)  # fmt: skip
GOOD = ["clear", "kind", "exact", "useful", "thorough", "honest"]
BAD = ["vague", "rude", "wrong", "useless", "lazy", "false"]
PROMPTS = ["What is rain?", "Name a river.", "Add two and two.", "Who wrote this?", "Where is north?"]


def row(id: int, label: int, /, **cells: Any) -> dict[str, Any]:
    """A row in the Kaggle schema; `cells` replace its own."""
    winners = dict(zip(COLUMNS[6:], ("100", "010", "001")[label], strict=True))
    parts = {part: json.dumps(["Hello"]) for part in COLUMNS[3:6]}
    return {"id": id, "model_a": "left", "model_b": "right", **parts, **winners, **cells}


def rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Rows whose winner is the answer in good words; ties where both are alike."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        quality = chance.choice([(GOOD, BAD, 0), (BAD, GOOD, 1), (GOOD, GOOD, 2), (BAD, BAD, 2)])
        answers = [" ".join(chance.choices(words, k=chance.randint(2, 20))) for words in quality[:2]]
        cells = {"prompt": [chance.choice(PROMPTS)], "response_a": [answers[0]], "response_b": [answers[1]]}
        made.append(row(number * 7 + 2**40, quality[2], **{k: json.dumps(v) for k, v in cells.items()}))
    return made


def write_csv(path: Path, content: Sequence[dict[str, Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(content)
    return path


def tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE on the rows' own words; adds BOS by itself but no EOS, as Gemma's does."""
    inner = byte_level(["<pad>", "<eos>", "<bos>", "<unk>"])
    inner.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 2)])
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>"
    )


CHAT = (
    "{{ bos_token }}{% for message in messages %}<turn>{{ message.role }}\n{{ message.content | trim }}</turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<turn>assistant\n{% endif %}"
)
"""A chat template as Gemma's is: BOS of its own, and messages without white space at their ends."""


def chat_tokenizer(template: str | dict[str, str] | None = CHAT) -> PreTrainedTokenizerFast:
    """The same with a chat template, and with the two special tokens of that."""
    return PreTrainedTokenizerFast(
        tokenizer_object=byte_level(["<pad>", "<eos>", "<bos>", "<turn>", "</turn>", "<unk>"]),
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        unk_token="<unk>",
        chat_template=template,
    )


def byte_level(special: list[str]) -> Tokenizer:
    inner = Tokenizer(models.BPE(unk_token=special[-1]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    inner.train_from_iterator([" ".join(map(str, r.values())) for r in rows(200)], trainer)
    return inner


def sentencepiece_tokenizer(chat_template: str | None = None) -> PreTrainedTokenizerFast:
    """Of Gemma's kind: spaces written as ▁, no pre-tokenizer, bytes for what is not in the vocabulary."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", *(["<turn>", "</turn>"] if chat_template else [])]
    inner = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    inner.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    inner.normalizer = normalizers.Replace(" ", "▁")
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=[*special, *(f"<0x{byte:02X}>" for byte in range(256))],
        initial_alphabet=["▁", "\n", "a", "b"],
        show_progress=False,
    )
    inner.train_from_iterator([" ".join(map(str, r.values())) for r in rows(200)] + ["a a a a"] * 9, trainer)
    spec = json.loads(inner.to_str())  # the trainer takes bytes only as special tokens, which they are not
    spec["added_tokens"] = spec["added_tokens"][: len(special)]
    inner = Tokenizer.from_str(json.dumps(spec | {"pre_tokenizer": None}))
    inner.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        unk_token="<unk>",
        chat_template=chat_template,
    )


def language_model(layers: int = 4) -> PreTrainedModel:
    torch.manual_seed(1)
    return Gemma2ForCausalLM(
        Gemma2Config(
            vocab_size=600,
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=16,
            query_pre_attn_scalar=16,
            max_position_embeddings=512,
            pad_token_id=0,
            eos_token_id=1,
            bos_token_id=2,
        )
    )


def save_checkpoint(folder: Path, model: PreTrainedModel | None = None) -> Path:
    (model or language_model()).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder
