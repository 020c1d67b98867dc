"""Predicts a run's peak GPU memory, by part, from its profile and its model's shape. Knows no card, imports no torch.

What autograd keeps was read in transformers 5.23, peft 0.21 and bitsandbytes 0.50, and compared with whole training
steps of full-sized models on tensors without storage, every allocation counted: within 7 %. The figure is what
torch calls the peak of allocated memory; the driver's own and what torch holds in reserve come on top.
"""

from msgspec import Struct
from msgspec.structs import replace

from core.model.shape import ModelShape
from core.model.targets import target_kinds
from core.outcomes import outcomes_of
from core.profile.settings import Profile
from core.profile.train_settings import Precision

FLOAT32 = 4
NF4_BLOCK = 64  # weights that share a scale
SCALE_BLOCK = 256  # scales, or 8-bit optimizer states, that share a scale of their own
SMALL = 4096  # bitsandbytes keeps the state of smaller parameters in 32 bit
WORKSPACE = 64 << 20  # cuBLAS and cuBLASLt, 32 MiB each on Hopper

CONTEXT = 640 << 20
"""Bytes that the driver's context and the kernels of the libraries take beside torch's memory; an allowance."""
RESERVE = 1.05
"""What torch holds in reserve between its blocks; an allowance."""
LIBRARIES = 400 << 20
"""Bytes that Python and the imported libraries take, measured with torch 2.13 and transformers 5.24."""
THREADS = 45 << 20
"""Bytes that oneDNN and the threads of the processor take from the first step on."""
KEPT_BY_MALLOC, KEPT_WHEN_RECOMPUTED = 1.9, 4.5
"""By how much the process holds more than its activations at the peak, without and with gradient checkpointing: glibc
does not give freed blocks of up to 32 MiB back. Where it was told to, the same runs held what is predicted, to 4 %."""
EASY = 0.9
"""The share of the free memory up to which a run fits without being tight."""


class Memory(Struct, frozen=True, kw_only=True):
    """Bytes in use at the peak; of a card, or where the processor trains, of the whole process."""

    weights: int
    adapters: int
    gradients: int
    optimizer: int
    activations: int
    """Of a training step or of an evaluation batch, whichever takes more."""
    workspace: int = WORKSPACE
    process: int = 0
    """Python and its libraries, where they share the memory with the run."""

    @property
    def total(self) -> int:
        held = self.weights + self.adapters + self.gradients + self.optimizer + self.activations
        return held + self.workspace + self.process


def on_card(peak: float) -> float:
    """What a peak of allocated memory takes of a card, in bytes."""
    return peak * RESERVE + CONTEXT


def on_processor(held: Memory, profile: Profile, shape: ModelShape) -> Memory:
    """What the process takes of the machine's memory where there is no card. `held` is predicted for fp32, in which a
    base that is to be quantized is read first."""
    kept = KEPT_WHEN_RECOMPUTED if profile.train.gradient_checkpointing else KEPT_BY_MALLOC
    whole = 0 if profile.model.quantization == "none" else whole_weights(profile, shape, FLOAT32)
    return replace(
        held,
        weights=held.weights + whole,
        activations=int(held.activations * kept),
        workspace=THREADS,
        process=LIBRARIES,
    )


def predict(profile: Profile, shape: ModelShape, *, precision: Precision, length: int) -> Memory:
    """Memory at the peak, where the longest row of a batch has `length` tokens after the cut.

    `lora.freeze_layers` must be below the number of layers. Biases, some kilobytes a layer, are left out.
    """
    sizes = trainable_sizes(profile, shape)
    adapters = sum(sizes)
    held = _Activations(profile, shape, precision, length)
    copies = bool(profile.train.ema) + (profile.train.keep == "best")  # an average, and the best weights
    training = profile.views * profile.train.per_device_batch_size * length
    evaluation = profile.eval.per_device_batch_size * length
    return Memory(
        weights=_weights(profile, shape, held.compute),
        adapters=adapters * FLOAT32,
        gradients=adapters * FLOAT32,
        optimizer=_optimizer(profile, sizes) + copies * adapters * FLOAT32,
        activations=max(held.training(training), held.evaluation(evaluation)),
    )


