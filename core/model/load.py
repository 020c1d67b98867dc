"""Loads the base model of a checkpoint, quantized, with a head that is not. Knows no adapters and no tokenizer."""

from typing import Any, NamedTuple

import bitsandbytes
import torch
from msgspec.structs import replace
from transformers import AutoConfig, PretrainedConfig, PreTrainedModel

from core.model.checkpoint import TEXT_PART
from core.model.classifier import classifiable, classifier_class, in_text_part
from core.model.head import Head, find_head
from core.model.loading import Tell, telling
from core.model.locate import base_folder
from core.model.lora import head_names, text_part
from core.model.quantization import check_stored, demand_quantized, quantization_options
from core.outcomes import outcomes_of
from core.profile import settings
from core.profile.errors import SettingError

POSITION_TABLES = ("position_embeddings", "wpe", "embed_positions")
"""What the families call an embedding of positions."""


class Base(NamedTuple):
    """A frozen classifier, and what became of the head that the checkpoint may hold."""

    model: PreTrainedModel
    head: Head


def load_config(source: str, model: settings.Model, *, max_length: int) -> PretrainedConfig:
    """The checkpoint's configuration as a classifier of the outcomes, which core.model.tokenizer tells its padding
    token; that of its text model, where transformers classifies texts with no more than that.

    Raises SettingError where the checkpoint contradicts the profile, or is of a kind that cannot be trained.
    """
    try:
        whole = AutoConfig.from_pretrained(source, revision=model.revision, trust_remote_code=False)
    except ValueError as error:
        if "model_type" not in str(error):
            raise
        raise _refused(model, "has no config.json, or one that names no model_type") from error
    config = classifiable(whole)
    if config is None:
        raise _refused(model, f"transformers has no text model for {whole.model_type}")
    if config.is_encoder_decoder:
        raise _refused(model, f"{config.model_type} is an encoder-decoder; choose an encoder or a decoder")
    # How to compute is the profile's to say. The name of a repository here would have transformers fetch its code and
    # run it (the kernels package), and trust_remote_code would not be asked.
    config._attn_implementation = config._experts_implementation = None
    stored = getattr(whole, "quantization_config", None)
    if stored is not None:
        check_stored(stored, model)
        if config is not whole:
            skipped = [in_text_part(name) for name in stored.get("llm_int8_skip_modules") or []]
            config.quantization_config = {**stored, "llm_int8_skip_modules": skipped}
    outcomes = outcomes_of(model.outcomes)
    labels = outcomes.of_one_answer if model.head == "bradley-terry" else outcomes.labels
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
        loaded, report = classifier_class(config).from_pretrained(
            source,
            config=config,
            revision=model.revision,
            device_map={"": device},
            use_safetensors=True,
            key_mapping=TEXT_PART if _is_part(source, config, model) else None,
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
    return Base(_frozen(loaded), _settled_head(loaded, source, model, report, head[-1]))


def lay_out(config: PretrainedConfig, model: settings.Model) -> PreTrainedModel:
    """The same model on the meta device: every shape and no memory."""
    options = _options(config, model, torch.bfloat16, head_names(_on_meta(config)))
    kind = classifier_class(config)
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
        return classifier_class(config)(config)


def _unused_rows(table: torch.nn.Embedding) -> int:
    """Rows of a table of positions that no token takes: those up to the padding's, or OPT's first two."""
    unused: int = getattr(table, "offset", 0 if table.padding_idx is None else table.padding_idx + 1)
    return unused


def _make_room_for_padding(model: PreTrainedModel) -> None:
    """Give the embedding a row for a padding token that the checkpoint does not know; what is masked reads it."""
    padding = model.config.get_text_config().pad_token_id
    if padding is not None and padding >= model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(padding + 1, mean_resizing=False)


def _is_part(source: str, config: PretrainedConfig, model: settings.Model) -> bool:
    """Whether the checkpoint holds more than the model of this configuration."""
    stored, _ = PretrainedConfig.get_config_dict(source, revision=model.revision)
    return bool(stored["model_type"] != config.model_type)


def _settled_head(loaded: PreTrainedModel, source: str, model: settings.Model, report: Any, last: str) -> Head:
    """What becomes of the head's last module: as loaded where it is an exported run's, else drawn anew, whatever part
    of it the checkpoint has."""
    found = find_head(base_folder(source, model.revision), last, loaded.config.id2label)
    names = {f"{last}.{name}" for name, _ in loaded.get_submodule(last).named_parameters()}
    resized = names & {key for key, *_ in report["mismatched_keys"]}
    stored = names - resized - set(report["missing_keys"])
    if stored == names and found.fate == "kept":
        return found
    if stored:
        _begin_anew(loaded, last)
    return replace(found, fate="replaced") if stored or resized or found.fate == "kept" else found


def _begin_anew(model: PreTrainedModel, name: str) -> None:
    with torch.no_grad():
        for module in model.get_submodule(name).modules():
            for parameter in module.parameters(recurse=False):
                parameter._is_hf_initialized = False  # by which transformers leaves alone what was loaded
            model._init_weights(module)


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
