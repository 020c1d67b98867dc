"""Loads the base model of a checkpoint, quantized, with a head that is not. Knows no adapters and no tokenizer."""

from typing import Any, Literal, NamedTuple

import bitsandbytes
import torch
from transformers import (
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    AutoConfig,
    AutoModelForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
)

from core.model.loading import Tell, telling
from core.model.lora import head_names, text_part
from core.model.quantization import check_stored, demand_quantized, quantization_options
from core.outcomes import outcomes_of
from core.profile import settings
from core.profile.errors import SettingError

POSITION_TABLES = ("position_embeddings", "wpe", "embed_positions")
"""What the families call an embedding of positions."""

Head = Literal["new", "kept", "replaced"]
"""Where the last module of a head comes from: `kept` is that of a checkpoint which this program has made, and which
goes on being trained; `replaced` is new in place of that of another classifier or reward model."""


class Base(NamedTuple):
    """A frozen classifier, and what became of the head that the checkpoint may hold."""

    model: PreTrainedModel
    head: Head


def load_config(source: str, model: settings.Model, *, max_length: int) -> PretrainedConfig:
    """The checkpoint's configuration for as many outcomes, which core.model.tokenizer tells its padding token.

    Raises SettingError where the checkpoint contradicts the profile, or is of a kind that cannot be trained.
    """
    config = AutoConfig.from_pretrained(source, revision=model.revision, trust_remote_code=False)
    # How to compute is the profile's to say. The name of a repository here would have transformers fetch its code and
    # run it (the kernels package), and trust_remote_code would not be asked.
    config._attn_implementation = config._experts_implementation = None
    if type(config) not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
        raise _refused(model, f"transformers has no text classifier for {config.model_type}")
    if config.is_encoder_decoder:
        raise _refused(model, f"{config.model_type} is an encoder-decoder; choose an encoder or a decoder")
    stored = getattr(config, "quantization_config", None)
    if stored is not None:
        check_stored(stored, model)
    labels = outcomes_of(model.outcomes).labels
    config.num_labels = len(labels)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: i for i, label in enumerate(labels)}
    config.problem_type = None  # a reward model's is regression
    config.return_dict = True
    config.get_text_config().use_cache = False
    longest = longest_input(_on_meta(config))
    if longest is not None and longest < max_length:
        raise SettingError("tokens.max_length", max_length, f"{model.checkpoint} reads at most {longest} tokens")
    return config


def longest_input(model: PreTrainedModel) -> int | None:
    """The most tokens of an input; None for a model that counts no positions.

    `max_position_embeddings` alone does not tell: RoBERTa's table of positions begins behind that of its padding, and
    DeBERTa knows distances only, unless `position_biased_input` gives it a table too.
    """
    tables = [
        module
        for name, module in model.get_submodule(text_part(model)).named_modules()
        if isinstance(module, torch.nn.Embedding) and name.rpartition(".")[2] in POSITION_TABLES
    ]
    if tables:
        return min(int(table.num_embeddings) - _unused_rows(table) for table in tables)
    text = model.config.get_text_config()
    declared: int | None = getattr(text, "max_position_embeddings", None)
    knows_distances_only = getattr(text, "relative_attention", False)
    return None if declared is None or declared < 0 or knows_distances_only else declared


def load_classifier(
    source: str, config: PretrainedConfig, model: settings.Model, *, dtype: torch.dtype, device: str, tell: Tell
) -> Base:
    """The base in the profile's quantization with its head, every parameter frozen.

    `dtype` is that of all weights which are not quantized. Weights are read from safetensors only, and no
    code of the checkpoint is run. `tell` hears how far it is. Raises SettingError if any weight but the head's is
    missing or of another size, and where the quantization leaves matrices of the layers as they are.
    """
    is_stored_quantized = getattr(config, "quantization_config", None) is not None
    head = head_names(_on_meta(config))
    with telling(tell) as bar:
        loaded, report = AutoModelForSequenceClassification.from_pretrained(
            source,
            config=config,
            revision=model.revision,
            device_map={"": device},
            use_safetensors=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,  # a reward model's head has one output; what else does not fit: see below
            output_loading_info=True,
            tqdm_class=bar,
            **_options(config, model, dtype, head),
        )
    resized = {key for key, *_ in report["mismatched_keys"]}
    for key in sorted(resized | set(report["missing_keys"])):
        if not any(key.startswith(f"{name}.") for name in head):
            fault = (
                "has weights of other sizes than its config.json says"
                if key in resized
                else "lacks weights of its own model"
            )
            raise _refused(model, f"{fault}: {key}")
    if is_stored_quantized:
        for parameter in loaded.parameters():  # transformers leaves these as they are stored
            if parameter.is_floating_point():
                parameter.data = parameter.data.to(dtype)
    elif model.quantization != "none":
        demand_quantized(loaded, model)
    for module in loaded.modules():
        if isinstance(module, bitsandbytes.nn.Linear4bit):
            # Else processors with AVX512-BF16 evaluate in bfloat16, whatever the run's precision, with weights that
            # are repacked for it in place: logits came out up to 0.07 away (bitsandbytes 0.50).
            module.support_avx512bf16_for_cpu = False
    _make_room_for_padding(loaded)
    last = head[-1]
    if any(key.startswith(f"{last}.") for key in report["missing_keys"]):
        return Base(_frozen(loaded), "replaced" if resized else "new")
    if resized or not _is_ours(source, model):
        _begin_anew(loaded, last)
        return Base(_frozen(loaded), "replaced")
    return Base(_frozen(loaded), "kept")


