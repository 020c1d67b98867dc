"""The packed forward pass of a PEFT classifier: same parameters, same logits, no padding.

Shapes are written in the letters of core.packed.ops.
"""

from typing import Any

import torch
from peft import PeftModel
from torch import Tensor
from transformers.modeling_outputs import SequenceClassifierOutput

from core.model.dropout import token_keys
from core.packed import ops_reference
from core.packed.layer import Call, Layer, TrainedLayer, forward
from core.packed.layout import Layout
from core.packed.ops import Attention, Norm, Ops
from core.packed.pack import Pack, unpack
from core.packed.projection import Projection


class PackedEngine:
    """Called with what core.packed.pack.pack makes, in place of the model it is built from.

    It trains that model's own adapters and head, and heeds its training mode. `longest` is the most tokens that an
    example has.
    """

    def __init__(
        self,
        model: PeftModel,
        *,
        dtype: torch.dtype,
        longest: int,
        layout: Layout,
    ) -> None:
        base = model.get_base_model()
        self._model, self._dtype, self._checkpointing = model, dtype, layout.checkpointing
        self._head = base.score
        self.device = base.get_input_embeddings().weight.device
        self._ops = _ops(self.device, dtype)
        self.layers, self._last_update, self._last = _layers(
            base.get_decoder(), base.config.get_text_config(), dtype, longest, layout.keeps_weights, self._ops
        )
        self._embedding = Embedding(base.get_input_embeddings(), on_host=layout.embeds_on_host, ops=self._ops)
        self._trained_from = next(number for number, layer in enumerate(self.layers) if layer.parameters)
        adapters = [projection.adapters for layer in self.layers for projection in layer.projections]
        self._parameters = [parameter for some in adapters for parameter in some.parameters]
        self._copies = [copy for some in adapters for copy in some.copies]
        self._scale, self._rate = next((some.scale, some.rate) for some in adapters if some)

    def __call__(self, input_ids: Tensor, *, draws: Tensor | None = None, **inputs: Any) -> SequenceClassifierOutput:
        """`input_ids` (T,) int64 to logits (E, labels) float32; `inputs` are a Pack's tensors by their names.

        `draws` (E,) int64, as core.engine.draws makes them, is what dropout follows from; raises RuntimeError where it
        is on and has none.
        """
        pack = unpack(inputs)
        keys = self._keys(draws, pack)
        with torch.no_grad():
            torch._foreach_copy_(self._copies, self._parameters)
            torch._foreach_mul_(self._copies[1::2], self._scale)
        with torch.autocast(self.device.type, enabled=False):
            hidden = self._hidden(input_ids, pack, keys)
            return SequenceClassifierOutput(logits=self._head(hidden))

    def _hidden(self, input_ids: Tensor, pack: Pack, keys: Tensor | None) -> Tensor:
        """The last hidden state of each example's last token, (E, D) float32."""
        with torch.no_grad():
            residual, update = self._embedding(input_ids), None
        for number, layer in enumerate(self.layers):
            is_last = number == len(self.layers) - 1
            call = Call(
                layer=layer,
                ops=self._ops,
                dtype=self._dtype,
                pack=pack,
                keys=keys,
                rows=pack.last if is_last else None,
                checkpointing=self._checkpointing,
            )
            if torch.is_grad_enabled() and number >= self._trained_from:
                residual, update = TrainedLayer.apply(call, residual, update, *layer.parameters)
            else:
                with torch.no_grad():
                    residual, update = forward(call, residual, update)[:2]
        return ops_reference.add_norm(residual, update, self._last_update, self._last, torch.float32)[1]

    def _keys(self, draws: Tensor | None, pack: Pack) -> Tensor | None:
        """(T,) int32: of each token; None where nothing is dropped."""
        if not (self._rate and self._model.training):
            return None
        if draws is None:
            raise RuntimeError("dropout is on, and there is nothing that it could be drawn by")
        tokens = len(pack.positions)
        return token_keys(draws.repeat_interleave(pack.bounds.diff(), output_size=tokens), pack.positions)


