"""The editor as a user meets it: help while typing, and a text that is saved verbatim or kept, never lost."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from screen import PROFILE, choose, shown, until, until_shown
from terminal import Terminal
from textual.pilot import Pilot
from textual.widgets import Input

from arena_tui.app.app import ArenaApp
from arena_tui.editor.file import draft_of
from arena_tui.editor.screen import EditorScreen
from arena_tui.home.screen import HomeScreen
from arena_tui.screen.profiles import set_in_file
from core.profile.files import SHIPPED, find_profile, read_profile
from core.profile.load import parse_profile

pytestmark = pytest.mark.slow

MINE = Path("profiles/mine.toml")
HOSTILE = (
    "# [red]x[/red] [/] \x1b[2J\x1b]0;title\x07 \u202egnp.exe\u2028\x85\x0b\ttab\r\n[data]\r\ntrain = '\ufeff'\n# end"
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARENA_TUI_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@contextmanager
def full_disk() -> Iterator[None]:
    """No file can grow beyond a few bytes, as on a full disk: the system itself refuses the write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def edit(pilot: Pilot[None], name: str = "mine") -> EditorScreen:
    """Open a profile in the editor the way a user does."""
    await choose(pilot, name)
    await pilot.press("e")
    await until(pilot, lambda: isinstance(pilot.app.screen_stack[-1], EditorScreen), "the editor")
    screen = pilot.app.screen
    assert isinstance(screen, EditorScreen)
    await until(
        pilot,
        lambda: any(sign in shown(pilot.app) for sign in ("✓ can be run", "✗", "no such file")),
        "the first check",
    )
    return screen


async def write(pilot: Pilot[None], text: str) -> None:
    for character in text:
        await pilot.press({"\n": "enter", " ": "space"}.get(character, character))


async def test_problems_appear_while_typing_with_mark_line_and_fix_and_go_when_repaired(runs: Path) -> None:
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await edit(pilot)
        await until_shown(pilot, "✓ can be run")
        await pilot.press("pagedown")
        await write(pilot, "epohs=1")
        await until_shown(
            pilot, "13✗ epohs=1", "line 13: train.epohs: unknown key; did you mean epochs?", "● not saved"
        )
        await pilot.press("f8", "tab", "tab")
        await until_shown(pilot, "13  epochs=1", "✓ can be run")
        assert "problem" not in shown(app)


async def test_a_profile_whose_rows_are_not_there_cannot_be_run(runs: Path) -> None:
    Path("mine.csv").unlink()
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await choose(pilot, "mine")
        await pilot.press("e")
        await until_shown(pilot, "! data.train: no such file")
        assert "can be run" not in shown(app)


async def test_a_profile_with_problems_opens_at_the_first_of_them(runs: Path) -> None:
    Path("profiles/bad.toml").write_text('[train]\nseed = 1\nschedule = "lineer" # x\nepochs = -2\n[data]\nq = 1\n')
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await choose(pilot, "bad")
        await until_shown(pilot, "✗ 3 problems; e opens them")
        editor = await edit(pilot, "bad")
        await until(pilot, lambda: editor.area.cursor_location == (2, len('schedule = "lineer')), "the first problem")
        await until_shown(pilot, "3✗", "4✗", "6✗", "✗ 3 problems", "Learning rate schedule")
        await pilot.press("tab", "tab")
        await until_shown(pilot, 'schedule = "linear" # x', "✗ 2 problems")
        await pilot.press("f8")
        assert editor.area.cursor_location == (3, len("epochs = -2"))
        await pilot.press("f8", "f8")
        assert editor.area.cursor_location[0] == 3


