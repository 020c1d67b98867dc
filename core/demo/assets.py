"""The demo's folder in the cache, and its base model: a BPE tokenizer and a Gemma-2 of under a million weights."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.cache import cache_folder, filling_the_cache, made_aside
from core.data.example import join
from core.demo.rows import make_comparison, write_rows
from core.libraries import importing_libraries
from core.profile.data_settings import Data
from core.profile.files import DEMO, expanded
from core.profile.settings import Profile
from core.runs.events import Phase

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD, EOS, BOS, UNK = range(4)
SPECIAL_TOKENS = ("<pad>", "<eos>", "<bos>", "<unk>")
MAX_VOCABULARY = 1536
CONTEXT_TOKENS = 128
BATCH_ROWS = 8
PEAK_LEARNING_RATE = 4e-3


def build_model(folder: Path, texts: Sequence[str], seed: int, tell: Callable[[int, int], object]) -> None:
    """Save a tokenizer and a causal Gemma-2 in `folder`, both learned from `texts`.

    The model is pre-trained in full precision on the processor: one pass of plain next-token prediction over
    `texts`, without labels. Adapters also learn over a random frozen base, but to a clearly higher loss in
    the same time. No classification head is saved. `tell` hears of the batches done, and how many there are.

    `texts` must be encodable as UTF-8, that is, hold no half of a surrogate pair.
    """
    with importing_libraries():
        import torch
        from torch.nn.utils.rnn import pad_sequence
        from transformers import Gemma2Config, Gemma2ForCausalLM

    tokenizer = build_tokenizer(texts)
    config = Gemma2Config(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        query_pre_attn_scalar=32,
        sliding_window=4096,
        attn_logit_softcapping=50.0,
        final_logit_softcapping=30.0,
        pad_token_id=PAD,
        eos_token_id=EOS,
        bos_token_id=BOS,
    )

    encoded = tokenizer(list(texts), truncation=True, max_length=CONTEXT_TOKENS - 1)["input_ids"]
    # Rows of like length share a batch, so that little work goes into padding.
    rows = sorted((torch.tensor([*row, EOS]) for row in encoded), key=len)
    batches = [
        pad_sequence(rows[start : start + BATCH_ROWS], batch_first=True, padding_value=PAD)
        for start in range(0, len(rows), BATCH_ROWS)
    ]
    random.Random(seed).shuffle(batches)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Gemma2ForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, PEAK_LEARNING_RATE, total_steps=len(batches), pct_start=0.1
    )
    model.train()
    for number, batch in enumerate(batches):
        if number % 10 == 0:
            tell(number, len(batches))
        # Padding stands on the right, where a causal model never looks back at it: no mask is needed.
        loss = model(input_ids=batch, labels=batch.masked_fill(batch == PAD, -100)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()

    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


def build_tokenizer(texts: Sequence[str]) -> "PreTrainedTokenizerFast":
    """Learn a byte-level BPE of at most MAX_VOCABULARY tokens, which puts `<bos>` first as Gemma's does.

    Its alphabet is all 256 bytes, so no text is unknown to it.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE(unk_token=SPECIAL_TOKENS[UNK]))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=MAX_VOCABULARY,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    bpe.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A <bos> $B:1", special_tokens=[("<bos>", BOS)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token=SPECIAL_TOKENS[PAD],
        eos_token=SPECIAL_TOKENS[EOS],
        bos_token=SPECIAL_TOKENS[BOS],
        unk_token=SPECIAL_TOKENS[UNK],
        padding_side="right",
    )


NAME = DEMO
# Part of the folder's name: raise it when what is made changes.
EDITION = 1
SEED = 2024
PRETRAINING_ROWS = 2000


def is_named_by(profile: Profile) -> bool:
    """Whether a run of `profile` needs the demo's folder."""
    return NAME in (*profile.data.sources, profile.model.checkpoint)


def is_made() -> bool:
    """Whether the folder is there already."""
    return _is_demo(_folder())


MAKING = "making the demo's rows and base model, once"
"""What is done the first time, for half a minute."""


def making(done: int, total: int) -> Phase:
    """How far the base model is: `done` of `total` batches."""
    return Phase(phase="loading", detail=MAKING, done=done, total=total, unit="batches")


def train_sources(data: Data) -> list[str]:
    """What `data.train` stands for: the demo's rows, made if need be, or else itself, `~` being the home folder."""
    return [_source(written) for written in data.train_sources]


def eval_source(data: Data) -> str | None:
    """The same of `data.eval`, None where there is none."""
    return None if data.eval is None else _source(data.eval)


def _source(written: str) -> str:
    return str(demo_folder() / "train.csv") if written == NAME else expanded(written)


def demo_folder(tell: Callable[[int, int], object] = lambda *_: None) -> Path:
    """The cache folder with train.csv, test.csv and model/. Making it the first time takes about half a minute; `tell`
    hears how many batches of how many the base model has learned from."""
    with filling_the_cache():
        ensure_demo(_folder(), tell)
    return _folder()


def ensure_demo(folder: Path, tell: Callable[[int, int], object]) -> None:
    """Make `folder` hold train.csv, test.csv and model/, unless it does already.

    The folder appears complete or not at all, and several processes may call this at once.
    Raises OSError when the folder cannot be written, or exists with other content.
    """
    if _is_demo(folder):
        return
    with made_aside(folder, lambda: _is_demo(folder)) as aside:
        aside.mkdir()
        _build(aside, tell)


def _folder() -> Path:
    return cache_folder() / f"demo-{EDITION}"


def _is_demo(folder: Path) -> bool:
    return (folder / "train.csv").is_file()


def _build(folder: Path, tell: Callable[[int, int], object]) -> None:
    rng = random.Random(SEED)
    write_rows(folder, rng)
    # The base model reads fresh rows, never those that it will be tuned or scored on, and no verdicts.
    drawn = [make_comparison(rng) for _ in range(PRETRAINING_ROWS)]
    texts = [join(row.prompt, row.response_a, row.response_b) for row in drawn]
    build_model(folder / "model", texts, SEED, tell)