def lay_out(config: PretrainedConfig, model: settings.Model) -> PreTrainedModel:
    """The same model on the meta device: every shape and no memory."""
    kind = MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[type(config)]
    options = _options(config, model, torch.bfloat16, head_names(_on_meta(config)))
    model_on_meta = kind.from_pretrained(None, config=config, state_dict={}, device_map={"": "meta"}, **options)
    # There are no quantized weights behind these shapes, which peft would ask for their statistics.
    model_on_meta.is_loaded_in_4bit = model_on_meta.is_loaded_in_8bit = False
    return _frozen(model_on_meta)


def keep_residual_in_float32(model: PreTrainedModel) -> None:
    """Make the hidden states that run through the layers float32, for float16 bases.

    Gemma-2's residual stream grows past float16's largest number, 65,504.
    """
    model.get_input_embeddings().register_forward_hook(lambda _module, _inputs, output: output.float())


def _on_meta(config: PretrainedConfig) -> PreTrainedModel:
    """The model's modules without memory and without quantization."""
    with torch.device("meta"):
        return MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[type(config)](config)


def _unused_rows(table: torch.nn.Embedding) -> int:
    """Rows of a table of positions that no token takes: those up to the padding's, or OPT's first two."""
    unused: int = getattr(table, "offset", 0 if table.padding_idx is None else table.padding_idx + 1)
    return unused


def _make_room_for_padding(model: PreTrainedModel) -> None:
    """Give the embedding a row for a padding token that the checkpoint does not know; what is masked reads it."""
    padding = model.config.get_text_config().pad_token_id
    if padding is not None and padding >= model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(padding + 1, mean_resizing=False)


def _begin_anew(model: PreTrainedModel, name: str) -> None:
    with torch.no_grad():
        for module in model.get_submodule(name).modules():
            for parameter in module.parameters(recurse=False):
                parameter._is_hf_initialized = False  # by which transformers leaves alone what was loaded
            model._init_weights(module)


def _is_ours(source: str, model: settings.Model) -> bool:
    """Whether the checkpoint is an export of this program, whose head answers the same question."""
    stored, _ = PretrainedConfig.get_config_dict(source, revision=model.revision)
    labels = outcomes_of(model.outcomes).labels
    return bool(stored.get("id2label") == {str(number): label for number, label in enumerate(labels)})


def _refused(model: settings.Model, why: str) -> SettingError:
    return SettingError("model.checkpoint", model.checkpoint, why)


def _frozen(model: PreTrainedModel) -> PreTrainedModel:
    model.requires_grad_(False)
    return model


def _options(config: PretrainedConfig, model: settings.Model, dtype: torch.dtype, head: list[str]) -> dict[str, Any]:
    options: dict[str, Any] = {"dtype": dtype, **quantization_options(config, model, dtype, head)}
    if model.attention != "auto":
        options["attn_implementation"] = model.attention
    elif _slides(config.get_text_config()):
        # Padding longer than the window leaves positions that see nothing at all, and fused kernels answer
        # those with NaN: Gemma-3 with sdpa in bf16 on an H200 (torch 2.11) was lost within 20 steps.
        options["attn_implementation"] = "eager"
    return options


def _slides(text: PretrainedConfig) -> bool:
    """Whether some layer sees a window that is shorter than what the model reads. Mistral and Phi-3 name no kinds of
    layers; all of theirs have the window, if there is one."""
    kinds = getattr(text, "layer_types", None)
    if kinds is not None:
        return "sliding_attention" in kinds
    window, longest = getattr(text, "sliding_window", None), getattr(text, "max_position_embeddings", None)
    return window is not None and (longest is None or window < longest)