async def test_the_setting_under_the_cursor_is_explained(runs: Path) -> None:
    Path("profiles/half.toml").write_text('[train]\nprecision = "fp16"\nhead_learning_rate = 1e-5\n[tokens]\n')
    app = ArenaApp(runs)
    async with app.run_test(size=(120, 40)) as pilot:
        await edit(pilot, "half")
        await pilot.press("down")
        await until_shown(pilot, "train.precision", "Mixed precision", 'default  "auto"', 'recipe   "fp16"')
        await pilot.press("down")
        await until_shown(pilot, "a number above 0 and at most 1", "default  absent  as in the recipe")
        await pilot.press("down")
        await until_shown(pilot, "[tokens]", 'turns "parts" · max_length 1024 ·')


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_keys_and_values_are_completed(runs: Path, size: tuple[int, int]) -> None:
    app = ArenaApp(runs)
    async with app.run_test(size=size) as pilot:
        editor = await edit(pilot)
        await pilot.press("pagedown")
        await write(pilot, "opt")
        await until_shown(pilot, "optimizer =   AdamW with 8-bit state")
        await pilot.press("tab")
        await until_shown(pilot, '"adamw_8bit"', "the default", '"paged_adamw_8bit"')
        await pilot.press("down", "tab")
        assert editor.area.whole_text.endswith('optimizer = "adamw_torch"')
        await write(pilot, "\n[spl")
        await until_shown(pilot, "split]")
        await pilot.press("escape", "backspace")
        await until_shown(pilot, "split]")
        await pilot.press("tab", "enter", "tab", "down", "tab")
        assert editor.area.whole_text.endswith("\n[split]\nn_splits = ")
        await pilot.press("escape")
        await until_shown(pilot, "unsaved changes")


async def test_saving_keeps_every_comment_and_every_other_byte(runs: Path) -> None:
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await edit(pilot)
        await pilot.press("down", "down", "end", "left")
        await write(pilot, "x")
        await pilot.press("f2")
        await until_shown(pilot, "saved: profiles/mine.toml")
        await until(pilot, lambda: "● not saved" not in shown(app), "the word saved")
        assert MINE.read_text() == PROFILE.replace("mine.csv", "mine.csvx")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen), "home, without a question")
    assert not draft_of(MINE).path.exists()


@pytest.mark.parametrize("text", [HOSTILE, PROFILE.replace("\n", "\r\n"), PROFILE.rstrip(), "", "\n\n", "a\r\nb\n"])
async def test_what_is_not_touched_is_saved_verbatim_and_hostile_text_is_only_shown(runs: Path, text: str) -> None:
    MINE.write_bytes(text.encode())
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        editor = await edit(pilot)
        assert not set(shown(app)) & {"\x1b", "\u202e", "\x07", "\u2028", "\x85"}
        assert not editor.saving.is_modified
        await pilot.press("x", "backspace", "f2")
        await until_shown(pilot, "saved: profiles/mine.toml")
    assert MINE.read_bytes() == text.encode()


async def test_a_very_long_line_is_edited_without_a_wait(runs: Path) -> None:
    MINE.write_text(f"[data]\n# {'x' * 50_000}\n")
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        editor = await edit(pilot)
        await pilot.press("q")
        assert editor.area.whole_text.startswith("q[data]")
        await until_shown(pilot, "✗ 1 problem")


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", "\U0010001b".encode(), b"# " + b"x" * 60_000], ids=["bytes", "private use", "too long"]
)
async def test_what_the_editor_cannot_hold_is_refused(runs: Path, content: bytes) -> None:
    MINE.write_bytes(content)
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await choose(pilot, "mine")
        await pilot.press("e")
        await until_shown(pilot, "mine cannot be edited here", " esc  close")
        assert app.screen.query_one(".box").outer_size.height < 12, "a frame no larger than what it says"
    assert MINE.read_bytes() == content


async def test_a_shipped_profile_is_saved_as_ones_own_and_stays_as_it_is(runs: Path) -> None:
    shipped = find_profile("demo")
    before = shipped.read_bytes()
    Path("profiles/demo.toml").write_text("# another one\n")
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_shown(pilot, "demo")
        app.screen.query_one("#profiles").highlighted = 0
        await pilot.press("e")
        await until_shown(pilot, "shipped: saved as your own")
        await pilot.press("x", "f2")
        await until_shown(pilot, "A shipped profile stays as it is.", "profiles/demo-2.toml")
        await pilot.press("enter")
        await until_shown(pilot, "saved: profiles/demo-2.toml")
        await pilot.press("escape")
        await until_shown(pilot, "demo-2")
    assert shipped.read_bytes() == before
    assert Path("profiles/demo-2.toml").read_text() == "x" + before.decode()
    assert Path("profiles/demo.toml").read_text() == "# another one\n"


