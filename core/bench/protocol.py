"""What a benchmark is asked and what it answers. Imports nothing heavy."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from core.protocol import command

BENCH = command("core.bench")

Size = Literal["9b", "2b", "gemma3-12b", "qwen3-8b", "mistral-7b", "phi-3-mini", "phi-4-mini", "phi-4", "tiny"]
"""Those without a family's name are Gemma-2."""


class Question(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The recipe on a model of that size. `scoring` times the forward pass of evaluations instead of training steps."""

    model: Size = "9b"
    engine: Literal["auto", "packed", "padded"] = "auto"
    memory: Literal["auto", "small"] = "auto"
    lengths: str = "1024"
    """A .npy file of token counts, taken from its beginning as often as need be; or one count for all rows."""
    batch: Annotated[int, Meta(ge=1)] = 8
    """Rows of an optimizer step."""
    at_once: Annotated[int, Meta(ge=1)] = 2
    """Rows of it that the padded engine, and the packed one with small memory, compute at once;
    the greatest divisor that both have."""
    steps: Annotated[int, Meta(ge=1)] = 20
    """Those timed."""
    warmup: Annotated[int, Meta(ge=0)] = 5
    scoring: bool = False


class Answer(Struct, frozen=True, kw_only=True):
    """Effective tokens are those of the rows, padding left out. Memory in bytes, rates per second."""

    weights: str = "random"
    """Throughput and memory depend on shapes alone; nothing else is to be read off such a model."""
    model: Size
    task: Literal["training", "scoring"]
    engine: Literal["packed", "padded"]
    how: str
    device: str
    tokens_per_second: float
    examples_per_second: float
    tokens_per_example: float
    model_tflops: float
    """What an engine that wastes nothing would compute, in the time that this one took."""
    ceiling_tflops: float
    """What the device multiplied matrices of the model's own shapes at, just before; their time-weighted mean."""
    share_of_ceiling: float
    memory_peak: int
    memory_predicted: int
    """What a plan would reckon with, for rows that are all as long as the longest."""
    first_step_seconds: float
    steps: int
    torch: str
    transformers: str
