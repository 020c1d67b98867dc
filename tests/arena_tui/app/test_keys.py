"""Keys of the user's own: they work, they are shown, and what is wrong with them is told."""

import importlib
import inspect
import pkgutil
from collections import Counter
from pathlib import Path

import keys_page
import pytest
from data_profile import write_profile
from recorded import record_run
from screen import choose, planner, shown, until, until_shown
from textual.binding import ActiveBinding, Binding
from textual.screen import ModalScreen, Screen

import arena_tui
from arena_tui.app.app import ArenaApp
from arena_tui.app.bindings import PLACES, all_keys
from arena_tui.app.dialogs import keys_by_explanation
from arena_tui.screen.keymap import key_problems
from core.config import CONFIG_VARIABLE, read_config
from core.profile.settings import Profile
from core.runs.queue import Queue


@pytest.fixture
def config(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = workplace / "config.toml"
    monkeypatch.setenv(CONFIG_VARIABLE, str(path))
    return path


@pytest.mark.slow
async def test_a_changed_key_works_and_footer_and_help_show_it(runs: Path, config: Path) -> None:
    config.write_text('[keys]\nhelp = "f12"\n[keys.home]\nrun = "S,ctrl+t"\n[keys.list]\ndown = "w"\n')
    app = ArenaApp(runs, config=read_config())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "S Run", "f12 Help")
        menu = app.screen.query_one("#profiles")
        await pilot.press("j", "w")
        assert menu.highlighted == 1
        await pilot.press("r", "question_mark")
        await pilot.pause()
        assert not app.screen.is_modal
        await pilot.press("f12")
        await until(pilot, lambda: app.screen.is_modal, "the help")
        await pilot.press(*["j"] * 9)
        await until_shown(pilot, "Start the chosen profile")
        line = next(line for line in shown(app).splitlines() if "Start the chosen profile" in line)
        assert " S ctrl+t  " in line, line
        await pilot.press("escape", "S")
        await until_shown(pilot, "start mine?")


@pytest.mark.slow
@pytest.mark.parametrize("readonly", [False, True])
async def test_a_text_names_the_key_that_the_user_has_and_none_for_what_is_not_to_be_had(
    runs: Path, config: Path, readonly: bool
) -> None:
    config.write_text('[keys.home]\nrun = "S, ctrl+t"\nedit = "E"\nall-runs = "f8"\nresume = "ctrl+r"\n')
    (config.parent / "profiles" / "wrong.toml").write_text("x = 1\n")
    app = ArenaApp(runs, config=read_config(), readonly=readonly)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "none yet" if readonly else "none yet; S starts a profile")
        await choose(pilot, "wrong")
        await until_shown(pilot, "1 problem" if readonly else "1 problem; E opens them in the editor")
        record_run(runs, "20260131-120000-mine", end="cancelled", until=200)
        await until_shown(pilot, "■ cancelled mine", "1 · f8 all as a table")
        await pilot.press("tab")
        await until_shown(pilot, "stopped by you at step 200" + ("" if readonly else "; ctrl+r resumes it"))
        assert readonly == ("resumes it" not in shown(app))


@pytest.mark.parametrize("readonly", [False, True])
async def test_what_a_waiting_run_waits_for_names_the_users_keys_too(runs: Path, config: Path, readonly: bool) -> None:
    config.write_text('[keys.home]\npause-the-queue = "f9"\nadopt = "f8"\n')
    queue = Queue(runs)
    queue.pause()
    queue.add(Profile(), text="", name="ours")
    changed = queue.add(Profile(), text="", name="changed")
    changed.resolved.write_text(changed.resolved.read_text() + "# changed\n")
    app = ArenaApp(runs, config=read_config(), readonly=readonly)
    async with app.run_test(size=(200, 60)) as pilot:
        await until_shown(pilot, "◷ queued    ours")
        await pilot.press("tab")
        await until_shown(pilot, "The queue is paused; " + ("" if readonly else "f9 or ") + "arena-tui queue resume")
        await pilot.press("j")
        await until_shown(pilot, "so it does not start: " + ("" if readonly else "f8 or ") + "arena-tui queue")