async def test_saving_over_another_file_asks_and_a_shipped_one_is_refused(runs: Path) -> None:
    Path("profiles/other.toml").write_text("# other\n")
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await edit(pilot)
        await pilot.press("f3", *["backspace"] * 40)
        await pilot.press("enter")
        await until_shown(pilot, "A name is needed.")
        app.screen.query_one(Input).value = str(find_profile("demo"))
        await pilot.press("enter")
        await until_shown(pilot, "Shipped profiles stay as they are")
        app.screen.query_one(Input).value = "profiles/other"
        await pilot.press("enter")
        await until_shown(pilot, "exists: enter again")
        assert Path("profiles/other.toml").read_text() == "# other\n"
        await pilot.press("enter")
        await until_shown(pilot, "profiles/other.toml", "saved")
        await until(pilot, lambda: Path("profiles/other.toml").read_text() == PROFILE, "the text in the other file")


async def test_leaving_asks_and_no_answer_loses_the_text_by_mistake(runs: Path) -> None:
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        editor = await edit(pilot)
        await pilot.press("x", "escape")
        await until_shown(pilot, "unsaved changes")
        await pilot.press("escape", "ctrl+q")
        await until_shown(pilot, "unsaved changes")
        await pilot.press("enter", "escape")
        assert editor.area.whole_text == "x" + PROFILE
        await until(pilot, lambda: draft_of(MINE).read() == "x" + PROFILE, "the draft")
        await pilot.press("escape", "d")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen), "home")
    assert MINE.read_text() == PROFILE
    assert not draft_of(MINE).path.exists()


async def test_a_change_by_another_program_is_read_or_asked_about_but_never_overwritten(runs: Path) -> None:
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        editor = await edit(pilot)
        MINE.write_text("# theirs\n")
        await until(pilot, lambda: editor.area.whole_text == "# theirs\n", "the new text, since nothing was unsaved")
        await pilot.press("x")
        MINE.write_text("# theirs again\n")
        await pilot.press("f2")
        await until_shown(pilot, "profiles/mine.toml was changed on disk")
        await pilot.press("c")
        await until_shown(pilot, "-# theirs again", "+x# theirs")
        await pilot.press("escape")
        await until_shown(pilot, "changed on disk")
        await pilot.press("escape")
        assert (MINE.read_text(), editor.area.whole_text) == ("# theirs again\n", "x# theirs\n")
        await pilot.press("f2")
        await until_shown(pilot, "changed on disk")
        await pilot.press("k")
        await until(pilot, lambda: MINE.read_text() == "x# theirs\n", "mine on disk")


async def test_a_file_that_is_gone_is_written_anew_only_when_asked(runs: Path) -> None:
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await edit(pilot)
        MINE.unlink()
        await until_shown(pilot, "is gone")
        await pilot.press("k")
        await until_shown(pilot, "● not saved")
        assert not MINE.exists()
        await pilot.press("f2")
        await until(pilot, MINE.exists, "the file")
    assert MINE.read_text() == PROFILE


async def test_a_failed_save_says_why_and_keeps_text_and_file(runs: Path) -> None:
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        editor = await edit(pilot)
        with full_disk():
            await pilot.press("x", "f2")
            await until_shown(pilot, "not saved: profiles/mine.toml", "too large")
            await until_shown(pilot, "no draft is saved: File too large")
        assert (MINE.read_text(), editor.area.whole_text) == (PROFILE, "x" + PROFILE)
        await until(pilot, lambda: "no draft is kept" not in shown(app), "a draft, once it can be written")
        await pilot.press("f2")
        await until(pilot, lambda: MINE.read_text() == "x" + PROFILE, "the saved text")
    assert sorted(path.name for path in MINE.parent.iterdir()) == ["mine.toml"]


async def test_a_folder_that_takes_no_file_is_named(runs: Path) -> None:
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await edit(pilot)
        await pilot.press("f3", *["backspace"] * 40)
        await write(pilot, "/proc/mine")
        await pilot.press("enter")
        await until_shown(pilot, "not saved: /proc/mine.toml")


async def test_differences_from_the_disk_and_from_the_defaults(runs: Path) -> None:
    app = ArenaApp(runs)
    async with app.run_test(size=(120, 40)) as pilot:
        await edit(pilot)
        await pilot.press("pagedown")
        await write(pilot, "seed=7")
        await pilot.press("f4")
        await until_shown(pilot, "+seed=7", "yours against the file on disk")
        await pilot.press("tab")
        await until_shown(pilot, "-train.seed = 42", "+train.seed = 7", "-lora.r = 16", "+lora.r = 64")