def trainable_sizes(profile: Profile, shape: ModelShape) -> list[int]:
    """Weights in each trainable matrix: A (r, in) and B (out, r) of every adapter, and the head."""
    r, trained = profile.lora.r, shape.layers - profile.lora.freeze_layers
    one_layer = [r * width for name in _adapted(profile, shape) for width in shape.projections[name]]
    return one_layer * trained + [len(outcomes_of(profile.model.outcomes)) * shape.hidden]


def _adapted(profile: Profile, shape: ModelShape) -> list[str]:
    return target_kinds(profile.lora, shape.projections)


def _weights(profile: Profile, shape: ModelShape, compute: int) -> int:
    """Bytes of the frozen base: projections as quantized; embeddings, norms and the unused copy of the head not.

    NF4 is half a byte a weight and a scale per 64 (Dettmers et al. 2023, QLoRA, section 3): 4 bytes, or with
    double quantization 1 and 4 per 256 scales. 8 bit is one byte a weight and a 4-byte scale a row.
    """
    weights = _quantizable(shape)
    match profile.model.quantization:
        case "nf4":
            scale = 1 + FLOAT32 / SCALE_BLOCK if profile.model.double_quant else FLOAT32
            quantized = weights / 2 + weights / NF4_BLOCK * scale
        case "int8":
            rows = shape.layers * sum(outputs for _, outputs in shape.projections.values())
            quantized = weights + FLOAT32 * rows
        case "none":
            return whole_weights(profile, shape, compute)
    return int(quantized) + _unquantized(profile, shape, compute)


def whole_weights(profile: Profile, shape: ModelShape, compute: int) -> int:
    """Bytes of the base where nothing is quantized, at `compute` bytes a weight."""
    return _quantizable(shape) * compute + _unquantized(profile, shape, compute)


def _quantizable(shape: ModelShape) -> int:
    return shape.layers * sum(inputs * outputs for inputs, outputs in shape.projections.values()) + shape.images


def _unquantized(profile: Profile, shape: ModelShape, compute: int) -> int:
    outcomes = len(outcomes_of(profile.model.outcomes))
    return (shape.vocabulary + outcomes + shape.layers * shape.norms) * shape.hidden * compute


def _optimizer(profile: Profile, sizes: list[int]) -> int:
    """Bytes of AdamW's two moments: 4 each, or 1 and a scale per block (Dettmers et al. 2022, 8-bit Optimizers)."""
    if profile.train.optimizer == "adamw_torch":
        return 2 * FLOAT32 * sum(sizes)
    small = sum(size for size in sizes if size < SMALL)
    return int(2 * FLOAT32 * small + 2 * (1 + FLOAT32 / SCALE_BLOCK) * (sum(sizes) - small))


