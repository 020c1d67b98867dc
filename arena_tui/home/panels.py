"""What the home screen tells of the chosen profile or run."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.reactive import var
from textual.widgets import ContentSwitcher, TextArea

from arena_tui.children.child import in_thread
from arena_tui.format import numbers
from arena_tui.format.numbers import GLYPHS, MUTED, STYLES
from arena_tui.format.sanitize import beginning, place, printable
from arena_tui.format.width import TITLE_EDGES, abridged
from arena_tui.home.folds import Folds, FoldsReader
from arena_tui.home.lists import RunMenu
from arena_tui.runs.follow import RunView
from arena_tui.runs.outcome import explanation, outcome
from arena_tui.screen.keymap import hint
from arena_tui.screen.profiles import ProfileView
from arena_tui.widgets.facts import Fact, bulleted, facts, wrapped
from arena_tui.widgets.pane import FittedText, HighlightedText
from core.profile.division import held_out, limited, unused_split
from core.profile.files import absent_paths
from core.profile.settings import Profile, Run

MOST_PROBLEMS = 50
"""Problems that are listed."""
SECONDS_BETWEEN_LOOKS = 1.0
QUANTIZATION = {"nf4": "NF4, 4 bit", "int8": "int8", "none": "not quantized"}


class ProfilePanel(Vertical):
    HELP = (
        "What the chosen profile would train, and below it its own text. Each figure is a setting of the profile, or "
        "else the default, which is the public recipe's value."
    )
    DEFAULT_CSS = """
    ProfilePanel {
        & > .summary { height: auto; max-height: 70%; padding: 0 1; overflow-y: auto; scrollbar-gutter: stable; }
        & > .summary { scrollbar-size: 1 1; }
        & > TextArea { height: 1fr; border: none; border-top: solid $foreground 15%; padding: 0; }
        & > TextArea:focus { border-top: solid $accent; }
    }
    """

    absent: var[dict[str, str]] = var(dict)
    """Paths of the profile at which nothing lies, by the keys of their settings."""
    folds: var[Folds] = var(Folds)

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.runs: tuple[RunView, ...] = ()
        self._profile: ProfileView | None = None
        self._reader = FoldsReader()

    def compose(self) -> ComposeResult:
        yield FittedText(classes="summary")
        yield HighlightedText("", language="toml", read_only=True, soft_wrap=True, show_line_numbers=True)

    def show(self, profile: ProfileView) -> None:
        """Show this profile."""
        if profile is not self._profile:
            self._profile = profile
            self.set_reactive(ProfilePanel.absent, {})
            self.set_reactive(ProfilePanel.folds, Folds())
            self.look(profile)
        self._draw()
        text = beginning(profile.text)
        area = self.query_one(TextArea)
        if area.text != text:
            area.load_text(text)

    @work(exclusive=True)
    async def look(self, profile: ProfileView) -> None:
        """See every now and then, while the screen is in front, whether the files that a run needs are there, and how
        far its folds are."""
        while profile.settings:
            if self.app.screen is self.screen:
                self.absent = await in_thread(partial(absent_paths, profile.settings, Path.cwd()))
                self.folds = await in_thread(partial(self._reader.read, profile.settings, self.runs))
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    def watch_absent(self) -> None:
        self._draw()

    def watch_folds(self, before: Folds, folds: Folds) -> None:
        self._draw()
        if before.are_told != folds.are_told:
            self.screen.refresh_bindings()

    def _draw(self) -> None:
        profile, absent, way = self._profile, self.absent, hint(self, "edit", "; {} opens them in the editor")
        told = next(iter(self.query(".summary").results(FittedText)), None)
        if profile is None or told is None:  # not made yet, or being left while files are looked for
            return
        if settings := profile.settings:
            of_folds = [self.folds.told()] if self.folds.are_told else []
            told.show(lambda width: summary(settings, width, absent, of_folds))
        else:
            told.show(lambda width: problems(profile, way, width))


def summary(profile: Profile, width: int, absent: Mapping[str, str], of_folds: Sequence[Fact]) -> Content:
    """The settings that decide what a run is and what it costs, in lines of `width` cells; which of its paths, by their
    keys, are `absent`; and what there is to tell `of_folds`."""
    data, model, lora, train = profile.data, profile.model, profile.lora, profile.train
    limit = f", {limited(data)}" if limited(data) else ""
    counted = ", ".join(["soft"] * data.soft_labels + ["weighed"] * data.is_weighted)
    chosen = lora.target_modules
    modules = "queries, keys, values" if chosen == "auto" else chosen if isinstance(chosen, str) else ", ".join(chosen)
    every = profile.eval.every
    evaluated = "after each epoch" if every == "epoch" else f"every {numbers.count(every)} steps"
    batch = f"{profile.global_batch} = {train.per_device_batch_size} × {train.gradient_accumulation}"
    rows: list[Fact] = [
        ("base", QUANTIZATION[model.quantization], ""),
        *([("head", model.head, "each answer read apart")] if profile.reads_apart else []),
        ("LoRA", f"r {lora.r}, alpha {lora.alpha:g}", ""),
        ("modules", printable(modules), ""),
        ("layers", f"from {lora.freeze_layers} on" if lora.freeze_layers else "all", ""),
        ("data", printable(", ".join(data.train_sources)) + limit, ""),
        *([("labels", counted, "in training")] if counted else []),
        *([("teachers", printable(", ".join(profile.distill.teachers)), "")] if profile.distill.teachers else []),
        ("held out", printable(held_out(profile)), unused_split(profile)),
        *of_folds,
        *([("evaluated", evaluated, "")] if profile.evaluates else []),
        ("batch", f"{batch}, global", ""),
        *([("GPUs", *_gpus(profile.run))] if profile.run.gpus != 1 or profile.run.nodes > 1 else []),
        ("rate", f"{numbers.rate(train.learning_rate)} {train.schedule}", ""),
        ("epochs", f"{train.epochs:g}", ""),
        ("max length", f"{numbers.count(profile.tokens.max_length)} tokens", ""),
    ]
    missing = [f"✗ {key}: there is no {place(Path(lies))}\n" for key, lies in absent.items()]
    head = Content.assemble((printable(model.checkpoint), "bold"), "\n", ("".join(missing), "bold $text-error"))
    return head + facts(wrapped(rows, width))


def _gpus(run: Run) -> tuple[str, str]:
    """How many, or which of the visible ones, and of how many machines."""
    which = ", ".join(map(str, run.gpus)) if isinstance(run.gpus, list) else str(run.gpus)
    return which, f"on each of {run.nodes} machines" if run.nodes > 1 else ""


def problems(profile: ProfileView, way: Content, width: int) -> Content:
    """All problems, for a person to correct, and the way to do it."""
    n = len(profile.problems)
    head = (Content(f"✗ {numbers.counted(n, 'problem')}") + way).stylize_before("bold $text-error")
    listed = [printable(str(problem)) for problem in profile.problems[:MOST_PROBLEMS]]
    more = [f"\n… and {n - MOST_PROBLEMS:,} more"] if n > MOST_PROBLEMS else []
    return Content.assemble(head, "\n", bulleted("•", listed, width), *more)


class RunPanel(VerticalScroll):
    HELP = (
        "State and result of the chosen run: log losses in nats, beside those of a uniform guess (ln 3, or ln 2), of "
        "the class shares (prior) and, on the same data, of the public recipe. Read from the run's events.jsonl, and "
        "from whether its process is alive."
    )
    DEFAULT_CSS = """
    RunPanel { padding: 0 1; }
    """

    def compose(self) -> ComposeResult:
        yield FittedText()

    def show(self, run: RunView) -> None:
        """Show this run."""
        self.query_one(FittedText).show(lambda width: self._told(run, width))

    def _told(self, run: RunView, width: int) -> Content:
        parts = [
            Content.styled(f"{GLYPHS[run.status]} {run.status.value}", f"bold {STYLES[run.status]}"),
            *([Content.styled(printable(run.trouble), "$text-error")] if run.trouble else []),
            *([Content(beginning(run.notes.note))] if run.notes.note else []),
            *explanation(run, self),
            Content(""),
            *([] if run.wait else [facts(wrapped(outcome(run), width)), Content("")]),
            Content.styled(place(run.folder.path), MUTED),
            Content(""),
            hint(self.screen.query_one(RunMenu), "select", "{} opens it"),
            *([hint(self, "report", "{} reports on it")] if run.has_report else []),
            *([hint(self, "list_predictions", "{} lists all predictions")] if run.has_report else []),
        ]
        if run.wait:
            moves = hint(self, "move('up')", "{} and ") + hint(self, "move('down')", "{} move it up and down, ")
            parts += [moves + hint(self, "dequeue", "{} takes it out of the queue")]
        return Content("\n").join(parts)


class ChosenPanel(ContentSwitcher):
    """Shows a profile or a run."""

    DEFAULT_CSS = """
    ChosenPanel {
        width: 1fr;
        height: 1fr;
        border: round $foreground 25%;
        border-title-color: $foreground;
    }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(ProfilePanel(id="profile"), RunPanel(id="run"), initial="profile", id=id)
        self._title = ""

    def show(self, chosen: ProfileView | RunView | None) -> None:
        """Show this one; of none, an empty panel."""
        if isinstance(chosen, RunView):
            self.query_one(RunPanel).show(chosen)
        elif chosen:
            self.query_one(ProfilePanel).show(chosen)
        self.current = "run" if isinstance(chosen, RunView) else "profile"
        name = "" if chosen is None else chosen.folder.id if isinstance(chosen, RunView) else chosen.name
        self._title = printable(name)
        self.on_resize()

    def on_resize(self) -> None:
        self.border_title = Content(abridged(self._title, self.size.width - TITLE_EDGES))
