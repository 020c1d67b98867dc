"""The report's screen and command: they show what the child found, mark every cut, and obey nothing."""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from evaluated import HOSTILE, evaluate, id_of, write_evaluation, write_rows
from msgspec.structs import replace
from recorded import record_run
from screen import children, shown, until, until_shown
from small_tokenizer import write_tokenizer
from textual.pilot import Pilot

from arena_tui.__main__ import main
from arena_tui.app.app import ArenaApp
from arena_tui.dialogs.ask import ChooseScreen
from arena_tui.format import numbers
from arena_tui.format.sanitize import printable
from arena_tui.report.forest import groups
from arena_tui.report.html.parts import scale_of, track
from arena_tui.report.rows import FILLS, ReportRows, probability_bar
from arena_tui.report.screen import ReportScreen
from arena_tui.report.wording import better, errors, of_ratings, points
from arena_tui.rows.reader import RowScreen
from core.profile.data_settings import Data
from core.profile.load import to_toml
from core.profile.settings import Profile
from core.profile.token_settings import Tokens
from core.report.rated import Ratings
from core.report.report import Interval
from core.runs.folder import RunFolder

pytestmark = pytest.mark.slow

ROWS = 300
SIZES = [(80, 24), (120, 40)]


@pytest.fixture
def run(workplace: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A finished run with 60 evaluated rows, and an older one of less skill."""
    monkeypatch.setenv("ARENA_TUI_CACHE", str(workplace / "cache"))
    write_rows(workplace / "train.csv", ROWS)
    settings = replace(Profile(), data=Data(train=str(workplace / "train.csv")), tokens=Tokens(max_length=160))
    for name, skill in (("20260130-120000-older", 0.2), ("20260131-120000-newer", 0.7)):
        folder = record_run(runs, name, end="finished", steps=100)
        folder.resolved.write_text(to_toml(settings))
        write_tokenizer(folder.adapter)
        evaluate(folder.path, workplace / "train.csv", swap=name.endswith("newer"), skill=skill)
    return folder


async def open_report(pilot: Pilot[None], run: RunFolder) -> ReportScreen:
    screen = ReportScreen(run)
    await pilot.app.push_screen(screen)
    await until(pilot, lambda: screen.problem or screen.seen, "the report")
    await until(pilot, lambda: not children(), "the end of the child")
    return screen


@pytest.mark.parametrize("size", SIZES)
async def test_v_on_a_finished_run_shows_all_panes_with_the_childs_figures(
    run: RunFolder, size: tuple[int, int]
) -> None:
    app = ArenaApp(run.path.parent, watch=run)
    async with app.run_test(size=size) as pilot:
        await until_shown(pilot, "✓ finished", "v report" if size[0] > 80 else "v Report")
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen) and app.screen.seen, "the report")
        report = app.screen.seen.report
        await until_shown(pilot, "60 evaluation rows", f"{report.log_loss.value:.4f}", "lengths", "averaged")
        seen = ""
        for _ in range(7):
            await pilot.press("tab")
            await pilot.pause(0.1)
            seen += shown(app)
        for group in report.groups:
            assert f"{group.log_loss:.4f}" in seen
        assert f"error {report.calibration.error:.4f}, by chance {report.calibration.by_chance:.4f}" in seen
        first, second, _ = report.confusion[0]
        assert re.search(rf"A +{first} [ ░▒▓█]+ {second} ", seen)
        assert "length bias" in seen and "position bias" in seen
        await until(pilot, lambda: not children(), "the end of the child")


@pytest.mark.parametrize("size", SIZES)
async def test_a_row_is_shown_whole_with_its_cut_and_what_both_orders_gave_it(
    run: RunFolder, size: tuple[int, int]
) -> None:
    app = ArenaApp(run.path.parent)
    async with app.run_test(size=size) as pilot:
        screen = await open_report(pilot, run)
        await pilot.press("f")
        rows = screen.query_one(ReportRows)
        await until_shown(pilot, "rows: worst", str(rows.listed[0].id), "swapped")
        cut = next(n for n, row in enumerate(rows.listed) if row.number is not None and row.remark == "")
        for _ in range(cut):
            await pilot.press("j")
        chosen = rows.chosen
        assert chosen is not None
        await pilot.press("enter")
        await until_shown(pilot, f"row {chosen.id}", f"loss {chosen.loss:.2f}")
        await until_shown(pilot, f"A {numbers.percent(chosen.probabilities[0])}", "swapped")
        await pilot.press("n", "n")
        following = rows.listed[cut + 2]
        await until_shown(pilot, f"row {following.id}", f"loss {following.loss:.2f}")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen, "the list")
        assert rows.chosen == following


async def test_the_lists_turn_round_and_say_how_many_rows_they_stand_for(run: RunFolder) -> None:
    app = ArenaApp(run.path.parent)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_report(pilot, run)
        await pilot.press("f")
        await until_shown(pilot, "rows: worst", "f: best")
        await pilot.press("f", "f", "f")
        assert screen.seen is not None
        await until_shown(
            pilot,
            f"rows: likely mislabelled, {screen.seen.report.mislabelled}, by chance ",
            "identical answers, yet a winner",
        )
        await pilot.press(*["f"] * (len(screen.query_one(ReportRows).titles) - 1))
        await until_shown(pilot, "rows: random")


async def test_a_list_of_rows_is_chosen_from_all_of_them(run: RunFolder) -> None:
    app = ArenaApp(run.path.parent)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_report(pilot, run)
        titles = screen.query_one(ReportRows).titles
        await pilot.press("F")
        await until_shown(pilot, "which rows?", *titles)
        await pilot.press("end", "enter")
        await until_shown(pilot, f"rows: {titles[-1]}")


async def test_hostile_texts_are_shown_and_not_obeyed(run: RunFolder) -> None:
    app = ArenaApp(run.path.parent)
    async with app.run_test(size=(160, 40)) as pilot:
        screen = await open_report(pilot, run)
        await pilot.press("f")
        rows = screen.query_one(ReportRows)
        while not any(row.id == id_of(5) for row in rows.listed):
            await pilot.press("f")
        for _ in range(next(n for n, row in enumerate(rows.listed) if row.id == id_of(5))):
            await pilot.press("j")
        await until_shown(pilot, "[red]x[/red] <script>")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RowScreen), "the row")
        await until_shown(pilot, f"row {id_of(5)}", printable(HOSTILE)[:30])
        assert "\x1b" not in shown(app)


async def test_c_compares_row_by_row_with_a_run_that_is_chosen(run: RunFolder) -> None:
    app = ArenaApp(run.path.parent)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_report(pilot, run)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen), "the runs")
        await until_shown(pilot, "20260130-120000-older", "this one")
        assert "newer" not in shown(app).split("compare row by row with")[1].split("this one")[0]
        await pilot.press("enter")
        await until(pilot, lambda: screen.seen and screen.seen.report.against, "the comparison")
        await until_shown(pilot, "against 20260130-120000-older", "other run", "right here")
        await pilot.press("f", *["f"] * (len(screen.query_one(ReportRows).titles) - 1))
        await until_shown(pilot, "rows: right here only")
        await until(pilot, lambda: not children(), "the end of the child")


async def test_a_run_that_cannot_be_compared_is_told_and_the_report_stays(run: RunFolder) -> None:
    older = RunFolder(run.path.parent / "20260130-120000-older")
    write_evaluation(older.evaluation, [1, 2], [0, 1], np.zeros((2, 3), dtype=np.float32))
    app = ArenaApp(run.path.parent)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        screen = await open_report(pilot, run)
        await pilot.press("c")
        await until_shown(pilot, "20260130-120000-older")
        await pilot.press("enter")
        await until_shown(pilot, "evaluated none of the rows", "log loss by group", "60 evaluation rows")
        assert screen.problem == ""
        assert "against" not in shown(app).splitlines()[0]
        await pilot.press("ctrl+r")
        await until(pilot, lambda: not screen.progress.doing and not children(), "the report again")
        assert screen.problem == ""


@pytest.mark.parametrize("where", ["home", "all runs"])
async def test_v_in_a_list_of_runs_reports_on_the_chosen_one_if_it_has_finished(run: RunFolder, where: str) -> None:
    record_run(run.path.parent, "20260201-120000-failed", end="failed", steps=10)
    app = ArenaApp(run.path.parent)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until_shown(pilot, "✗ failed", "✓ finished")
        await pilot.press(*(["tab"] if where == "home" else ["H"]))
        await until_shown(pilot, "enter opens it" if where == "home" else "3 of 3")
        await pilot.press("v")
        await until_shown(pilot, "this run has not finished")
        await pilot.press("down", "v")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen) and app.screen.seen, "the report")
        assert app.screen.folder.id == run.id
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, ReportScreen) and not children(), "the list")


async def test_a_group_of_few_rows_beyond_the_scale_is_an_arrow(run: RunFolder) -> None:
    app = ArenaApp(run.path.parent)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_report(pilot, run)
        assert screen.seen is not None
        report = screen.seen.report
    one = replace(report.groups[0], kind="by hand", name="far", rows=1, log_loss=9.0, margin=None)
    lines = groups(replace(report, groups=[*report.groups, one]), 100).plain.splitlines()
    far = next(line for line in lines if "far" in line)
    assert far.endswith("→")
    assert sum(line.endswith("→") for line in lines) == 1


async def test_what_cannot_be_told_is_said_above_the_figures(run: RunFolder, workplace: Path) -> None:
    (workplace / "train.csv").unlink()
    app = ArenaApp(run.path.parent)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await open_report(pilot, run)
        await until_shown(pilot, "! without the rows' texts, no lengths, turns, chatbots", "No such file")
        await pilot.press("enter", "enter")
        await until_shown(pilot, "rows: worst", "The text of this row is not known")


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ([sys.executable, "-c", "raise SystemExit(3)"], "ended without a result"),
        (["/no/such/program"], "no such file"),
    ],
)
async def test_a_child_that_fails_is_told_with_a_way_on(run: RunFolder, program: list[str], says: str) -> None:
    app = ArenaApp(run.path.parent)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(ReportScreen(run, program))
        await until_shown(pilot, "✗", says, "r tries again, esc goes back")


async def test_a_run_without_evaluated_rows_says_so(run: RunFolder) -> None:
    run.evaluation.unlink()
    app = ArenaApp(run.path.parent)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_report(pilot, run)
        await until_shown(pilot, "has no eval.parquet: it is written when a run")


async def test_leaving_ends_the_child(run: RunFolder) -> None:
    app = ArenaApp(run.path.parent)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(ReportScreen(run, [sys.executable, "-c", "import time; time.sleep(60)"]))
        await until(pilot, children, "the child")
        await pilot.press("escape")
        await until(pilot, lambda: not children(), "the child's end")


@pytest.mark.parametrize(
    ("probabilities", "cells"),
    [((1.0, 0.0, 0.0), [10, 0, 0]), ((1 / 3, 1 / 3, 1 / 3), [4, 3, 3]), ((0.04, 0.5, 0.46), [0, 5, 5])],
)
def test_a_bar_of_probabilities_is_always_full(probabilities: tuple[float, float, float], cells: list[int]) -> None:
    assert [len(text) for text, _ in probability_bar(probabilities, 10, FILLS)] == cells


@pytest.mark.parametrize(
    ("difference", "says"),
    [
        (Interval(-0.0042, -0.007, -0.001), "0.0042 better, 95 % interval 0.0010 to 0.0070"),
        (Interval(0.0042, -0.001, 0.007), "0.0042 worse, 95 % interval −0.0010 to 0.0070, which may be chance"),
        (Interval(-0.0042, None, None), "0.0042 better, no interval: one prompt"),
        (Interval(0.0, 0.0, 0.0), "equal in every row"),
    ],
)
def test_a_difference_in_words(difference: Interval, says: str) -> None:
    assert better(difference) == says


def test_ratings_say_how_many_are_left_out_and_of_how_many_those_listed_are_the_furthest() -> None:
    assert of_ratings(Ratings([], 20, enough=0, few=0), "a-b-tie").endswith("to be chance")
    assert of_ratings(Ratings([], 20, enough=312, few=3), "a-b-tie").endswith(
        "3 with fewer than 20 rows left out; of 312, the 0 furthest apart are listed"
    )


def test_a_difference_that_rounds_to_nothing_has_no_minus() -> None:
    assert (points(-0.0001), errors(-0.01), numbers.difference(-0.00001)) == ("+0.0", "+0.0", "+0.0000")


class TestCommand:
    def test_no_two_headings_run_together(self, run: RunFolder, capsys) -> None:  # type: ignore[no-untyped-def]
        assert main(["report", str(run.path)]) == 0
        text = capsys.readouterr().out
        assert re.search(r"outcome +rows +share +predicted +mean p +log loss +recall +precision\n", text)
        assert re.search(r"accuracy  \d+\.\d %  always (A|B|tie) \d+\.\d %\n", text)

    def test_text_fits_80_columns_and_holds_no_control_character(self, run: RunFolder, capsys) -> None:  # type: ignore[no-untyped-def]
        assert (
            main(["report", str(run.path), "--against", "older", "--runs-dir", str(run.path.parent), "--rows", "60"])
            == 0
        )
        text = capsys.readouterr().out
        assert max(map(len, text.splitlines())) <= 80
        assert "against 20260130-120000-older" in text
        assert "likely mislabelled" in text
        assert "[red]x[/red]" in text
        assert not [c for c in text if ord(c) < 32 and c != "\n"]

    def test_json_is_the_report_itself(self, run: RunFolder, capsys) -> None:  # type: ignore[no-untyped-def]
        assert main(["report", str(run.path), "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["rows"] == 60
        assert found["log_loss"]["low"] < found["log_loss"]["value"] < found["log_loss"]["high"]
        assert {"references", "classes", "confusion", "calibration", "groups", "models", "lists"} <= found.keys()

    def test_wrong_runs_are_refused(self, run: RunFolder, capsys) -> None:  # type: ignore[no-untyped-def]
        run.evaluation.unlink()
        assert main(["report", str(run.path)]) == 2
        assert "has no eval.parquet" in capsys.readouterr().err
        assert main(["report", str(run.path), "--against", "nothing-like-it"]) == 2


def starts_of(tag: str, written: str) -> list[int]:
    return [found.start() for found in re.finditer(re.escape(tag), written)]


class Page(HTMLParser):
    """Notes what a page is made of, and that every tag is closed."""

    VOID = ("meta",)

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.struck: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [f"{name}={value}" for name, value in attrs if name in ("src", "href", "srcset", "action")]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.words.append(data)
        if "del" in self._open:
            self.struck.append(data)


class TestPage:
    def test_it_is_one_file_that_loads_and_runs_nothing_and_escapes_what_it_shows(
        self, run: RunFolder, workplace: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        where = ["--runs-dir", str(run.path.parent), "--html", "page.html", "--rows", "60", "--against", "older"]
        assert main(["report", str(run.path), *where]) == 0
        assert capsys.readouterr().out == ""
        written = (workplace / "page.html").read_text()
        page = Page(written)
        assert page.addresses == []
        assert not page.tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
        assert not re.search(r"url\(|@import|https?:", written)
        assert not [c for c in written if ord(c) < 32 and c != "\n"]
        words = "".join(page.words)
        assert printable(HOSTILE) in words
        assert "Against 20260130-120000-older" in words
        assert "svg" in page.tags
        assert page.struck, "some of the rows are cut"
        assert all(written[place + 5] == "\n" for place in starts_of("<pre>", written)), "a parser drops the first"

    def test_it_says_what_ran_and_names_no_folder_of_this_machine(self, run: RunFolder, workplace: Path) -> None:
        assert main(["report", str(run.path), "--html", "page.html"]) == 0
        written = (workplace / "page.html").read_text()
        assert "gemma-2-9b-it-bnb-4bit · train.csv, fold 0 of 5 by row · at most 160 tokens, right" in written
        assert str(workplace) not in written

    def test_groups_share_one_scale_which_few_rows_do_not_stretch(self) -> None:
        scale = scale_of([0.8, 0.9, 1.0])
        drawn = track(scale, 0.9, Interval(3.8, None, None))
        assert "dot beyond" in drawn
        assert "left: 100.0%" in drawn
        within = track(scale, 0.9, Interval(0.9, 0.7, 1.0))
        assert "beyond" not in within
        assert "left: 0.0%; width: 96.3%" in within, "an interval ends where the scale does"

    def test_its_figures_are_those_of_the_report(self, run: RunFolder, workplace: Path, capsys) -> None:  # type: ignore[no-untyped-def]
        assert main(["report", str(run.path), "--json", "--html", "page.html", "--rows", "0"]) == 0
        report = json.loads(capsys.readouterr().out)
        words = " ".join(Page((workplace / "page.html").read_text()).words)
        for value in (report["log_loss"]["value"], *(r["log_loss"] for r in report["references"])):
            assert f"{value:.4f}" in words
        assert "Worst" not in words

    def test_a_page_that_cannot_be_written_is_an_error_in_words(self, run: RunFolder, capsys) -> None:  # type: ignore[no-untyped-def]
        assert main(["report", str(run.path), "--html", "/no/such/folder/page.html"]) == 1
        assert "cannot be written" in capsys.readouterr().err

    async def test_w_writes_it_into_the_runs_folder_but_not_where_nothing_may_be_written(self, run: RunFolder) -> None:
        for readonly in (True, False):
            app = ArenaApp(run.path.parent, readonly=readonly)
            async with app.run_test(size=(120, 40), notifications=True) as pilot:
                await open_report(pilot, run)
                await pilot.press("w")
                if not readonly:
                    await until_shown(pilot, "wrote ", "report.html")
                await pilot.pause()
            assert (run.path / "report.html").exists() is not readonly
        assert "Worst" in " ".join(Page((run.path / "report.html").read_text()).words)
