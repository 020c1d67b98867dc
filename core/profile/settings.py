"""Every setting of a profile, declared once: type, bounds, unit, default and one line of help.

Validation, help texts and the JSON schema are all read off these declarations; nothing else holds a default.
A default is the public recipe's value, unless `extra` names another under "recipe".
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field
from msgspec.structs import fields

from core.outcomes import OutcomesSetting
from core.profile.data_settings import Count, Data, Name, Place, Section
from core.profile.distill_settings import Distill
from core.profile.token_settings import Tokens
from core.profile.train_settings import Train

Share = Annotated[float, Meta(ge=0, lt=1)]


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
    head: Annotated[
        Literal["classifier", "bradley-terry"],
        Meta(
            description="classifier reads prompt, A and B in one sequence; bradley-terry reads the prompt with A and "
            "the prompt with B, and adds up what it says of each: their order cannot matter"
        ),
    ] = "classifier"
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
    distill: Distill = field(default_factory=Distill)
    run: Run = field(default_factory=Run)

    @property
    def evaluates(self) -> bool:
        """Whether there are rows to evaluate."""
        return self.data.eval is not None or self.split.by != "none"

    @property
    def global_batch(self) -> int:
        """Examples in one optimizer step."""
        return self.train.per_device_batch_size * self.train.gradient_accumulation

    @property
    def reads_apart(self) -> bool:
        """Whether the model reads each answer of a row in a sequence of its own."""
        return self.model.head == "bradley-terry"

    @property
    def views(self) -> int:
        """Sequences that an example of a step is computed as."""
        return 2 if self.reads_apart or self.train.swap == "paired" else 1

    @property
    def text(self) -> tuple[str, ...]:
        """All that decides how the text of a row is made, before any of it is cut."""
        return (*self.tokens.text, self.model.head)


def sections(declared: type[Struct] = Profile, within: str = "") -> dict[str, type[Section]]:
    """The Sections of a struct by name, those within another as data.columns, in the order of their declaration."""
    found: dict[str, type[Section]] = {}
    for declaration in fields(declared):
        kind = declaration.type
        if isinstance(kind, type) and issubclass(kind, Section):
            name = f"{within}{declaration.name}"
            found |= {name: kind} | sections(kind, f"{name}.")
    return found
