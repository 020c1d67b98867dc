"""The data screen: its figures are the inspection's, its limit moves, its rows show their cut, nothing is obeyed."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import scripted_plan
from data_profile import PROFILE, write_rows
from msgspec.structs import replace
from screen import children, planner, shown, until, until_shown
from small_tokenizer import write_tokenizer
from textual.containers import VerticalScroll
from textual.pilot import Pilot

from arena_tui.app.app import ArenaApp
from arena_tui.dataset.cuts import cost_lines
from arena_tui.dataset.row_pane import Filter, RowPane
from arena_tui.dataset.screen import DataScreen
from arena_tui.format import numbers
from arena_tui.rows.reader import RowScreen
from arena_tui.rows.text import MOST_DRAWN, ShownRow, ShownSequence, part_text, sequence_text
from arena_tui.rows.view import Inspected, by_group, outlook
from arena_tui.screen import profiles
from core.data.example import Frame
from core.data.kept import spans
from core.data.shape import RowCounts, shape_of
from core.data.truncation import keep
from core.engine.fit import parts
from core.engine.memory import on_processor
from core.inspect.cuts import Cut, CutReport, cut, report
from core.inspect.lookup import read_row
from core.inspect.protocol import INSPECT
from core.plan.protocol import MemoryPlan, ProcessorPlan
from core.profile.token_settings import Tokens

pytestmark = pytest.mark.slow


@pytest.fixture
def profile(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARENA_TUI_CACHE", str(workplace / "cache"))
    write_rows(workplace / "rows.csv")
    path = workplace / "profiles" / "small.toml"
    path.write_text(PROFILE.format(folder=write_tokenizer(workplace / "tokenizer")))
    return path


async def open_data(
    pilot: Pilot[None], path: Path, program: Sequence[str] = INSPECT, plan: str = "nothing"
) -> DataScreen:
    """The screen on a profile, with all rows read."""
    screen = DataScreen(profiles.read(path), path.parent / "runs", program, planner(plan))
    await pilot.app.push_screen(screen)
    await until(
        pilot, lambda: screen.problem or (screen.inspection.seen and not screen.inspection.seen.is_sample), "all rows"
    )
    await until(pilot, lambda: not any(worker.group == "plan" for worker in screen.workers), "the plan's end")
    await until(pilot, lambda: screen.problem or screen.query_one(RowPane).table.chosen is not None, "the list of rows")
    await until(pilot, lambda: not children(), "the end of the child")
    return screen


def listed(screen: DataScreen) -> list[int]:
    return screen.query_one(RowPane).table.numbers.tolist()


def cut_report(seen: Inspected, tokens: Tokens) -> CutReport:
    sides = {"train": seen.sides.train, "eval": seen.sides.eval}
    return report(seen.rows, seen.outcomes, sides, tokens, cut(seen.rows, tokens, seen.frame))


async def test_d_on_home_opens_the_chosen_profile_and_shows_what_the_inspection_found(profile: Path) -> None:
    app = ArenaApp(profile.parent / "runs", plan_program=planner("nothing"))
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "small")
        menu = app.screen.query_one("#profiles")
        menu.highlighted = [Path(option.id).stem for option in menu.options].index("small")
        await pilot.pause()
        await pilot.press("d")
        await until_shown(pilot, "40 rows · median", "limit 256 · right", "B gone")
        screen = app.screen
        assert isinstance(screen, DataScreen)
        found = cut_report(screen.inspection.seen, Tokens(max_length=256))
        assert 0 < found.response_b_lost < found.rows_over
        percentiles = screen.inspection.seen.lengths.percentiles
        await until_shown(pilot, " ".join(f"p{p} {percentiles[p]}" for p in (50, 90, 99)))
        lines = {line.split("│")[-2].strip() for line in shown(app).splitlines()[2:12]}
        assert any(f"! B gone {found.response_b_lost:>12}" in line for line in lines), lines
        assert any(line.startswith("rows over") and f" {found.rows_over} " in line for line in lines), lines
        await until_shown(pilot, "longest-first", "> 256", "> right")
        await until(pilot, lambda: not children(), "the end of the children")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_moved_limit_takes_every_figure_along_and_o_brings_it_back(
    profile: Path, size: tuple[int, int]
) -> None:
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=size, notifications=True) as pilot:
        screen = await open_data(pilot, profile)
        await pilot.press("right", "greater_than_sign", "left", "t")
        await until_shown(pilot, "limit 768 · left", "profile: 256 · right; w writes this")
        found = cut_report(screen.inspection.seen, Tokens(max_length=768, truncation="left"))
        await until_shown(pilot, f"rows over   {found.rows_over:>7}")
        await pilot.press("f")
        await until(pilot, lambda: len(listed(screen)) == found.rows_over)
        await pilot.press("o")
        await until_shown(pilot, "limit 256 · right", "as in the profile")
        await pilot.press(*["less_than_sign"] * 9)
        await until_shown(pilot, "limit 64 ")


async def test_a_limit_that_leaves_no_room_for_text_is_refused_with_the_reason(profile: Path) -> None:
    profile.write_text(profile.read_text() + 'ellipsis = "[... cut here ...]"\n')
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await open_data(pilot, profile)
        await pilot.press("less_than_sign")
        await until_shown(pilot, "ellipses", "limit 256 · right")


async def test_w_writes_limit_and_strategy_and_keeps_the_comments(profile: Path) -> None:
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await open_data(pilot, profile)
        await pilot.press("right", "t", "w")
        await until_shown(pilot, "written: profiles/small.toml", "as in the profile")
        text = profile.read_text()
        assert "max_length = 320  # as the recipe's, but smaller" in text
        assert 'truncation = "left"' in text
        assert text.startswith("# my notes")


async def test_a_copy_that_is_taken_back_behind_a_row_leaves_the_shipped_profile_in_its_place(
    profile: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = profile.rename(workplace / profile.name)
    monkeypatch.setattr(profiles, "shipped_profiles", lambda: [shipped])
    app = ArenaApp(workplace / "runs")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        screen = await open_data(pilot, shipped)
        await pilot.press("right", "w")
        await until_shown(pilot, "written: profiles/small.toml", "as in the profile")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RowScreen), "a row")
        await pilot.press("u")
        await until(pilot, lambda: not profile.exists(), "the copy gone")
        await until_shown(pilot, "undone")
        await pilot.press("escape")
        await until(pilot, lambda: screen.problem or screen.inspection.profile.path == shipped, "a profile")
        assert not screen.problem
        await until_shown(pilot, "40 rows · median", "as in the profile", "limit 256 · right")
        await until(pilot, lambda: not children(), "the end of the child")


async def test_the_row_that_is_chosen_stays_in_sight_on_a_smaller_terminal(profile: Path) -> None:
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_data(pilot, profile)
        table = screen.query_one(RowPane).table
        await pilot.press(*["down"] * table.page)
        last = f"> {2**40 + table.cursor}"
        await until_shown(pilot, last)
        await pilot.resize_terminal(120, 24)
        await until_shown(pilot, last)


AS_THE_FIRST_ROWS_AT_THE_SECOND_TIME = """\
import json, pathlib, subprocess, sys, time
told = subprocess.run([sys.executable, "-P", "-m", "core.inspect", sys.argv[1]], capture_output=True).stdout.decode()
mark = pathlib.Path("was-read")
if mark.exists():
    last = json.loads(told.splitlines()[-1])
    print(json.dumps({"rows": 50, "rows_total": 90, "sample": last["whole"], "frame": last["frame"]}), flush=True)
    time.sleep(60)