async def test_what_panes_and_lists_say_of_their_keys_are_those_of_the_user(
    workplace: Path, runs: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_TUI_CACHE", str(workplace / "cache"))
    config.write_text('[keys]\nhome.pane-2 = "f9"\nlist.open = "f6"\ndata.sort = "f7"\ndata.read-again = "ctrl+t"\n')
    write_profile(workplace)
    record_run(runs, "20260131-120000-first", end="finished", steps=40)
    app = ArenaApp(runs, plan_program=planner("nothing"), config=read_config())
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "✓ finished")
        await pilot.press("v")
        await until_shown(pilot, "only for a run; f9 leads to the list of runs")
        await pilot.press("f9")
        await until_shown(pilot, "f6 opens it")
        await pilot.press("1")
        await choose(pilot, "mine")
        await pilot.press("d")
        await until_shown(pilot, "40 rows · median", "40 · f7: file order")
        (workplace / "rows.csv").touch()
        await until_shown(pilot, "the file has changed; ctrl+t reads it again")


@pytest.mark.parametrize(
    ("key", "name"),
    [("enter", "enter"), ("backspace", "backspace"), ("ctrl+r", "ctrl+r"), ("shift+up", "shift+↑"), ("slash", "/")],
)
def test_footer_help_and_manual_call_a_key_by_one_name(runs: Path, key: str, name: str) -> None:
    binding = Binding(key, "x", "x", tooltip="what it does", id="x")
    app = ArenaApp(runs)
    assert app.get_key_display(binding) == name
    assert keys_by_explanation([ActiveBinding(app, binding, True, "")]) == [(name, "what it does")]
    assert f"| `{name}` | what it does | `x` |" in "\n".join(keys_page._table("X", [binding]))


async def test_unknown_names_no_keys_and_taken_ones_are_told_with_their_line(runs: Path, config: Path) -> None:
    config.write_text('[keys]\nhlep = "f12"\nmonitor.stop = "ctrl+"\nhome.edit = "r"\n')
    app = ArenaApp(runs, config=read_config())
    async with app.run_test(size=(120, 30)) as pilot:
        await until_shown(pilot, "line 2: keys.hlep = 'f12': unknown; did you mean help?")
        await until_shown(pilot, "line 3: keys.monitor.stop = 'ctrl+': ctrl+ is not a key")
        await until_shown(pilot, "line 4: keys.home.edit = 'r': r is also home.run's")


@pytest.mark.parametrize(
    ("keys", "sign"),
    [
        ({"monitor.stop": "z"}, "z is also monitor.zoom's"),
        ({"monitor.stop": "q"}, "q is also quit's"),
        ({"monitor.stop": "z", "monitor.zoom": "s"}, ""),
        ({"monitor.stop": "e"}, ""),
        ({"monitor.stop": "?"}, "question_mark is also help's"),
        ({"monitor.stop": "fn+s"}, "fn+s is not a key"),
        ({"monitor.stop": "ctrl+shift+f5, é, left_square_bracket, question_mark"}, "question_mark is also help's"),
        ({"[red]x[/red]": "s"}, "arena-tui config lists all"),
    ],
)
def test_which_keys_meet(keys: dict[str, str], sign: str) -> None:
    told = [problem.message for problem in key_problems(keys, {}, list(all_keys(ArenaApp.BINDINGS)))]
    assert (not told) if not sign else len(told) == 1 and sign in told[0], told


def test_the_usual_keys_are_all_named_once_and_do_not_meet() -> None:
    names = Counter(binding.id for binding in all_keys(ArenaApp.BINDINGS))
    assert [name for name, count in names.items() if count > 1] == []
    usual = {binding.id or "": binding.key for binding in all_keys(ArenaApp.BINDINGS)}
    assert key_problems(usual, {}, list(all_keys(ArenaApp.BINDINGS))) == []


def test_every_screen_that_is_no_dialog_has_named_keys() -> None:
    for module in pkgutil.walk_packages(arena_tui.__path__, "arena_tui."):
        if module.name.endswith("__main__"):
            continue
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            is_ours = kind.__module__ == module.name and issubclass(kind, Screen)
            if is_ours and not issubclass(kind, ModalScreen) and "BINDINGS" in vars(kind):
                assert kind in PLACES, f"{kind.__name__} is missing from arena_tui/app/bindings.py"
                assert all(isinstance(binding, Binding) and binding.id for binding in kind.BINDINGS), kind
