"""Try: what would the model say? A prompt and two answers, typed or pasted, are judged by a run's model in a child."""

from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import aclosing, suppress
from functools import partial
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from arena_tui.children.child import answers, ask, in_thread, without_a_word
from arena_tui.format.sanitize import printable
from arena_tui.format.width import abridged
from arena_tui.predict.verdict import verdict_text
from arena_tui.screen.console_screen import ConsoleScreen
from arena_tui.screen.footer import Footer
from arena_tui.screen.keymap import PANES_IN_TURN, hint, named
from arena_tui.terminal.private_use import held
from arena_tui.widgets.text_area import WrittenText
from core.data.example import PARTS
from core.files import in_words
from core.predict.protocol import JUDGE, WITH_LENGTHS, Said, Verdict
from core.predict.request import CannotPredict, choose_members
from core.protocol import as_line
from core.runs.folder import RunFolder

TITLES = ("prompt", "answer A", "answer B")


class TryScreen(ConsoleScreen[None]):
    HELP = (
        "What the run's model gives to each outcome: with A shown first, with B shown first, and the mean of both. A "
        "and B are those above in every line. Tokens are those shown, of those that there are; what the run's limit "
        "cuts is in the last line. Lengths alone: what a logistic regression on the lengths of prompt, A and B says, "
        "fitted on the run's training rows."
    )
    AUTO_FOCUS = "#prompt"
    BINDINGS: ClassVar[list[BindingType]] = named(
        "try",
        Binding("f2", "judge", "Judge", tooltip="Judge the two answers, in both orders"),
        Binding("f4", "clear", "Clear", tooltip="Empty all three texts"),
        *PANES_IN_TURN,
        Binding(
            "escape",
            "app.pop_screen",
            "Back",
            key_display="esc",
            tooltip="Back; this console keeps the texts until it is left",
        ),
        Binding("f1", "app.help", "Help", tooltip="What the figures mean, and all keys on this screen"),
    )

    DEFAULT_CSS = """
    TryScreen {
        #top { height: 1; padding: 0 1; background: $panel; }
        #title { width: auto; margin-right: 2; color: $accent; text-style: bold; text-wrap: nowrap; }
        #state { width: 1fr; text-align: right; color: $foreground 60%; text-wrap: nowrap; text-overflow: ellipsis; }
        WrittenText, WrittenText:focus {
            width: 1fr;
            height: 1fr;
            padding: 0;
            border: round $foreground 25%;
            border-title-color: $foreground;
        }
        WrittenText:focus { border: round $accent; border-title-color: $accent; }
        #response_a { border-title-color: $answer-a; }
        #response_b { border-title-color: $answer-b; }
        #answers { height: 2fr; }
        #verdict { height: 7; padding: 0 1; background: $panel; overflow-y: auto; }
    }
    """

    def __init__(self, folder: RunFolder, texts: dict[str, str], program: Sequence[str] = JUDGE) -> None:
        """`texts` are those to begin with, by part; they are kept there as they change."""
        super().__init__()
        self.folder = folder
        self._texts = texts
        self._program = program
        self._child: Process | None = None
        """Once it has the model."""
        self._asked: dict[str, str] = {}
        """The texts that wait for the model."""
        self._sent: list[dict[str, str]] = []
        """Those that it has yet to answer, the oldest first."""
        self._judged: dict[str, str] = {}
        """Those of the verdict that is shown; empty while there is none."""
        self._state = ""

    def compose(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield Static(id="title", markup=False)
            yield Static(id="state", markup=False)
        prompt, *both = (
            WrittenText(held(self._texts.get(part, "")), id=part, soft_wrap=True, tab_behavior="focus")
            for part in PARTS
        )
        yield prompt
        with Horizontal(id="answers"):
            yield from both
        yield Static(id="verdict", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        for part, title in zip(PARTS, TITLES, strict=True):
            self._text(part).border_title = Content(title)
        how = hint(self, "judge", "Type or paste a prompt and two answers; {} judges them in both orders.")
        self._tell(Content.styled(how.plain, "$foreground 60%"))
        self.serve()

    @work(exclusive=True, group="judge")
    async def serve(self) -> None:
        """Have the model loaded and hear its verdicts, as long as the screen is there and the child lives."""
        self._say_state("loading, then judging" if self._asked else "loading the model")
        problem = ""
        try:
            [member] = await in_thread(partial(choose_members, [self.folder]))
            child = await ask(self._program, member.run, member.adapter, WITH_LENGTHS, stdin=PIPE)
            async with aclosing(answers(child, Said)) as told:
                async for said in told:
                    problem = said.problem or ""
                    if said.ready:
                        self._child = child
                        note = f" · {printable(said.ready.note)}" if said.ready.note else ""
                        self._say_state(f"ready: {printable(said.ready.device.name)}, {said.ready.precision}{note}")
                        if self._asked:
                            self._send()
                    if said.verdict:
                        self._show(said.verdict)
            problem = problem or without_a_word("the model's process", child.returncode)
        except (CannotPredict, OSError) as error:
            problem = in_words(error)
        self._child, self._asked, self._sent, self._judged = None, {}, [], {}
        if self.display:  # else it is being left
            self._say_state("no model")
            again = hint(self, "judge", "{} tries again.")
            self._tell(Content.assemble((f"✗ {printable(problem)} ", "bold $text-error"), again))

    def action_judge(self) -> None:
        texts = {part: self._text(part).whole_text for part in PARTS}
        if not any(texts[part] for part in PARTS[1:]):
            self.say("there are no answers to judge yet")
            return
        is_served = any(worker.node is self and not worker.is_finished for worker in self.app.workers)
        self._asked, self._judged = texts, {}
        self._tell(Content())
        if self._child:
            self._send()
        elif is_served:
            self._say_state("loading, then judging")
        else:
            self.serve()

    def _send(self) -> None:
        assert self._child and self._child.stdin
        with suppress(OSError):  # where it has gone, its last word tells why
            self._child.stdin.write(as_line({part: [text] for part, text in self._asked.items()}))
        self._sent.append(self._asked)
        self._asked = {}
        self._say_state("judging")

    def _show(self, verdict: Verdict) -> None:
        """Show the verdict on what was asked last; those before it are passed over."""
        texts = self._sent.pop(0)
        if self._sent:
            return
        if verdict.error:
            self._say_state("not judged")
            self._tell(Content.styled(f"✗ {printable(verdict.error)}", "bold $text-error"))
        else:
            self._judged = texts
            self._say_whether_changed()
            self._tell(verdict_text(verdict))

    def action_pane(self, direction: int) -> None:
        if direction > 0:
            self.focus_next(WrittenText)
        else:
            self.focus_previous(WrittenText)

    def action_clear(self) -> None:
        for part in PARTS:
            self._text(part).clear()
        self._text(PARTS[0]).focus()

    @on(WrittenText.Changed)
    def _changed(self, event: WrittenText.Changed) -> None:
        part = event.text_area.id or ""
        self._texts[part] = self._text(part).whole_text
        if self._judged:
            self._say_whether_changed()

    def _say_whether_changed(self) -> None:
        is_on_screen = all(self._text(part).whole_text == text for part, text in self._judged.items())
        self._say_state("judged" if is_on_screen else "changed since it was judged")

    def on_resize(self) -> None:
        self._say_state(self._state)

    def _say_state(self, state: str) -> None:
        self._state = state
        if self.is_mounted and self.display:
            title = f"try · {self.folder.id}"
            self.query_one("#title", Static).update(abridged(printable(title), max(12, self.size.width // 2)))
            self.query_one("#state", Static).update(Content(state), layout=False)

    def _tell(self, text: Content) -> None:
        self.query_one("#verdict", Static).update(text, layout=False)

    def _text(self, part: str) -> WrittenText:
        return self.query_one(f"#{part}", WrittenText)
