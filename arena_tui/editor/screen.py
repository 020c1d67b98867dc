"""The editor: what exactly will run? A profile's own text, checked and explained as one types, and saved verbatim."""

import asyncio
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.reactive import var
from textual.widgets import OptionList, Static

from arena_tui.children.child import in_thread
from arena_tui.editor.dialogs import against_defaults
from arena_tui.editor.explanation import MOST_PROBLEMS, Explanation, ProblemList
from arena_tui.editor.file import EditedFile
from arena_tui.editor.saving import Saving
from arena_tui.editor.toml_area import Choices, TomlArea
from arena_tui.format.sanitize import place, printable
from arena_tui.format.width import abridged
from arena_tui.screen.console_screen import OPENING, ConsoleScreen
from arena_tui.screen.footer import Footer
from arena_tui.screen.keymap import named
from core.profile.cursor import end_of_mistake
from core.profile.errors import Problem, ProfileError
from core.profile.files import ProfileFile, absent_paths
from core.profile.load import parse_profile
from core.profile.settings import Profile

SECONDS_UNTIL_CHECK = 0.15


class EditorScreen(ConsoleScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = named(
        "editor",
        Binding("f2,ctrl+s", "save", "Save", key_display="f2 ^s", tooltip="Save the text to its file"),
        Binding("f3", "save_as", "Save as", tooltip="Save the text to another file"),
        Binding("f4", "differences", "Diff", tooltip="What differs from the file on disk and from the defaults"),
        Binding("f5", "edit_outside", "$EDITOR", tooltip="Edit the text in $VISUAL or $EDITOR"),
        Binding("escape", "leave", "Back", key_display="esc", tooltip="Leave the editor; asks about unsaved changes"),
        Binding("f8", "next_problem", "Next ✗", tooltip="To the next problem"),
        Binding("f1", "app.help", "Help", tooltip="All keys on this screen"),
    )

    DEFAULT_CSS = """
    EditorScreen {
        #top { height: 1; padding: 0 1; background: $panel; }
        #title { width: 1fr; color: $accent; text-style: bold; text-wrap: nowrap; text-overflow: ellipsis; }
        #state { width: auto; color: $foreground 60%; }
        #state.-warning { color: $text-warning; }
        #text { width: 1fr; height: 1fr; }
    }
    EditorScreen.-low ProblemList { max-height: 4; }
    EditorScreen.-narrow {
        #body { layout: vertical; }
        Explanation { width: 1fr; height: auto; max-height: 7; border: none; border-top: solid $foreground 15%; }
        Explanation > .setting { margin: 0; }
        Explanation.-has-setting > .section { display: none; }
    }
    """

    problems: var[tuple[Problem, ...]] = var(())

    def __init__(self, file: ProfileFile) -> None:
        super().__init__()
        self._file = EditedFile(file)
        self._settings: Profile | None = None
        self._absent: tuple[str, ...] = ()
        self._choices = Choices()
        self.area = TomlArea(file.text, self._choices)
        self.saving = Saving(self, self.area, self._file, self.show_state)

    def compose(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield Static(id="title", markup=False)
            yield Static(id="state", markup=False)
        with Horizontal(id="body"):
            with Vertical(id="text"):
                yield self.area
                yield ProblemList()
            yield Explanation()
        yield self._choices
        yield Footer()

    def on_mount(self) -> None:
        self.area.focus()
        self._explain()
        self.call_after_refresh(self.begin)  # problems may be found at once, and need a place to stand

    @work
    async def begin(self) -> None:
        """Go to the first problem, and only then ask about a draft; from then on keep one, and watch the file."""
        await self._check()
        if self.problems:
            self._go_to(self.problems[0])
        if await self.saving.settle_draft():
            self.run_worker(self.saving.keep_drafts())
            await self.saving.watch_file()
        else:
            self.dismiss()

    @on(TomlArea.Changed)
    def _follow_text(self) -> None:
        self._explain()
        self.show_state()
        self.check_text()

    @work(exclusive=True, group="check")
    async def check_text(self) -> None:
        """Find the problems of the text, once nothing has been typed for a moment."""
        await asyncio.sleep(SECONDS_UNTIL_CHECK)
        await self._check()

    async def _check(self) -> None:
        try:
            settings = await asyncio.to_thread(parse_profile, self.area.whole_text, source=self._file.path.name)
            self._absent = tuple(await in_thread(partial(absent_paths, settings, Path.cwd())))
            self._settings, self.problems = settings, ()
        except ProfileError as error:
            self._settings = None
            self.problems = tuple(error.problems)
        self.show_state()

    def watch_problems(self, problems: tuple[Problem, ...]) -> None:
        if self.is_mounted and self.display:
            self.area.mark({_row(problem) for problem in problems})
            self.query_one(ProblemList).show(problems)

    @on(TomlArea.SelectionChanged)
    def _explain(self) -> None:
        self.query_one(Explanation).explain(self.area.document.lines, self.area.cursor_location[0])

    def show_state(self) -> None:
        if not self.display:  # a check or a draft can come to its end when the screen is gone
            return
        file = self._file
        saved = (
            "● not saved" if self.saving.is_modified else "shipped: saved as your own" if file.is_shipped else "saved"
        )
        checked = f"✗ {len(self.problems):,}" if self.problems else ""
        if self._settings:
            checked = f"! {' and '.join(self._absent)}: no such file" if self._absent else "✓ can be run"
        told = "   ".join(part for part in (self.saving.draft_failure, saved, checked) if part)
        name = printable(file.path.stem) if file.is_shipped else place(file.path)
        self.query_one("#title", Static).update(abridged(name, self.app.size.width - cell_len(told) - len("   ")))
        state = self.query_one("#state", Static)
        state.update(told)
        state.set_class(bool(self.saving.draft_failure), "-warning")

    @work(group=OPENING)
    async def action_save(self) -> None:
        await self.saving.save()

    @work(group=OPENING)
    async def action_save_as(self) -> None:
        await self.saving.save_as()

    @work(group=OPENING)
    async def action_differences(self) -> None:
        await self._check()
        await self.saving.compare([against_defaults(self._settings)] if self._settings else [])

    @work
    async def action_edit_outside(self) -> None:
        await self.saving.edit_outside()

    @work(group=OPENING)
    async def action_leave(self) -> None:
        if await self.may_leave():
            self.dismiss()

    async def may_leave(self) -> bool:
        return await self.saving.may_leave()

    @on(OptionList.OptionSelected, "Choices")
    def _take_choice(self) -> None:
        self.area.action_complete()

    @on(OptionList.OptionSelected, "ProblemList")
    def _go_to_chosen(self, event: OptionList.OptionSelected) -> None:
        self._go_to(self.problems[event.option_index])

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        if action == "next_problem" and not self.problems:
            return "there are no problems"
        return super().why_not(action, parameters)

    def action_next_problem(self) -> None:
        row = self.area.cursor_location[0]
        for problem in (*(problem for problem in self.problems if _row(problem) > row), *self.problems):
            self._go_to(problem)
            return

    def _go_to(self, problem: Problem) -> None:
        row = min(_row(problem), self.area.document.line_count - 1)
        line = self.area.document.get_line(row)
        self.query_one(ProblemList).highlighted = min(self.problems.index(problem), MOST_PROBLEMS - 1)
        self.area.move_cursor((row, end_of_mistake(line, in_value=bool(problem.value))))


def _row(problem: Problem) -> int:
    """The row of the text, from 0. A text has no overrides, so each of its problems has a line."""
    return (problem.line or 1) - 1
