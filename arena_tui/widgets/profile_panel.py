"""What a profile would do, in figures, and its own text; or everything that is wrong with it."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static, TextArea

from arena_tui import figures
from arena_tui.hint import hint
from arena_tui.plain import printable, printable_lines
from arena_tui.profiles import ProfileView
from arena_tui.widgets.facts import Fact, facts, wrapped
from arena_tui.widgets.highlighted import HighlightedText
from core.profile.settings import Profile

BESIDE = 3
"""Cells of the summary's padding and of its scroll bar, whether it is there or not."""
QUANTIZATION = {"nf4": "NF4, 4 bit", "int8": "int8", "none": "not quantized"}


class ProfilePanel(Vertical):
    HELP = (
        "What the chosen profile would train, and below it its own text. Each figure is a setting of the "
        "profile, or the default where it says nothing, which is the public recipe's value."
    )
    DEFAULT_CSS = """
    ProfilePanel {
        & > .summary { height: auto; max-height: 70%; padding: 0 1; overflow-y: auto; scrollbar-size: 1 1; }
        & > TextArea { height: 1fr; border: none; border-top: solid $foreground 15%; padding: 0; }
        & > TextArea:focus { border-top: solid $accent; }
    }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._profile: ProfileView | None = None

    def compose(self) -> ComposeResult:
        yield Static(classes="summary", markup=False)
        yield HighlightedText("", language="toml", read_only=True, soft_wrap=True, show_line_numbers=True)

    def show(self, profile: ProfileView) -> None:
        """Show this profile."""
        self._profile = profile
        way = hint(self, "edit", "; {} opens them in the editor")
        width = self.size.width - BESIDE
        told = summary(profile.settings, width) if profile.settings else problems(profile, way)
        self.query_one(".summary", Static).update(told)
        text = "\n".join(printable_lines(profile.text))
        area = self.query_one(TextArea)
        if area.text != text:
            area.load_text(text)

    def on_resize(self) -> None:
        if self._profile:
            self.show(self._profile)


def summary(profile: Profile, width: int) -> Content:
    """The settings that decide what a run is and what it costs, in lines of `width` cells."""
    data, split, model, lora, train = profile.data, profile.split, profile.model, profile.lora, profile.train
    limit = f", first {figures.count(data.limit)} rows" if data.limit else ""
    modules = lora.target_modules if isinstance(lora.target_modules, str) else ", ".join(lora.target_modules)
    every = profile.eval.every
    batch = f"{profile.global_batch} = {train.per_device_batch_size} × {train.gradient_accumulation}"
    rows: list[Fact] = [
        ("held as", QUANTIZATION[model.quantization], ""),
        ("LoRA", f"r {lora.r}, alpha {lora.alpha:g}", ""),
        ("on", printable(modules), ""),
        ("of", f"layers from {lora.freeze_layers} on" if lora.freeze_layers else "all layers", ""),
        ("data", printable(data.train) + limit, ""),
        ("held out", f"fold {split.fold} of {split.n_splits} by {split.by}", ""),
        ("evaluated", "after each epoch" if every == "epoch" else f"every {figures.count(every)} steps", ""),
        ("batch", f"{batch}, global", ""),
        ("rate", f"{figures.rate(train.learning_rate)} {train.schedule}", ""),
        ("epochs", f"{train.epochs:g}", ""),
        ("max length", f"{figures.count(profile.tokens.max_length)} tokens", ""),
    ]
    return Content.assemble((printable(model.checkpoint), "bold"), "\n", facts(wrapped(rows, width)))


def problems(profile: ProfileView, way: Content) -> Content:
    """All problems, for a person to correct, and the way to do it."""
    n = len(profile.problems)
    head = (Content(f"✗ {n} problem{'s' if n > 1 else ''}") + way).stylize_before("bold $text-error")
    return Content.assemble(head, "\n", "\n".join(f"• {printable(str(problem))}" for problem in profile.problems))