async def test_a_draft_is_offered_compared_and_restored_or_discarded(runs: Path) -> None:
    draft_of(MINE).write("# draft\n" + PROFILE)
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await choose(pilot, "mine")
        await pilot.press("e")
        await until_shown(pilot, "profiles/mine.toml has a draft from", "never saved")
        await pilot.press("c")
        await until_shown(pilot, "+# draft")
        await pilot.press("escape")
        await until_shown(pilot, "an unsaved draft")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen), "home, with the draft still there")
        assert draft_of(MINE).read() == "# draft\n" + PROFILE
        await pilot.press("e")
        await until_shown(pilot, "an unsaved draft")
        await pilot.press("r")
        await until_shown(pilot, "1  # draft", "● not saved")
        await pilot.press("escape")
        await until_shown(pilot, "unsaved changes")
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen), "home")
    assert not draft_of(MINE).path.exists()
    assert MINE.read_text() == PROFILE


@pytest.mark.parametrize(
    ("variable", "message"), [("", "Neither $VISUAL nor $EDITOR"), ("vi", "the text was not changed")]
)
async def test_an_editor_that_cannot_be_had_is_said(
    runs: Path, monkeypatch: pytest.MonkeyPatch, variable: str, message: str
) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", variable)
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        editor = await edit(pilot)
        await pilot.press("f5")
        await until_shown(pilot, message)
        assert editor.area.whole_text == PROFILE


def open_in_terminal(terminal: Terminal) -> None:
    terminal.until_seen("mine")
    terminal.type("j")
    terminal.until_seen("mine.csv")
    terminal.type("e")
    terminal.until_seen("can be run")


def test_a_killed_console_loses_at_most_what_was_typed_in_the_last_second(runs: Path) -> None:
    with Terminal(runs.parent) as terminal:
        open_in_terminal(terminal)
        terminal.type("# unsaved work ")
        terminal.until(lambda: draft_of(MINE.absolute()).path.exists(), "the draft")
        terminal.until(lambda: (draft_of(MINE).read() or "").startswith("# unsaved work"), "all of the draft")
        terminal.process.kill()
        terminal.process.wait()
    assert MINE.read_text() == PROFILE
    with Terminal(runs.parent) as terminal:
        terminal.until_seen("mine")
        terminal.type("j")
        terminal.until_seen("mine.csv")
        terminal.type("e")
        terminal.until_seen("an unsaved draft")


def test_the_users_editor_gets_the_terminal_and_its_text_is_taken_over_unless_it_fails(
    runs: Path, tmp_path: Path
) -> None:
    editor = tmp_path / "editor.sh"
    editor.write_text('#!/bin/sh\n[ -t 0 ] && [ -t 1 ] && echo "# by hand" >> "$2"\nexit $1\n')
    editor.chmod(0o755)
    with Terminal(runs.parent, EDITOR="nothing", VISUAL=f"{editor} 0") as terminal:
        open_in_terminal(terminal)
        terminal.type("\x1b[15~")
        terminal.until_seen("is not saved yet")
        terminal.type("\x13")
        terminal.until(lambda: MINE.read_text() == f"{PROFILE}# by hand\n", "the text of the other editor")
    with Terminal(runs.parent, VISUAL=f"{editor} 3") as terminal:
        open_in_terminal(terminal)
        terminal.type("\x1b[15~")
        terminal.until_seen("exit code 3")
    assert MINE.read_text() == f"{PROFILE}# by hand\n"


@pytest.mark.usefixtures("workplace")
def test_one_value_is_set_in_ones_own_file_and_in_a_copy_of_a_shipped_one() -> None:
    assert set_in_file(MINE, [("lora.r", 8)]).path == MINE
    assert MINE.read_text() == PROFILE.replace("r = 64", "r = 8")
    Path("profiles/demo.toml").write_text("# another one\n")
    copied = set_in_file(SHIPPED / "demo.toml", [("train.seed", 7)]).path
    assert copied == Path.cwd() / "profiles" / "demo-2.toml"
    assert parse_profile(copied.read_text(), source="copy").train.seed == 7
    assert copied == set_in_file(SHIPPED / "demo.toml", [("train.seed", 7)]).path
    assert "seed" not in read_profile(SHIPPED / "demo.toml").text


@pytest.mark.usefixtures("workplace")
def test_a_file_keeps_its_permissions_and_a_link_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    MINE.rename(real)
    real.chmod(0o600)
    MINE.symlink_to(real)
    set_in_file(MINE, [("lora.r", 8)])
    assert MINE.is_symlink()
    assert "r = 8" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o600
    assert list(MINE.parent.iterdir()) == [MINE]