mark.touch()
print(told, flush=True)
"""


async def test_what_was_found_is_forgotten_once_the_rows_are_others_and_sought_when_all_are_read(profile: Path) -> None:
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        screen = await open_data(pilot, profile, [sys.executable, "-c", AS_THE_FIRST_ROWS_AT_THE_SECOND_TIME])
        await pilot.press("slash", *"needle", "enter")
        await until(pilot, lambda: listed(screen) == [33], "the row with that text")
        write_rows(Path("rows.csv"), count=50)
        await pilot.press("ctrl+r")
        await until_shown(pilot, "a sample: the first 50 rows")
        await until(pilot, lambda: listed(screen) == list(range(50)), "all of them")
        await pilot.press("f")
        await until_shown(pilot, "rows: over the limit")
        await pilot.press("slash")
        await until_shown(pilot, "rows can be searched once all rows have been read")


async def test_a_leak_into_evaluation_is_ended_with_one_key(profile: Path) -> None:
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        screen = await open_data(pilot, profile)
        await pilot.press("shift+tab")
        leaked = screen.inspection.seen.hygiene.eval_rows_with_leaked_prompt
        assert leaked == 8  # every fifth of 40 rows, and every prompt is there twice
        await until_shown(pilot, f"! {leaked} evaluation rows (100 %) share a prompt", "p sets split.by")
        await pilot.press("p")
        await until_shown(pilot, "no evaluation row shares a prompt with a training row")
        assert 'by = "prompt"' in profile.read_text()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_rows_whose_prompt_is_evaluated_too_are_left_out_with_one_key(
    profile: Path, size: tuple[int, int]
) -> None:
    write_rows(Path("more.csv"), 4, first_id=7)
    write_rows(Path("own.csv"), 10)
    text = profile.read_text().replace('"rows.csv"', '["rows.csv", "more.csv"]\neval = "own.csv"')
    profile.write_text(text)
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=size, notifications=True) as pilot:
        screen = await open_data(pilot, profile)
        await until_shown(pilot, "54 rows")
        await pilot.press("shift+tab")
        # Five prompts are evaluated; each stands twice in rows.csv, the first two in more.csv too.
        await until_shown(pilot, "! 14 training rows have a prompt of data.eval; p sets data.drop_leaks = true")
        await pilot.press("p")
        await until_shown(pilot, "14 training rows that share a prompt with data.eval are left out")
        assert "drop_leaks = true" in profile.read_text()
        sides = screen.inspection.seen.sides
        assert (int(sides.train.sum()), int(sides.eval.sum()), sides.left_out) == (30, 10, 14)
        Path("own.csv").write_text(Path("own.csv").read_text() + "\n")
        await until_shown(pilot, "the file has changed")


async def test_without_a_split_no_prompt_leaks(profile: Path) -> None:
    profile.write_text(profile.read_text() + '[split]\nby = "none"\n')
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_data(pilot, profile)
        await pilot.press("shift+tab")
        await until_shown(pilot, "nothing is evaluated: all rows are trained on")
        await pilot.press("p")
        await until_shown(pilot, "Nothing is evaluated:")


async def test_rows_are_filtered_sorted_and_searched(profile: Path) -> None:
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await open_data(pilot, profile)
        await until(pilot, lambda: listed(screen) == list(range(40)))
        await pilot.press(*["f"] * 5)
        await until_shown(pilot, "rows: identical answers")
        assert listed(screen) == [0, 8, 16, 24, 32]
        await pilot.press("s")
        full = screen.inspection.seen.full
        assert [full[n] for n in listed(screen)] == sorted(full[[0, 8, 16, 24, 32]], reverse=True)
        await pilot.press("f", "f", "slash")
        await until_shown(pilot, "a text, or an id; enter searches, esc ends the search")
        await pilot.press(*"NEEDLE")
        await until_shown(pilot, " NEEDLE ")
        await pilot.press("enter")
        await until(pilot, lambda: listed(screen) == [33], "the row with that text")
        await pilot.press("escape")
        assert app.screen is screen
        await pilot.press("slash", *str(2**40 + 7), "enter")
        await until(pilot, lambda: listed(screen) == [7], "the row with that id")


async def test_rows_strategies_and_orders_are_chosen_from_lists(profile: Path) -> None:
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await open_data(pilot, profile)
        for key, steps, title, choices, sign in (
            ("F", 5, "which rows?", ("over the limit", "an empty answer"), "rows: identical answers"),
            ("S", 1, "in which order?", ("file order", "most lost first"), "s: longest first"),
            ("T", 1, "which truncation strategy?", ("left", "longest-first"), "limit 256 · left"),
        ):
            await pilot.press(key)
            await until_shown(pilot, title, *choices)
            await pilot.press(*["j"] * steps, "enter")
            await until_shown(pilot, sign)
        await pilot.press("F")
        await until(pilot, lambda: app.screen.is_modal, "the list")
        assert app.screen.query_one("#chosen").highlighted == 5, "the one that holds now"
        await pilot.press("escape")
        assert app.screen is screen


async def test_a_row_in_full_shows_the_cut_where_the_model_meets_it(profile: Path) -> None:
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_data(pilot, profile)
        await pilot.press("end", "up", "enter")
        await until_shown(pilot, f"row {2**40 + 38}", "39 of 40 listed")
        assert isinstance(app.screen, RowScreen)
        [row] = app.screen._row.sequences
        assert [row.ids] == read_row(screen.inspection.seen.source, 38).ids
        last = spans(row.kept, row.shape, 0)[-3][1]  # the first token that the model is not shown
        first_of_b = row.shape.stretches(0)[-2].first
        lost = len(row.ids) - max(last, first_of_b)
        await until_shown(pilot, f"✂ {lost} lost", f"! nothing of {lost} tokens shown")
        await pilot.press("N")
        await until_shown(pilot, f"row {2**40 + 37}", "38 of 40 listed", "B · right · won")
        await pilot.press("m")
        await until_shown(pilot, "<bos><prompt>:")
        await pilot.press("i")
        await until_shown(pilot, "<bos>2 ")
        await pilot.press("escape")
        await until(pilot, lambda: screen.query_one(RowPane).table.chosen == 37)


async def test_the_list_shows_how_a_prompt_begins_where_there_is_room(profile: Path) -> None:
    with Path("rows.csv").open("a") as file:
        file.write('7,m,n,"[""\\u001b[2J[red]x[/red]\\n  next"", ""turn""]","[]","[]",1,0,0\n')
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=(120, 40)) as pilot:
        await open_data(pilot, profile)
        await until_shown(pilot, "B lost  prompt begins", "question a  ", "question c a a  ")
        await pilot.press("end")
        await until_shown(pilot, "␛[2J[red]x[/red] next")
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "prompt begins" not in shown(app), "no room")


async def test_a_row_opens_where_it_is_cut_and_keys_lead_to_the_next_cut(profile: Path) -> None:
    texts = [("a", "a"), ("a\n" * 60, "a\n" * 150), ("a", "a"), ("a", "a " * 300)]
    rows = [f"{n},m,n,{_cell(p)},{_cell(a)},{_cell('b ' * 90)},1,0,0\n" for n, (p, a) in enumerate(texts)]
    head, *_ = Path("rows.csv").read_text().splitlines(keepends=True)
    Path("rows.csv").write_text("".join([head, *rows]))
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=(100, 24), notifications=True) as pilot:
        await open_data(pilot, profile)
        await pilot.press("enter")
        await until_shown(pilot, "row 0", "1 of 4 listed")
        await pilot.press("x")
        await until_shown(pilot, "This row is not cut.")
        await pilot.press("X")
        await until_shown(pilot, "row 1", "2 of 4 listed", "✂ ")
        scroll = app.screen.query_one(VerticalScroll)
        of_a = next(line for line in shown(app).splitlines() if "lost" in line)
        at = scroll.scroll_y
        await pilot.press("x")
        await until(pilot, lambda: scroll.scroll_y > at and shown(app).count("lost b") == 1, "the cut of B")
        await pilot.press("x")
        await until(pilot, lambda: scroll.scroll_y == at and of_a in shown(app), "that of A again")
        await pilot.press(*["pageup"] * 9)
        await until(pilot, lambda: of_a not in shown(app), "the beginning")
        await pilot.press("x")
        await until(pilot, lambda: scroll.scroll_y == at and of_a in shown(app), "the next that is seen")
        await pilot.press("X")
        await until_shown(pilot, "row 3", "4 of 4 listed")
        await pilot.press("X")
        await until_shown(pilot, "No row after this one is cut.")
        assert at > 60
        assert scroll.scroll_y == 0  # all of its cut is in sight


def _cell(text: str) -> str:
    return '"' + json.dumps([text]).replace('"', '""') + '"'


async def test_hostile_rows_are_only_shown(profile: Path) -> None:
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=(80, 24)) as pilot:
        await open_data(pilot, profile)
        await pilot.press("home", "enter")
        await until_shown(pilot, "[red]x[/red] [/] ␛[2J␇ \\u202egnp.exe", "[b]m0[/b]␛[2J")
        await pilot.press("m")
        await until_shown(pilot, "<bos><prompt>:")
        assert not set(shown(app)) & {"\x1b", "\u202e", "\x07"}


async def test_a_changed_file_is_noticed_and_read_again_with_one_key(profile: Path) -> None:
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=(120, 40)) as pilot:
        await open_data(pilot, profile)
        write_rows(Path("rows.csv"), count=50)
        await until_shown(pilot, "! the file has changed; ctrl+r reads it again")
        await pilot.press("ctrl+r")
        await until_shown(pilot, "50 rows · median")
        await until(pilot, lambda: not children(), "the end of the child")


async def test_a_bad_row_is_named_with_the_way_out(profile: Path) -> None:
    with Path("rows.csv").open("a") as file:
        file.write('7,m,n,"[red]not json[/red]","[]","[]",1,0,0\n')
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await open_data(pilot, profile)
        await until(pilot, lambda: screen.problem)
        await until_shown(pilot, "✗", "rows.csv", "e edits the profile")
        await pilot.press("e")
        await until_shown(pilot, "my notes")


@pytest.mark.parametrize("program", [["/nowhere"], [sys.executable, "-c", "print('no answer')"]])
async def test_a_child_that_never_answers_is_a_problem_with_a_way_out(profile: Path, program: list[str]) -> None:
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=(80, 24)) as pilot:
        await open_data(pilot, profile, program)
        await until_shown(pilot, "✗", "ctrl+r reads again")


async def test_memory_and_time_follow_the_limit(profile: Path) -> None:
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_data(pilot, profile, plan="ok")
        await until(pilot, lambda: screen.what_if.plan, "the plan")
        await until_shown(pilot, "memory", "fits", "to train")
        costs = cost_lines(screen.what_if.plan, screen.inspection.settings, screen.what_if.own, screen.what_if.own)
        await until_shown(pilot, costs[0][1], costs[1][1])
        await pilot.press("<")
        smaller = outlook(screen.inspection.seen, screen.inspection.settings, Tokens(max_length=64))
        [memory, time] = cost_lines(screen.what_if.plan, screen.inspection.settings, smaller, screen.what_if.own)
        assert memory[3].startswith("−")
        assert time[3].startswith("−")
        await until_shown(pilot, *memory[1:], *time[1:])


@pytest.mark.parametrize(("free", "verdict"), [(1 << 40, "fits"), (1 << 30, "does not fit")])
async def test_without_a_card_the_memory_is_that_of_the_processor_as_in_the_plan(
    profile: Path, free: int, verdict: str
) -> None:
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_data(pilot, profile)
        settings, own = screen.inspection.settings, screen.what_if.own
        shape, longest = scripted_plan.MEMORY.shape, int(own.cut.longest.max())
        held = parts(settings, shape, precision="fp32", longest=longest, is_packed=False, free=None)
        planned = on_processor(held, settings, shape)
        memory: MemoryPlan = replace(
            scripted_plan.MEMORY,
            card=None,
            free=None,
            verdict=None,
            processor=ProcessorPlan(precision="fp32", parts=planned, free=free, verdict=verdict),
        )
        screen.what_if.plan = replace(scripted_plan.WHOLE, memory=memory)
        await until_shown(pilot, f"{numbers.gib(planned.total)}  {verdict}")
        await pilot.press("<")
        await until_shown(pilot, "−")


async def test_what_a_limit_costs_in_time_is_unknown_until_a_run_has_told(profile: Path) -> None:
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=(80, 24)) as pilot:
        await open_data(pilot, profile, plan="no time")
        await until_shown(pilot, "unknown here")


async def test_leaving_ends_the_child(profile: Path) -> None:
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=(80, 24)) as pilot:
        told = json.dumps({"rows": 5, "rows_total": 70})
        waits = [sys.executable, "-c", f"import time; print({told!r}, flush=True); time.sleep(60)"]
        await app.push_screen(DataScreen(profiles.read(profile), profile.parent / "runs", waits))
        await until_shown(pilot, "5 of about 70 rows")
        assert len(children()) == 1
        await pilot.press("escape")
        await until(pilot, lambda: not children(), "the end of the child")


async def test_figures_of_the_first_rows_are_marked_with_their_error(profile: Path) -> None:
    waits = """\
