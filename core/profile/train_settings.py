"""How a run trains: its batch, its learning rate, its precision, and what it keeps."""

from typing import Annotated, Literal

from msgspec import Meta

from core.profile.data_settings import Count, Section

Rate = Annotated[float, Meta(gt=0, le=1)]
Precision = Literal["bf16", "fp16", "fp32"]
EngineName = Literal["packed", "padded"]
SwapMode = Literal["none", "random", "both", "paired"]


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
    keep: Annotated[
        Literal["last", "best"],
        Meta(
            description="Which weights become the adapter: those of the last step, or of the evaluation with the "
            "lowest log loss"
        ),
    ] = "last"
    early_stop: Annotated[
        int,
        Meta(
            ge=0,
            description="Training ends after this many evaluations without a gain, which is a log loss lower by more "
            "than the noise of its rows; 0 never ends it early",
            extra={"unit": "evaluations"},
        ),
    ] = 0
    ema: Annotated[
        float,
        Meta(
            ge=0,
            lt=1,
            description="Decay of an exponential moving average of the trained weights, as 0.99: it is evaluated and "
            "saved in place of the last ones; 0 keeps none",
        ),
    ] = 0.0
    swap: Annotated[
        SwapMode,
        Meta(
            description="Order of A and B in training: none is that of the rows; random swaps them in half of the "
            "rows, others in each epoch; both trains on each row twice, once swapped; paired computes both orders of "
            "a row in the same step",
        ),
    ] = "none"
    swap_consistency: Annotated[
        float,
        Meta(
            ge=0,
            le=100,
            description="Only with swap = paired: how much the divergence between the verdicts on both orders of a row "
            "counts beside their loss",
        ),
    ] = 0.0
    seed: Annotated[
        int, Meta(ge=0, le=2**32 - 1, description="Seed of the head, the adapters, dropout and the row order")
    ] = 42
