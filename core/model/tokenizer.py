"""The tokenizer that is saved with an adapter: it does by itself what the engine does by hand, so that plain
transformers shows the model the same tokens."""

from pathlib import Path

from tokenizers.processors import TemplateProcessing
from transformers import PretrainedConfig, PreTrainedTokenizerFast

from core.data.tokenizer import PromptTokenizer
from core.profile.errors import SettingError

NEW_PADDING = "<|pad|>"


def load_tokenizer(folder: Path, config: PretrainedConfig) -> PreTrainedTokenizerFast:
    """The tokenizer of `folder`, which puts BOS and EOS around texts and pads on the right; `config` is told its pad.

    Of the class that follows tokenizer.json to the letter, as the rest of the engine does: the families' own
    classes build their tokenizer anew, and not always the same. Raises SettingError where nothing ends a text, and
    DataError for no tokenizer.
    """
    tokenizer: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(folder)
    own = PromptTokenizer(folder)
    if not own.end:
        raise SettingError(
            "model.checkpoint",
            str(folder),
            "its tokenizer_config.json names neither eos_token nor sep_token, and a classifier reads the last token",
        )
    tokenizer.padding_side = "right"
    tokenizer.backend_tokenizer.post_processor = _framing(tokenizer, own.begin, own.end)
    _choose_padding(tokenizer, config, own.end)
    for part in (config, config.get_text_config()):
        part.pad_token_id = tokenizer.pad_token_id
    return tokenizer


def _choose_padding(tokenizer: PreTrainedTokenizerFast, config: PretrainedConfig, end: list[int]) -> None:
    """Pad with a token that never ends an input.

    A decoder's classifier reads the last token that is not padding: padded with EOS it would read the token before
    the EOS of each row. Models that count positions from their padding on, such as RoBERTa, need their own.
    """
    text = config.get_text_config()
    special = [number for number, token in sorted(tokenizer.added_tokens_decoder.items()) if token.special]
    wanted = (text.pad_token_id, tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.bos_token_id, *special)
    for number in wanted:
        if number in special and number not in end and number < text.vocab_size:
            tokenizer.pad_token = tokenizer.convert_ids_to_tokens(number)
            return
    tokenizer.add_special_tokens({"pad_token": NEW_PADDING})  # GPT-2's only special token ends its texts


def _framing(tokenizer: PreTrainedTokenizerFast, begin: list[int], end: list[int]) -> TemplateProcessing:
    named = {"begin": begin, "end": end}
    template = [name for name in ("begin", "$A", "end") if name == "$A" or named[name]]
    return TemplateProcessing(
        single=template,
        pair=[*template[:-1], "$B", template[-1]],
        special_tokens=[
            {"id": name, "ids": ids, "tokens": tokenizer.convert_ids_to_tokens(ids)}
            for name, ids in named.items()
            if ids
        ],
    )
