"""Every setting of a profile, declared once: type, bounds, unit, default and one line of help.

Validation, help texts and the JSON schema are all read off these declarations; nothing else holds a default.
A default is the public recipe's value, unless `extra` names another under "recipe".
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field
from msgspec.structs import fields

from core.outcomes import OutcomesSetting
from core.profile.data_settings import Count, Data, Name, Place, Section
from core.profile.token_settings import Tokens

Share = Annotated[float, Meta(ge=0, lt=1)]
Rate = Annotated[float, Meta(gt=0, le=1)]
Precision = Literal["bf16", "fp16", "fp32"]
EngineName = Literal["packed", "padded"]


class Split(Section, frozen=True, kw_only=True):
    by: Annotated[
        Literal["row", "id", "prompt", "none"],
        Meta(
            description="What is divided into folds: row number (the recipe), id, or prompt. "
            "Only prompt keeps equal prompts on one side; row and id leak them. none trains on all rows and evaluates "
            "nothing. Not used with data.eval"
        ),
    ] = "row"
    n_splits: Annotated[
        int,
        Meta(ge=2, le=1000, description="Number of folds; one of them is held out", extra={"unit": "folds"}),
    ] = 5
    fold: Annotated[int, Meta(ge=0, description="The fold held out for evaluation, counted from 0")] = 0


class Model(Section, frozen=True, kw_only=True):
    checkpoint: Annotated[Place, Meta(description="Base model: a Hugging Face id, a local folder, or demo")] = (
        "unsloth/gemma-2-9b-it-bnb-4bit"
    )
    revision: Annotated[
        Name | None,
        Meta(description="Branch, tag or commit of a Hugging Face checkpoint; its main branch when absent"),
    ] = None
    gguf_file: Annotated[
        Name | None, Meta(description="Name of a GGUF file inside checkpoint, for weights stored that way")
    ] = None
    quantization: Annotated[
        Literal["nf4", "int8", "none"], Meta(description="Precision of the frozen base in memory")
    ] = "nf4"
    double_quant: Annotated[bool, Meta(description="NF4 only: quantize the block scales as well")] = True
    compute_dtype: Annotated[
        Literal["auto", "bfloat16", "float16", "float32"],
        Meta(description="Type in which quantized weights are multiplied; auto follows train.precision"),
    ] = "auto"
    attention: Annotated[
        Literal["auto", "eager", "sdpa", "flex_attention", "flash_attention_2"],
        Meta(description="Attention kernel; auto is eager where scores are capped or windows slide, as in Gemma"),
    ] = "auto"
    outcomes: Annotated[
        OutcomesSetting,
        Meta(description="With ties (a-b-tie) or without (a-b); auto is a-b where neither format nor rows have any"),
    ] = "auto"


class Lora(Section, frozen=True, kw_only=True):
    r: Annotated[int, Meta(ge=1, le=1024, description="Rank of the adapters")] = 16
    alpha: Annotated[float, Meta(gt=0, description="Adapter scale: their output is multiplied by alpha / r")] = 32
    dropout: Annotated[Share, Meta(description="Dropout on the adapters' input")] = 0.05
    bias: Annotated[Literal["none", "all", "lora_only"], Meta(description="Which bias terms are trained")] = "none"
    target_modules: Annotated[
        Literal["auto", "all-linear"] | Annotated[list[Name], Meta(min_length=1, max_length=256)],
        Meta(
            description="Projections that get an adapter, by name; auto takes those that make queries, keys and "
            "values, whatever the model calls them, and all-linear all of the layers",
            extra={"recipe": ["q_proj", "k_proj", "v_proj"]},
        ),
    ] = "auto"
    freeze_layers: Annotated[
        int, Meta(ge=0, description="Number of first layers left without adapters", extra={"unit": "layers"})
    ] = 16


class Train(Section, frozen=True, kw_only=True):
    epochs: Annotated[float, Meta(gt=0, description="Passes over the training rows")] = 1.0
    per_device_batch_size: Annotated[
        Count, Meta(description="Examples computed at once; memory grows with it", extra={"unit": "examples"})
    ] = 2
    gradient_accumulation: Annotated[
        Count, Meta(description="Batches added up into one optimizer step; the product is the global batch")
    ] = 4
    learning_rate: Annotated[Rate, Meta(description="Peak learning rate")] = 2e-4
    head_learning_rate: Annotated[
        Rate | None, Meta(description="Peak learning rate of the score head; learning_rate when absent")
    ] = None
    schedule: Annotated[
        Literal["linear", "cosine", "constant_with_warmup"],
        Meta(description="Learning rate schedule after the warm-up"),
    ] = "linear"
    warmup_steps: Annotated[
        int,
        Meta(ge=0, description="Steps over which the learning rate rises from 0", extra={"unit": "steps"}),
    ] = 20
    optimizer: Annotated[
        Literal["adamw_8bit", "paged_adamw_8bit", "adamw_torch"],
        Meta(description="AdamW with 8-bit state, the same with state paged to host memory, or in 32 bit"),
    ] = "adamw_8bit"
    precision: Annotated[
        Literal["auto", Precision],
        Meta(
            description="Mixed precision; auto is bf16 where the card supports it, else fp16; fp32 on a processor",
            extra={"recipe": "fp16"},
        ),
    ] = "auto"
    weight_decay: Annotated[float, Meta(ge=0, le=1, description="Decoupled weight decay")] = 0.0
    max_grad_norm: Annotated[
        float, Meta(gt=0, description="Largest gradient norm; larger gradients are scaled down to it")
    ] = 1.0
    gradient_checkpointing: Annotated[
        bool,
        Meta(
            description="Padded engine only: recompute activations in the backward pass, for less memory and about a "
            "third slower"
        ),
    ] = True
    engine: Annotated[
        Literal["auto", EngineName],
        Meta(
            description="packed joins the rows of a step without padding and computes only what training needs; padded "
            "is transformers' own forward pass. auto is packed where the card and the model support it"
        ),
    ] = "auto"
    memory: Annotated[
        Literal["auto", "small"],
        Meta(
            description="Packed engine only: auto takes the fastest layout that fits into the card's free memory; "
            "small recomputes activations, dequantizes weights as needed and leaves the embedding on the host, "
            "per_device_batch_size rows at once"
        ),
    ] = "auto"
    log_steps: Annotated[Count, Meta(description="Steps between two logged points", extra={"unit": "steps"})] = 10
    save_steps: Annotated[Count, Meta(description="Steps between two checkpoints", extra={"unit": "steps"})] = 200
    keep_checkpoints: Annotated[
        Count, Meta(description="Checkpoints kept; older ones are deleted", extra={"unit": "checkpoints"})
    ] = 2
    divergence_patience: Annotated[
        int,
        Meta(
            ge=0,
            description="The run fails once the loss has diverged (not finite, or far above a uniform guess and its "
            "own best) in most of this many steps; 0 never fails it",
            extra={"unit": "steps"},
        ),
    ] = 100
    seed: Annotated[
        int, Meta(ge=0, le=2**32 - 1, description="Seed of the head, the adapters, dropout and the row order")
    ] = 42


class Eval(Section, frozen=True, kw_only=True):
    per_device_batch_size: Annotated[Count, Meta(description="Examples scored at once", extra={"unit": "examples"})] = 4
    every: Annotated[
        Literal["epoch"] | Count,
        Meta(description="Evaluate after each epoch, or every so many steps; always once at the end"),
    ] = "epoch"
    swap: Annotated[
        bool,
        Meta(
            description="At the end, score each evaluation row with A and B swapped as well: the report then shows "
            "position bias. Takes as long as one evaluation"
        ),
    ] = False


class Run(Section, frozen=True, kw_only=True):
    name: Annotated[
        Annotated[str, Meta(min_length=1, max_length=60)] | None,
        Meta(description="Name of the run; the profile's own when absent"),
    ] = None
    gpus: Annotated[
        Annotated[int, Meta(ge=1, le=512)]
        | Literal["all"]
        | Annotated[list[Annotated[int, Meta(ge=0, le=511)]], Meta(min_length=1, max_length=512)],
        Meta(
            description="Cards that compute the run: how many of those that are visible, all, or which, counted from "
            "0. Each holds the whole base and takes a part of every step"
        ),
    ] = 1
    nodes: Annotated[
        int,
        Meta(
            ge=1,
            le=512,
            description="Machines that compute the run together, each with the cards of run.gpus; `launch-script` "
            "writes what starts them",
        ),
    ] = 1
    report_to: Annotated[
        list[Literal["tensorboard", "wandb", "trackio"]],
        Meta(description="Trackers that also get the figures; each is a package to install"),
    ] = field(default_factory=list)


class Profile(Section, frozen=True, kw_only=True):
    """All settings of a run. `Profile()` is the recipe."""

    data: Data = field(default_factory=Data)
    split: Split = Split()
    tokens: Tokens = Tokens()
    model: Model = Model()
    lora: Lora = field(default_factory=Lora)
    train: Train = Train()
    eval: Eval = Eval()
    run: Run = field(default_factory=Run)

    @property
    def evaluates(self) -> bool:
        """Whether there are rows to evaluate."""
        return self.data.eval is not None or self.split.by != "none"

    @property
    def global_batch(self) -> int:
        """Examples in one optimizer step."""
        return self.train.per_device_batch_size * self.train.gradient_accumulation


def sections(declared: type[Struct] = Profile, within: str = "") -> dict[str, type[Section]]:
    """The Sections of a struct by name, those within another as data.columns, in the order of their declaration."""
    found: dict[str, type[Section]] = {}
    for declaration in fields(declared):
        kind = declaration.type
        if isinstance(kind, type) and issubclass(kind, Section):
            name = f"{within}{declaration.name}"
            found |= {name: kind} | sections(kind, f"{name}.")
    return found
