"""A finished run's model as it was evaluated: its base in its quantization, adapter and head on top, not merged."""

import os
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from peft import PeftModel, load_peft_weights, set_peft_model_state_dict
from safetensors import SafetensorError
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from core.data.chat import template_of
from core.data.example import UNLABELLED, Example
from core.data.tokenizer import PromptTokenizer
from core.data.tokens import encode
from core.engine import device
from core.engine.choose import choose_precision, choose_prediction_engine, demand_computable
from core.engine.device import DTYPES
from core.model.checkpoint import demand_weights
from core.model.load import keep_residual_in_float32, load_classifier, load_config
from core.model.loading import untold
from core.model.locate import locate
from core.model.lora import add_adapters
from core.model.merge import merged
from core.model.tokenizer import load_tokenizer
from core.packed.engine import PackedEngine
from core.packed.pack import pack
from core.predict.errors import BAD_INPUT, PredictionError, demand_whole
from core.predict.request import ADAPTER_WEIGHTS, Request
from core.profile.errors import SettingError
from core.profile.settings import Profile
from core.profile.train_settings import EngineName, Precision
from core.runs.events import Device

PROBE = Example(
    index=0,
    id=0,
    prompt=("Which is larger, 7 or 12?",),
    response_a=("12 is larger.",),
    response_b=("I cannot say.",),
    label=UNLABELLED,
)
"""Answered before and after a merge, to tell what it changes."""


class PredictionModel:
    """Token ids to logits: by the model as it is, padded, or by a packed engine made of it."""

    def __init__(
        self,
        model: PreTrainedModel | PeftModel,
        pad: int,
        where: Device,
        precision: Precision,
        packed: PackedEngine | None = None,
    ) -> None:
        self.model = model.eval()
        self.engine: EngineName = "packed" if packed else "padded"
        self.device = where
        self.precision = precision
        self.note = ""
        self._pad = pad
        self._tokens = model.get_input_embeddings().num_embeddings
        self._packed = packed

    def logits(self, ids: list[list[int]]) -> NDArray[np.float32]:
        """Logits of rows of token ids, BOS and EOS included: shape (rows, outcomes), float32, in the run's mixed
        precision.

        Raises PredictionError for a token that the model has no embedding of.
        """
        if (highest := max(map(max, ids))) >= self._tokens:
            raise PredictionError(
                f"a row holds token {highest}, which the run's tokenizer knows and its model, with {self._tokens:,} "
                "tokens, does not",
                "Leave that row out: it holds the text of a special token.",
                BAD_INPUT,
            )
        with torch.inference_mode():
            answered = self._by_packing(ids) if self._packed else self._by_padding(ids)
        return np.asarray(answered.float().cpu())

    def _by_packing(self, ids: list[list[int]]) -> torch.Tensor:
        assert self._packed is not None
        rows = pack([{"input_ids": np.array(row), "labels": 0} for row in ids])  # no label is looked at
        inputs = {name: tensor.to(self.device.kind) for name, tensor in rows.items()}
        logits: torch.Tensor = self._packed(**inputs).logits
        return logits

    def _by_padding(self, ids: list[list[int]]) -> torch.Tensor:
        kind = self.device.kind
        longest = max(len(row) for row in ids)
        padded = torch.tensor([row + [self._pad] * (longest - len(row)) for row in ids], device=kind)
        lengths = torch.tensor([len(row) for row in ids], device=kind)
        mask = (torch.arange(longest, device=kind) < lengths[:, None]).long()
        with torch.autocast(kind, dtype=DTYPES[self.precision], enabled=self.precision != "fp32"):
            logits: torch.Tensor = self.model(input_ids=padded, attention_mask=mask).logits
        return logits


