"""Checkpoints of many families, tiny and random, as they are published: language models without a classifier's head."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tiny
import torch
from tokenizers.processors import TemplateProcessing
from transformers import (
    AlbertConfig,
    AlbertForMaskedLM,
    BertConfig,
    BertForMaskedLM,
    DebertaV2Config,
    DebertaV2ForMaskedLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
    FalconConfig,
    FalconForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3Config,
    Gemma3ForCausalLM,
    Gemma3ForConditionalGeneration,
    Gemma3TextConfig,
    Gemma4Config,
    Gemma4ForConditionalGeneration,
    Gemma4TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    GraniteConfig,
    GraniteForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    MistralConfig,
    MistralForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    ModernBertConfig,
    ModernBertForMaskedLM,
    OPTConfig,
    OPTForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    RobertaConfig,
    RobertaForMaskedLM,
    SiglipVisionConfig,
    T5Config,
    T5ForConditionalGeneration,
    XLNetConfig,
    XLNetLMHeadModel,
)

PAD, EOS, BOS, UNK = range(4)
SHAPE: dict[str, Any] = {
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 3, "num_attention_heads": 4, "vocab_size": 600,
    "max_position_embeddings": 128,
}  # fmt: skip
IDS: dict[str, Any] = {"pad_token_id": PAD, "eos_token_id": EOS, "bos_token_id": BOS}
GROUPED: dict[str, Any] = {**SHAPE, "num_key_value_heads": 2}
WINDOW = 16


def _gemma_3_with_images() -> PreTrainedModel:
    text = Gemma3TextConfig(**GROUPED, **IDS, head_dim=16, sliding_window=WINDOW)
    images = SiglipVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14
    )
    tokens = {"boi_token_index": 597, "eoi_token_index": 598, "image_token_index": 599, "mm_tokens_per_image": 4}
    return Gemma3ForConditionalGeneration(Gemma3Config(text_config=text, vision_config=images, **tokens))


def _gemma_4_with_images() -> PreTrainedModel:
    text = Gemma4TextConfig(
        **GROUPED, **IDS, head_dim=16, global_head_dim=32, sliding_window=WINDOW, hidden_size_per_layer_input=8,
        vocab_size_per_layer_input=600,
    )  # fmt: skip
    images = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 2, "head_dim": 16,
    }  # fmt: skip
    return Gemma4ForConditionalGeneration(Gemma4Config(text_config=text, vision_config=images, audio_config=None))


def _mistral_3_with_images() -> PreTrainedModel:
    text = MistralConfig(**GROUPED, bos_token_id=BOS, eos_token_id=EOS)
    images = {
        "model_type": "pixtral", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 2, "head_dim": 16, "image_size": 28, "patch_size": 14,
    }  # fmt: skip
    return Mistral3ForConditionalGeneration(Mistral3Config(text_config=text.to_dict(), vision_config=images))


def _deberta() -> PreTrainedModel:
    config = DebertaV2Config(
        **SHAPE, pad_token_id=PAD, relative_attention=True, position_buckets=16, pos_att_type="p2c|c2p",
        position_biased_input=False, norm_rel_ebd="layer_norm", share_att_key=True, type_vocab_size=0,
    )  # fmt: skip
    return DebertaV2ForMaskedLM(config)


MODELS: dict[str, Callable[[], PreTrainedModel]] = {
    "gemma-2": lambda: Gemma2ForCausalLM(
        Gemma2Config(**GROUPED, **IDS, head_dim=16, query_pre_attn_scalar=16, sliding_window=WINDOW)
    ),
    "gemma-3": lambda: Gemma3ForCausalLM(Gemma3TextConfig(**GROUPED, **IDS, head_dim=16, sliding_window=WINDOW)),
    "gemma-3 with images": _gemma_3_with_images,
    "gemma-4 with images": _gemma_4_with_images,
    "llama-3": lambda: LlamaForCausalLM(LlamaConfig(**GROUPED, bos_token_id=BOS, eos_token_id=EOS)),
    "qwen-2": lambda: Qwen2ForCausalLM(Qwen2Config(**GROUPED, eos_token_id=EOS)),
    "qwen-3": lambda: Qwen3ForCausalLM(Qwen3Config(**GROUPED, head_dim=16, eos_token_id=EOS)),
    "mistral": lambda: MistralForCausalLM(MistralConfig(**GROUPED, bos_token_id=BOS, eos_token_id=EOS)),
    "mistral-3 with images": _mistral_3_with_images,
    "granite": lambda: GraniteForCausalLM(GraniteConfig(**GROUPED, **IDS)),
    "phi-3": lambda: Phi3ForCausalLM(Phi3Config(**GROUPED, **IDS)),
    "gpt-2": lambda: GPT2LMHeadModel(  # as many rows in the embedding as tokens
        GPT2Config(n_embd=64, n_layer=3, n_head=4, n_positions=128, vocab_size=len(_tokenizer("gpt-2")))
    ),
    "pythia": lambda: GPTNeoXForCausalLM(GPTNeoXConfig(**SHAPE)),
    "opt": lambda: OPTForCausalLM(
        OPTConfig(
            hidden_size=64, word_embed_proj_dim=64, ffn_dim=128, num_hidden_layers=3, num_attention_heads=4,
            max_position_embeddings=128, vocab_size=600, **IDS,
        )
    ),
    "falcon": lambda: FalconForCausalLM(
        FalconConfig(hidden_size=64, num_hidden_layers=3, num_attention_heads=4, vocab_size=600, eos_token_id=EOS)
    ),
    "mixtral": lambda: MixtralForCausalLM(MixtralConfig(**GROUPED, **IDS, num_local_experts=2)),
    "bert": lambda: BertForMaskedLM(BertConfig(**SHAPE, pad_token_id=PAD)),
    "roberta": lambda: RobertaForMaskedLM(RobertaConfig(**SHAPE, **{**IDS, "pad_token_id": 3})),
    "deberta-v2": _deberta,
    "distilbert": lambda: DistilBertForMaskedLM(
        DistilBertConfig(dim=64, hidden_dim=128, n_layers=3, n_heads=4, max_position_embeddings=128, vocab_size=600)
    ),
    "albert": lambda: AlbertForMaskedLM(AlbertConfig(**SHAPE, **IDS, embedding_size=32)),
    "modernbert": lambda: ModernBertForMaskedLM(
        ModernBertConfig(**SHAPE, **IDS, cls_token_id=BOS, sep_token_id=EOS, local_attention=WINDOW)
    ),
    "xlnet": lambda: XLNetLMHeadModel(XLNetConfig(d_model=64, n_layer=3, n_head=4, d_inner=128, vocab_size=600)),
    "t5": lambda: T5ForConditionalGeneration(T5Config(d_model=64, d_kv=16, d_ff=128, num_layers=2, num_heads=4)),
}  # fmt: skip


def save_checkpoint(family: str, folder: Path) -> Path:
    """A checkpoint of the family with a tokenizer of its manners."""
    torch.manual_seed(0)
    model = MODELS[family]()
    for name, parameter in model.named_parameters():  # nothing is right by chance, and rows are told apart
        if name.endswith("bias") or parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(folder)
    _tokenizer(family).save_pretrained(folder)
    return folder


def _tokenizer(family: str) -> PreTrainedTokenizerFast:
    whole = tiny.tokenizer()
    inner = whole.backend_tokenizer
    match family:
        case "llama-3":  # BOS from the post-processor, no padding
            return PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<bos>", eos_token="<eos>")
        case "qwen-2" | "qwen-3":  # no BOS, and padding is the EOS
            inner.post_processor = None
            return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<eos>", pad_token="<eos>")
        case "mistral" | "mistral-3 with images":
            return PreTrainedTokenizerFast(
                tokenizer_object=inner, bos_token="<bos>", eos_token="<eos>", unk_token="<unk>"
            )
        case "gpt-2" | "pythia" | "falcon":  # one token that begins and ends, and no other
            inner = tiny.byte_level(["<eos>"])
            return PreTrainedTokenizerFast(
                tokenizer_object=inner, bos_token="<eos>", eos_token="<eos>", unk_token="<eos>"
            )
        case "bert" | "deberta-v2" | "distilbert" | "albert" | "modernbert" | "roberta":
            inner.post_processor = TemplateProcessing(
                single="<bos> $A <eos>", special_tokens=[("<bos>", BOS), ("<eos>", EOS)]
            )
            pad = "<unk>" if family == "roberta" else "<pad>"
            return PreTrainedTokenizerFast(
                tokenizer_object=inner, cls_token="<bos>", sep_token="<eos>", pad_token=pad, unk_token="<unk>"
            )
    return whole
