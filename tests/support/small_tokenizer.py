"""A tokenizer of a few hundred tokens as a folder, made without transformers: words where it knows them, else bytes."""

import json
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, normalizers
from tokenizers.models import BPE

SPECIAL = ("<pad>", "<eos>", "<bos>", "<unk>")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def write_tokenizer(folder: Path) -> Path:
    """SentencePiece's kind: spaces as ▁, a token a letter, " a" in one, any other character as its bytes."""
    tokens = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256)), *LETTERS, "▁", "▁a"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    backend = Tokenizer(BPE(vocab=vocabulary, merges=[("▁", "a")], byte_fallback=True, unk_token="<unk>"))
    backend.normalizer = normalizers.Replace(" ", "▁")
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    backend.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    folder.mkdir(parents=True)
    backend.save(str(folder / "tokenizer.json"))
    named = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(named))
    return folder