def load_model(request: Request, member: int, on_card: bool) -> PredictionModel:
    """The model of one member of `request`, on the one card this process may use, or on the processor.

    `on_card` demands a card: PredictionError where it cannot be used. Raises SettingError, and what transformers and
    peft raise.
    """
    device.use_one_gpu()
    if trouble := device.unused_gpu():
        raise device.GpuError(trouble)
    if on_card and not torch.cuda.is_available():
        card = os.environ["CUDA_VISIBLE_DEVICES"]
        raise PredictionError(f"GPU {card} cannot be used here", "nvidia-smi lists the cards.", exit_code=2)
    profile = request.profile_of(request.members[member])
    where, best = device.device(), device.best_precision()
    precision = choose_precision(profile.train.precision, best)
    try:
        demand_computable(precision, best)
    except SettingError as error:
        raise PredictionError(str(error), "Predict with this run where there is a card.", exit_code=2) from None
    adapter, free = Path(request.members[member].adapter), device.free_memory()
    model, tokenizer = load_trained(profile, adapter, precision=precision, kind=where.kind)
    pad: int = tokenizer.pad_token_id
    if not request.merge:
        longest = profile.tokens.max_length
        config = model.get_base_model().config.to_dict()
        chosen = choose_prediction_engine(profile, config, precision=precision, best=best, longest=longest, free=free)
        packed = None
        if chosen.layout:
            packed = PackedEngine(model, dtype=DTYPES[precision], longest=longest, layout=chosen.layout)
        made = PredictionModel(model, pad, where, precision, packed)
        if (asked := profile.train.engine) not in ("auto", made.engine):
            how = f"the {made.engine} engine scores it: {chosen.reason}"
            made.note = f"run {member + 1} asks for train.engine = {asked!r}; {how}"
        return made
    probe = probe_ids(adapter, profile)
    before = PredictionModel(model, pad, where, precision).logits(probe)
    whole = PredictionModel(merged(model, dtype=sixteen_bits(precision)), pad, where, precision)
    apart = float(np.abs(whole.logits(probe) - before).max())
    whole.note = (
        f"run {member + 1}: base and adapter are merged into {whole.model.dtype} weights".replace("torch.", "")
        + f": the base is no longer quantized in memory; the logits of a probe moved by up to {apart:.4f}"
    )
    return whole


def probe_ids(adapter: Path, profile: Profile) -> list[list[int]]:
    """The probe as the run with this adapter is shown any row: (1, tokens). Raises SettingError as `encode` does."""
    tokenizer = PromptTokenizer(adapter)
    encoded = encode([PROBE], tokenizer, profile.tokens, template_of(profile, tokenizer))
    return [row.ids.tolist() for batch in encoded for row in batch]


def load_trained(
    profile: Profile, adapter: Path, *, precision: Precision, kind: str
) -> tuple[PeftModel, PreTrainedTokenizerFast]:
    """The base as the profile quantizes it, with the adapter and the head of `adapter`, both in float32 as trained;
    and the tokenizer that it was trained with.

    Built as for training and filled then: peft's own loading leaves the head in the precision of the base.
    Raises PredictionError where the adapter is not what was saved, cannot be read, or holds other weights than the
    profile asks for, and SettingError where the base is no longer one that can be loaded.
    """
    demand_whole(adapter)
    source = locate(profile.model)
    demand_weights(source, profile.model.checkpoint)
    try:
        weights = load_peft_weights(str(adapter), device="cpu")
    except SafetensorError as error:
        raise PredictionError(
            f"{adapter / ADAPTER_WEIGHTS} cannot be read: {error}",
            "It was damaged since; --checkpoint takes one of the run's checkpoints.",
        ) from None
    config = load_config(source, profile.model, max_length=profile.tokens.max_length)
    tokenizer = load_tokenizer(adapter, config)
    place = "cuda:0" if kind == "cuda" else "cpu"
    base, _ = load_classifier(source, config, profile.model, dtype=DTYPES[precision], device=place, tell=untold)
    if precision == "fp16":
        keep_residual_in_float32(base)
    model = add_adapters(base, profile.lora)
    # With lora.bias = "all" PEFT saves the biases of the head twice, once under names that it does not load.
    weights = {name: weight for name, weight in weights.items() if ".modules_to_save." not in name}
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    loaded = set_peft_model_state_dict(model, weights)
    if loaded.unexpected_keys or trained & set(loaded.missing_keys):
        odd = next(iter([*loaded.unexpected_keys, *sorted(trained & set(loaded.missing_keys))]))
        raise PredictionError(
            f"{adapter} does not fit the run's settings: {odd}", "Its resolved.toml or its adapter was changed since."
        )
    return model, tokenizer


def sixteen_bits(precision: Precision) -> torch.dtype:
    """The type that weights are merged into: float16 where the run computes in it, else bfloat16."""
    return torch.float16 if precision == "fp16" else torch.bfloat16