class Embedding:
    """What the model's own embedding computes.

    `on_host` takes the weights out of the model and off the card: no product needs them, and a step reads few rows.
    They lie in pinned memory then, from which the card reads the rows it needs by itself; the model without this
    object embeds nothing any more.
    """

    def __init__(self, module: Any, *, on_host: bool, ops: Ops) -> None:
        self._ops = ops
        self._weight = module.weight.detach()
        self._scale = getattr(module, "embed_scale", None)  # Gemma's
        if on_host:
            device = self._weight.device
            self._weight = self._weight.cpu()
            if device.type == "cuda":
                self._weight = self._weight.pin_memory()
            module.weight = torch.nn.Parameter(self._weight.new_empty(0, device=device), requires_grad=False)

    def __call__(self, ids: Tensor) -> Tensor:
        """weight[ids], times embed_scale in Gemma (transformers' Gemma2TextScaledWordEmbedding).

        `ids` (T,) int64 to (T, D) float32.
        """
        rows = self._ops.take_rows(self._weight, ids)
        return (rows if self._scale is None else rows * self._scale.to(rows.dtype)).float()


def _ops(device: torch.device, dtype: torch.dtype) -> Ops:
    if device.type != "cuda" or dtype is torch.float32:
        return ops_reference
    from core.packed import ops_triton

    return ops_triton


def _layers(
    decoder: Any, config: Any, dtype: torch.dtype, longest: int, keeps_weights: bool, ops: Ops
) -> tuple[list[Layer], Norm | None, Norm]:
    """The layers, the norm of what the last one computes, and the last norm of all."""
    is_gemma = config.model_type.startswith("gemma")
    is_fused, is_normed = config.model_type == "phi3", config.model_type in ("gemma3_text", "qwen3")
    turns_by_kind, is_capped = config.model_type == "gemma3_text", config.model_type == "gemma2"
    activation = config.hidden_activation if is_gemma else config.hidden_act

    def norm(module: Any) -> Norm:
        weight = module.weight.detach().float()
        return Norm(weight + 1 if is_gemma else weight, config.rms_norm_eps)

    def joined(*modules: torch.nn.Module) -> Projection:
        return Projection(modules, dtype=dtype, keeps=keeps_weights, ops=ops)

    angles: dict[str | None, tuple[Tensor, Tensor]] = {}
    layers: list[Layer] = []
    below = None
    for module in decoder.layers:
        attention, mlp = module.self_attn, module.mlp
        kind = attention.layer_type if turns_by_kind else None
        if kind not in angles:
            angles[kind] = _angles(decoder, longest, kind)
        cos, sin = angles[kind]
        qkv = [attention.qkv_proj] if is_fused else [attention.q_proj, attention.k_proj, attention.v_proj]
        gate_up = [mlp.gate_up_proj] if is_fused else [mlp.gate_proj, mlp.up_proj]
        layers.append(
            Layer(
                qkv_proj=joined(*qkv),
                o_proj=joined(attention.o_proj),
                gate_up_proj=joined(*gate_up),
                down_proj=joined(mlp.down_proj),
                attention=Attention(
                    heads=config.num_attention_heads,
                    kv_heads=config.num_key_value_heads,
                    head_dim=attention.head_dim,
                    scale=attention.scaling,
                    cap=(config.attn_logit_softcapping or 0.0) if is_capped else 0.0,
                    window=_window(attention, config, longest),
                    cos=cos,
                    sin=sin,
                    query_norm=norm(attention.q_norm) if is_normed else None,
                    key_norm=norm(attention.k_norm) if is_normed else None,
                ),
                activation=activation,
                below=below,
                before_attention=norm(module.input_layernorm),
                after_attention=norm(module.post_attention_layernorm) if is_gemma else None,
                before_mlp=norm(module.pre_feedforward_layernorm if is_gemma else module.post_attention_layernorm),
            )
        )
        below = norm(module.post_feedforward_layernorm) if is_gemma else None
    return layers, below, norm(decoder.norm)


def _window(attention: Any, config: Any, longest: int) -> int:
    """0 where no example is long enough to notice it. Mistral and Phi-3 have one for all layers, Llama has none."""
    is_of_all = config.model_type in ("mistral", "phi3")
    window = config.sliding_window if is_of_all else getattr(attention, "sliding_window", None)
    return window if window is not None and window < longest else 0


def _angles(decoder: Any, longest: int, kind: str | None) -> tuple[Tensor, Tensor]:
    """cos and sin of the model's own rotary embedding, (longest, P) float32: its two halves are equal."""
    like = decoder.embed_tokens.weight.new_empty(0, dtype=torch.float32)
    places = torch.arange(longest, device=like.device)[None]
    cos, sin = decoder.rotary_emb(like, places) if kind is None else decoder.rotary_emb(like, places, kind)
    half = cos.shape[-1] // 2
    return cos[0, :, :half].contiguous(), sin[0, :, :half].contiguous()
