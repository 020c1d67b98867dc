"""Paths that are written: tab completes them, and a wrong one stays to be corrected."""

from pathlib import Path

import pytest
from recorded import record_run
from screen import choose, shown, until, until_shown
from textual.pilot import Pilot
from textual.widgets import Input

from arena_tui.app.app import ArenaApp
from arena_tui.dialogs.path_input import candidates


@pytest.fixture
def files(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, and a home folder, with something in them."""
    monkeypatch.setenv("HOME", str(workplace / "home"))
    for name in ("rows-a.csv", "rows-b.csv", "data/inner/test.csv", "home/far.csv", ".hidden.csv", "odd\x1b.csv"):
        (workplace / name).parent.mkdir(parents=True, exist_ok=True)
        (workplace / name).touch()
    return workplace


@pytest.mark.parametrize(
    ("written", "becomes", "names"),
    [
        ("ro", "rows-", ["rows-a.csv", "rows-b.csv"]),
        ("rows-a", "rows-a.csv", []),
        ("da", "data/", []),
        ("data/", "data/inner/", []),
        ("data/inner/t", "data/inner/test.csv", []),
        ("./da", "./data/", []),
        ("~", "~/", []),
        ("~/f", "~/far.csv", []),
        ("nothing", "nothing", []),
        (".h", ".hidden.csv", []),
        ("odd", "odd", []),
        ("", "", ["data/", "home/", "mine.csv", "profiles/", "rows-a.csv", "rows-b.csv"]),
    ],
)
@pytest.mark.usefixtures("files")
def test_a_path_is_completed_as_far_as_it_is_certain(written: str, becomes: str, names: list[str]) -> None:
    assert candidates(written, (".csv",)) == (becomes, names)


@pytest.mark.usefixtures("files")
def test_of_files_those_of_a_kind_are_offered() -> None:
    assert candidates("", (".toml",)) == ("", ["data/", "home/", "profiles/"])
    with pytest.raises(OSError, match="No such file"):
        candidates("absent/x", ("",))


async def write(pilot: Pilot[None], text: str) -> None:
    names = {".": "full_stop", "/": "slash", "~": "tilde", "-": "minus"}
    await pilot.press("ctrl+u", *(names.get(character, character) for character in text))


async def test_the_rows_of_a_prediction_are_completed_and_wrong_ones_stay_to_be_corrected(files: Path) -> None:
    run = record_run(files / "runs", "20260131-120000-done", end="finished", steps=20)
    run.adapter.mkdir()
    (run.adapter / "adapter_config.json").write_text("{}")
    (run.adapter / "adapter_model.safetensors").touch()
    app = ArenaApp(files / "runs", watch=run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "✓ finished", "P predict")
        await pilot.press("P")
        await until_shown(pilot, "predict which rows?", "tab  complete")
        line = app.screen.query_one(Input)
        await write(pilot, "ro")
        await pilot.press("tab")
        await until_shown(pilot, "rows-a.csv  rows-b.csv")
        assert line.value == "rows-"
        await pilot.press("x", "enter")
        await until_shown(pilot, "rows-x: no such file")
        assert (line.value, line.has_focus) == ("rows-x", True)
        await pilot.press("y")
        await until(pilot, lambda: "no such file" not in shown(app), "that it is another path")
        await write(pilot, "absent/x")
        await pilot.press("tab")
        await until_shown(pilot, "absent/: no such file or directory")
        await write(pilot, "zz")
        await pilot.press("tab")
        await until_shown(pilot, "no match")
        await pilot.press("escape")
        await until(pilot, lambda: "predict which rows?" not in shown(app), "the run")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("mine.csv/x", "mine.csv cannot be written to."),
        ("data/inner.toml", "This is a folder: name a file in it."),
        ("x" * 300, "This is not a valid path: File name too long."),
        ("~nobody-of-that-name/x", ""),
    ],
    ids=["in a file", "folder", "too long", "nobody's home"],
)
async def test_where_no_profile_can_be_saved_the_path_stays_to_be_corrected(files: Path, path: str, says: str) -> None:
    (files / "data" / "inner.toml").mkdir()
    app = ArenaApp(files / "runs")
    async with app.run_test(size=(80, 24)) as pilot:
        await choose(pilot, "mine")
        await pilot.press("e")
        await until_shown(pilot, "can be run")
        await pilot.press("f3")
        await until_shown(pilot, "save as", "tab  complete")
        line = app.screen.query_one(Input)
        line.value = path
        await pilot.press("enter")
        if says:
            await until_shown(pilot, says)
            assert line.value == path
        else:  # a folder of that name, as a shell takes it
            await until(pilot, lambda: Path(f"{path}.toml").exists(), "the file")
