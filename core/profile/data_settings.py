"""Where a profile's rows come from, what their columns hold, and who won by them."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field
from msgspec.structs import replace

Count = Annotated[int, Meta(ge=1)]
DataFormat = Literal["auto", "lmsys", "wsdm", "arena", "chosen-rejected", "helpsteer", "columns"]
Place = Annotated[str, Meta(min_length=1, max_length=4096)]
"""A path, no longer than the system takes, or a name on the hub."""
Name = Annotated[str, Meta(max_length=255)]
Names = Annotated[list[Name], Meta(max_length=256)]
Column = Annotated[str, Meta(min_length=1, max_length=255)]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of the TOML file."""


class Columns(Section, frozen=True, kw_only=True):
    id: Annotated[Column | None, Meta(description="Column of ids; the row number where there is none")] = None
    prompt: Annotated[Column | None, Meta(description="Column of prompts: texts, lists of turns, or messages")] = None
    response_a: Annotated[Column | None, Meta(description="Column of A's answers: as prompt, or conversations")] = None
    response_b: Annotated[Column | None, Meta(description="Column of B's answers")] = None
    winner: Annotated[Column | None, Meta(description="Column that says who won, by [data.winners]")] = None
    winner_a: Annotated[Column | None, Meta(description="Column that is true where A won")] = None
    winner_b: Annotated[Column | None, Meta(description="Column that is true where B won")] = None
    winner_tie: Annotated[Column | None, Meta(description="Column that is true where neither won")] = None
    probability_a: Annotated[Column | None, Meta(description="Column of probabilities that A is better")] = None
    probability_b: Annotated[Column | None, Meta(description="Column of probabilities that B is better")] = None
    probability_tie: Annotated[Column | None, Meta(description="Column of probabilities that neither is")] = None
    model_a: Annotated[Column | None, Meta(description="Column with the name of the model that wrote A")] = None
    model_b: Annotated[Column | None, Meta(description="Column with the name of the model that wrote B")] = None
    weight: Annotated[
        Column | None,
        Meta(description="Column of what rows weigh in training, 0 or more; may be named beside any data.format"),
    ] = None


class Winners(Section, frozen=True, kw_only=True):
    """Capitals, and spaces around a value, make no difference."""

    a: Annotated[Names, Meta(description="Values of the column winner by which A wins")] = field(
        default_factory=lambda: ["model_a", "a"]
    )
    b: Annotated[Names, Meta(description="Values by which B wins")] = field(default_factory=lambda: ["model_b", "b"])
    tie: Annotated[Names, Meta(description="Values by which neither wins")] = field(
        default_factory=lambda: ["tie", "tie (bothbad)", "both_bad"]
    )
    drop: Annotated[Names, Meta(description="Values whose rows are left out, and counted")] = field(
        default_factory=list
    )


class Data(Section, frozen=True, kw_only=True):
    train: Annotated[
        Place | Annotated[list[Place], Meta(min_length=1, max_length=64)],
        Meta(
            description="Labelled rows: a file or folder of tables, a pattern of files, a data set of the Hugging Face "
            "hub, or demo; or a list of these, read one after the other",
        ),
    ] = "train.csv"
    eval: Annotated[
        Place | None,
        Meta(description="Labelled rows to evaluate on, a source as in train; then all of train is trained on"),
    ] = None
    train_shares: Annotated[
        list[Annotated[float, Meta(gt=0, le=1)]],
        Meta(
            description="Which share of each source of train is used, in their order, drawn by data.limit_seed; all of "
            "each when absent"
        ),
    ] = field(default_factory=list)
    train_weights: Annotated[
        list[Annotated[float, Meta(ge=0, le=1e6)]],
        Meta(
            description="What each row of each source of train weighs in training, in their order, beside what the row "
            "itself says; 1 of each when absent"
        ),
    ] = field(default_factory=list)
    drop_leaks: Annotated[
        bool,
        Meta(description="With data.eval only: leave out the rows of train whose prompt a row of eval has too"),
    ] = False
    test: Annotated[Place, Meta(description="Rows to predict: files like train, without labels, or demo")] = "test.csv"
    format: Annotated[
        DataFormat,
        Meta(
            description="What the columns hold: lmsys (lists of turns and three winner columns), wsdm (texts and one), "
            "arena (two conversations), chosen-rejected (TRL's), helpsteer (-3 to 3), or columns, as [data.columns] "
            "names them. auto looks, and says what it found"
        ),
    ] = "auto"
    limit: Annotated[
        Count | None,
        Meta(description="Use only so many rows of train; all when absent", extra={"unit": "rows"}),
    ] = None
    ties: Annotated[
        Literal["error", "drop", "half"],
        Meta(
            description="What becomes of ties with model.outcomes a-b: they are refused, left out and counted, or "
            "(half) counted as a win of A or of B by a hash of the row, half of them each"
        ),
    ] = "error"
    soft_labels: Annotated[
        bool,
        Meta(
            description="Train on the probabilities that the rows hold, not on the most probable outcome alone; ties "
            "that data.ties halves are one half each. Evaluation counts the most probable outcome all the same"
        ),
    ] = False
    weight_by_strength: Annotated[
        bool,
        Meta(description="Let a row of format helpsteer weigh 1, 2 or 3 in training, as its preference is; a tie 1"),
    ] = False
    limit_by: Annotated[
        Literal["first", "random"],
        Meta(description="Which rows data.limit leaves: the first, or some drawn by data.limit_seed, in their order"),
    ] = "first"
    limit_seed: Annotated[
        int,
        Meta(ge=0, le=2**32 - 1, description="Seed of the rows that are drawn; a larger limit adds to them"),
    ] = 0
    columns: Columns = Columns()
    winners: Winners = field(default_factory=Winners)

    @property
    def is_weighted(self) -> bool:
        """Whether rows say what they weigh in training."""
        return self.weight_by_strength or self.columns.weight is not None or bool(self.train_weights)

    @property
    def unweighted(self) -> "Data":
        """The same, for rows that are not trained on: what they weigh is not read."""
        columns = replace(self.columns, weight=None)
        return replace(self, weight_by_strength=False, train_weights=[], columns=columns)

    @property
    def train_sources(self) -> list[str]:
        """Those of train, as they are written."""
        return [self.train] if isinstance(self.train, str) else self.train

    @property
    def sources(self) -> list[str]:
        """All sources of labelled rows as they are written: those of train, then that of eval."""
        return [*self.train_sources, *([self.eval] if self.eval else [])]