class _Activations:
    """What stands between the weights: bytes per token of one layer, and at the peak, which is reached within a layer.

    Autograd keeps the inputs of what it differentiates. Nothing is kept of frozen layers below the first adapter,
    nor of frozen weights' inputs: a gradient for those needs the weight alone, dequantized anew (bitsandbytes
    MatMul4Bit). MatMul8bitLt keeps its input all the same, out of reach of gradient checkpointing.
    """

    def __init__(self, profile: Profile, shape: ModelShape, precision: Precision, length: int) -> None:
        self._profile, self._shape = profile, shape
        self.compute = FLOAT32 if precision == "fp32" else 2
        # float16 bases carry float32 hidden states, see keep_residual_in_float32 in core.model.load.
        self._stream = 2 if precision == "bf16" else FLOAT32
        is_quantized = profile.model.quantization != "none"
        self._output = self._stream if is_quantized else self.compute  # bitsandbytes answers in its input's type
        self._scores = shape.heads * length if shape.attention == "eager" else 0
        masks = (2 if shape.slides else 1) * self._stream if self._scores else 1
        self._mask = masks * length
        widest = max(inputs * outputs for inputs, outputs in shape.projections.values())
        self._dequantized = widest * self.compute if is_quantized else 0

    def training(self, tokens: int) -> int:
        """Bytes at the peak of forward and backward pass of `tokens` tokens, padding counted."""
        trained = self._shape.layers - self._profile.lora.freeze_layers
        kept = self._attention() + self._mlp()
        if self._profile.train.gradient_checkpointing:
            held = trained * (self._hidden() + self._int8_inputs()) + kept + self._int8_inputs()
        else:
            held = trained * (kept + self._int8_inputs())
        working = max(self._mlp_backward(), self._attention_backward() - self._mlp())
        return int(tokens * (held + self._mask + 2 * self._hidden() + working)) + self._dequantized

    def evaluation(self, tokens: int) -> int:
        """Bytes at the peak of a forward pass of `tokens` tokens that keeps nothing."""
        shape = self._shape
        # The scores after the mask, as float32, and after the softmax.
        attention = (self.compute + 2 * FLOAT32) * self._scores + 4 * self._output * shape.queries
        mlp = 3 * self._output * shape.intermediate
        working = max(attention, mlp) + self._mask + 3 * self._hidden()
        return int(tokens * working) + self._dequantized

    def _hidden(self) -> int:
        return self._stream * self._shape.hidden

    def _attention(self) -> float:
        """Kept: norms in float32; queries, keys and values, repeated to all heads; scores, or what is fused's output.

        Of the scores, tanh keeps its output where they are capped, softmax keeps its own in float32, and the
        product with the values keeps that once more in the compute type.
        """
        shape = self._shape
        norms = FLOAT32 * (shape.norms / 2 * shape.hidden + shape.normalized_heads * shape.head_dim)
        copies = 3 if self._scores else 4
        cast = self.compute if self.compute < FLOAT32 else 0
        capped = self.compute if shape.capped else 0
        scores = (FLOAT32 + cast + capped) * self._scores
        adapters = self._adapters("q_proj", "k_proj", "v_proj", "qkv_proj", "o_proj")
        return norms + copies * self.compute * shape.queries + scores + adapters

    def _mlp(self) -> float:
        """Kept: norms in float32, and gate, activated gate and up."""
        shape = self._shape
        norms = FLOAT32 * shape.norms / 2 * shape.hidden
        return (
            norms
            + 3 * self._output * shape.intermediate
            + self._adapters("gate_proj", "up_proj", "gate_up_proj", "down_proj")
        )

    def _adapters(self, *names: str) -> int:
        """Kept for adapters: their input in the compute type and, with dropout, its mask; what A makes of it.

        Without dropout q, k and v may share their input, as gate and up may; that is not counted.
        """
        lora = self._profile.lora
        mask = 1 if lora.dropout else 0
        adapted = [name for name in names if name in _adapted(self._profile, self._shape)]
        return sum((self.compute + mask) * self._shape.projections[name][0] + self.compute * lora.r for name in adapted)

    def _int8_inputs(self) -> int:
        """Kept by 8-bit projections: the input that q, k and v share, o's, what gate and up share, and down's."""
        if self._profile.model.quantization != "int8":
            return 0
        shape = self._shape
        return 2 * self._hidden() + self.compute * shape.queries + self._output * shape.intermediate

    def _mlp_backward(self) -> int:
        """Passing: the gradients of gate, up and their product; at the norm behind, five float32 of the hidden size."""
        return max(3 * self._output * self._shape.intermediate, 5 * FLOAT32 * self._shape.hidden)

    def _attention_backward(self) -> int:
        """Passing: the scores' gradient in float32, before and after the softmax, less the copy no longer needed."""
        return (2 * FLOAT32 - self.compute) * self._scores