import subprocess, sys, time, json
told = subprocess.run([sys.executable, "-P", "-m", "core.inspect", sys.argv[1]], capture_output=True).stdout
last = json.loads(told.splitlines()[-1])
print(json.dumps({"rows": 40, "rows_total": 4000, "sample": last["whole"], "frame": last["frame"]}), flush=True)
time.sleep(60)
"""
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        screen = DataScreen(profiles.read(profile), profile.parent / "runs", [sys.executable, "-c", waits])
        await app.push_screen(screen)
        await until_shown(pilot, "a sample: the first 40 rows, ±14.7 at most · read 40 of about 4,000 rows")
        n = screen.inspection.seen.margin(cut_report(screen.inspection.seen, Tokens(max_length=256)).rows_over)
        await until_shown(pilot, f"±{100 * n:.1f}", "limit 256 · right · first 40 rows", "> 1099511627776")
        await pilot.press("enter")
        await until_shown(pilot, "once all rows have been read")
        await pilot.press("escape")
        await until(pilot, lambda: not children(), "the end of the child")


def test_a_row_of_any_length_is_drawn_at_its_cuts() -> None:
    n = 100_000
    shape = shape_of([RowCounts((0, 0), [[1, 1, 1]], [[5, n, n]])], [np.zeros(0, dtype=int)], by_round=False)
    frame = Frame([2], [1], [])
    kept = keep(shape, Tokens(max_length=120_000, truncation="head-tail"), frame)
    row = ShownRow(
        [ShownSequence([65] * int(shape.total[0]), shape, kept, frame, [bytes([i]) for i in range(256)], (0, 1, 2))]
    )
    text = part_text(row, 1).plain
    lost = int(kept.resume[0, 1] - kept.end[0, 1])
    assert f"✂ {lost:,} lost " in text
    assert "are not drawn" in text
    assert len(text) < 3 * MOST_DRAWN + 200
    assert len(sequence_text(row, with_ids=False).plain) < 12 * MOST_DRAWN


@pytest.mark.parametrize(
    ("strategy", "parts", "sequence"),
    [
        ("right", ["pp", "aaaa\ncccc", "bbbbb✂ 5 lost \nddddd"], "{<PAaaaaBbbbbb⏎\nPppAcccc...>>>"),
        ("left", ["pp", "✂ 4 lost aaaa ✂\ncccc", "✂ 3 lost bbb ✂bb\nddddd"], "{<PAB...bb⏎\nPppA...ccccBddddd>>>"),
        (
            "head-tail",
            ["✂ 2 lost pp", "aaaa✂ 3 lost \nccc ✂c", "bb✂ 3 lost bbb ✂\nddddd"],
            "{<P...Aaaaa...Bbb...⏎\nPAcBddddd>>>",
        ),
        (
            "rounds",
            ["pp", "a✂ 3 lost aaa ✂\ncccc", "b✂ 4 lost bbbb ✂\nddddd"],
            "{<PAa...Bb...⏎\nPppAccccBddddd>>>",
        ),
    ],
)
def test_round_by_round_each_turn_has_its_line_and_ellipses_stand_where_something_is_lost(
    strategy: str, parts: list[str], sequence: str
) -> None:
    counts = RowCounts((2, 3), [[1, 1, 1], [2, 1, 1]], [[0, 4, 5], [2, 4, 5]])
    shape = shape_of([counts], [np.zeros(0, dtype=int)], by_round=True)
    frame = Frame([256], [257], [258])
    kept = keep(shape, Tokens(max_length=29, truncation=strategy), frame)
    ids = list(b"{<PAaaaaBbbbbb\nPppAccccBddddd>>>")
    pieces = [*(bytes([i]) for i in range(256)), b"<bos>", b"<eos>", b"..."]
    row = ShownRow([ShownSequence(ids, shape, kept, frame, pieces, (0, 1, 2))])
    assert [part_text(row, part).plain for part in range(3)] == parts
    assert sequence_text(row, with_ids=False).plain == f"<bos>{sequence}<eos>"


async def test_of_rows_without_ties_none_are_listed_and_two_outcomes_are_told(profile: Path) -> None:
    rows = [
        {"id": n, "prompt": f"question {n}", "response_a": "left" + " a" * n, "response_b": "right", "winner": winner}
        for n, winner in enumerate(["model_a", "model_b"] * 5)
    ]
    (profile.parent.parent / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    profile.write_text(profile.read_text().replace("rows.csv", "rows.jsonl"))
    app = ArenaApp(profile.parent / "runs")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_data(pilot, profile)
        await until_shown(pilot, "rows.jsonl as wsdm")
        assert list(by_group(screen.inspection.seen, cut_of(screen))) == ["A wins", "B wins", "train", "eval"]
        for _ in range(len(Filter) - 1):
            assert screen.query_one(RowPane).filter is not Filter.TIES
            await pilot.press("f")
        await until(pilot, lambda: screen.query_one(RowPane).filter is Filter.ALL, "the first filter again")
        await pilot.press("shift+tab")
        await until_shown(pilot, "two outcomes: no row read is a tie", "A wins", "B wins")


def cut_of(screen: DataScreen) -> Cut:
    seen = screen.inspection.seen
    assert seen
    return cut(seen.rows, screen.inspection.settings.tokens, seen.frame)


def test_answers_read_apart_are_two_sequences_and_the_prompt_is_that_with_less_left() -> None:
    counts = [RowCounts((0, 0), [[1, 1, 0]], [[3, answer, 0]]) for answer in (2, 9)]
    shapes = [shape_of([one], [np.zeros(0, dtype=int)], by_round=False) for one in counts]
    frame, pieces = Frame([256], [257], []), [*(bytes([i]) for i in range(256)), b"<bos>", b"<eos>"]

    def shown(strategy: str) -> ShownRow:
        tokens = Tokens(max_length=12, truncation=strategy)
        told = zip((b"Pqqq>aa", b"Pqqq>bbbbbbbbb"), shapes, ((0, 1, 2), (0, 2, 1)), strict=True)
        return ShownRow(
            [ShownSequence(list(ids), one, keep(one, tokens, frame), frame, pieces, parts) for ids, one, parts in told]
        )

    row = shown("right")
    assert [row.counts(part) for part in range(3)] == [(3, 3), (2, 2), (5, 9)]
    assert [part_text(row, part).plain for part in range(3)] == ["qqq", "aa", "bbbbb✂ 4 lost bbbb"]
    assert sequence_text(row, with_ids=False).plain == "<bos>Pqqq>aa<eos>\n\n<bos>Pqqq>bbbbb<eos>"
    styles = [str(span.style) for span in sequence_text(row, with_ids=False).spans]
    assert [sum(colour in style for style in styles) for colour in ("$answer-a", "$answer-b")] == [2, 5]
    assert [shown("left").counts(part) for part in range(3)] == [(0, 3), (2, 2), (8, 9)]
