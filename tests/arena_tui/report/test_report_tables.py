"""What the report's panes make of figures: nothing is wrapped, cut without a mark, or told by colour alone."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from screen import shown, until_shown
from textual.screen import Screen

from arena_tui.app.app import ArenaApp
from arena_tui.report.forest import FIGURE_CELLS, groups
from arena_tui.report.rows import PLAIN_FILLS, ReportRows, probability_bar
from arena_tui.report.tables import biases, chatbots, outcomes, summary
from arena_tui.report.text import as_text
from core.config import Config, ConfigFile, Console
from core.report.rated import Ratings, Strengths
from core.report.report import (
    Against,
    Calibration,
    ClassFigures,
    Group,
    Interval,
    LengthBias,
    LengthBin,
    ListedRow,
    Lists,
    PositionBias,
    Reference,
    Report,
)

CLASS = ClassFigures(
    name="A", rows=100, predicted=61, mean_probability=0.3, log_loss=0.9, recall=0.6, precision=1.0,
    calibration=Calibration(0.05, 0.04, 15, []),
)  # fmt: skip
GROUP = Group(kind="by hand", name="many", rows=900, log_loss=1.0, margin=0.1, accuracy=1.0)
ROW = ListedRow(
    id=2**62, label=0, probabilities=(0.5, 0.3, 0.2), swapped=(0.31, 0.32, 0.37), loss=0.69, tokens=9, lost=(0, 0, 0)
)
REPORT = Report(
    run="made up",
    outcomes="a-b-tie",
    rows=300,
    log_loss=Interval(1.0, 0.9, 1.1),
    prompts=None,
    accuracy=2 / 3,
    references=[Reference("ln 3", 1.0986, "a third for each")],
    classes=[CLASS, replace(CLASS, name="B"), replace(CLASS, name="tie")],
    confusion=[[60, 30, 10], [0, 100, 0], [1, 1, 98]],
    calibration=Calibration(0.1, 0.1, 15, []),
    groups=[GROUP],
    models=None,
    pairs=None,
    length_bias=None,
    position_bias=PositionBias(
        flip_rate=Interval(0.633, 0.6, 0.66), first=Interval(0.1, 0.09, 0.11),
        swapped=Interval(1.0, 0.9, 1.1),
        averaged=Interval(1.0, 0.9, 1.1), averaged_accuracy=0.6, gain=Interval(-0.1, -0.2, 0.1),
    ),
    lists=Lists(worst=[ROW], best=[], random=[], mislabelled=[]),
    mislabelled=0,
    mislabelled_by_chance=0.0,
    against=Against(
        run="other", rows=300, only_here=0, only_there=0, difference=Interval(0.0552, -0.1631, 0.2366), log_loss=1.0,
        other_log_loss=0.9448, accuracy=0.6, other_accuracy=0.6, gained=1_534, lost=1_313,
    ),
    cautions=[],
)  # fmt: skip


TWO = replace(
    REPORT,
    outcomes="a-b",
    classes=REPORT.classes[:2],
    confusion=[[60, 40], [0, 100]],
    models=Strengths([], 20, few=0),
    pairs=Ratings([], 20, enough=0, few=0),
    length_bias=LengthBias(
        rows=9, humans=0.6, model=0.5, picked=0.7, bins=[LengthBin(name="A longer", rows=9, humans=0.6, model=0.5)]
    ),
    lists=Lists(worst=[replace(ROW, probabilities=(0.7, 0.3), swapped=(0.6, 0.4))], best=[], random=[], mislabelled=[]),
)


def test_of_two_outcomes_no_figure_is_of_a_tie() -> None:
    told = outcomes(TWO, 46).plain.splitlines()
    assert told[0].split() == ["true", "→", "A", "→", "B", "recall"]
    assert [line.split()[0] for line in told[1:3]] == ["A", "B"]
    for text in (as_text(TWO, 9), biases(TWO, 70, reads_apart=False).plain, chatbots(TWO, 70).plain, "\n".join(told)):
        assert "tie" not in text
    assert "A wins  " in biases(TWO, 70, reads_apart=False).plain
    assert "A wins, no ties" in biases(replace(TWO, outcomes="a-b-tie"), 70, reads_apart=False).plain


def test_chatbots_that_are_not_known_are_told_from_ratings_that_were_not_found() -> None:
    assert chatbots(REPORT, 70).plain == "Which chatbots answered is not known."
    assert chatbots(replace(TWO, models=None), 70).plain == "Chatbots have no ratings."


def test_what_stands_beside_the_log_loss_of_a_group_is_explained() -> None:
    assert "0.1000     100 %\n  ± is 1.96 standard errors\n" in as_text(REPORT, 0)


async def test_a_row_of_two_outcomes_has_two_figures_and_a_bar_of_two(runs: Path) -> None:
    app = ArenaApp(runs, config=ConfigFile(Path("config.toml"), Config(console=Console(ascii=True))))
    async with app.run_test(size=(80, 24)) as pilot:
        rows = await on_a_screen(app)
        rows.load(TWO)
        await until_shown(pilot, "AAAAAAAaaa    70   30    60   40")
        heading = next(line for line in shown(app).splitlines() if " won " in line)
        assert heading.split()[-4:] == ["A", "B", "swapped", "|"]


@pytest.mark.parametrize("width", [36, 46, 62])
def test_against_another_run_every_figure_has_a_line_and_a_name_of_its_own(width: int) -> None:
    lines = summary(REPORT, width).plain.splitlines()
    labels = [line[:10].strip() for line in lines]
    assert all(labels), lines  # a line without a label is the rest of the one above
    assert len(set(labels)) == len(labels)
    assert max(map(len, lines)) <= width
    assert any("difference  +0.0552  may be chance" in line for line in lines)


def test_prompts_stand_below_the_interval_that_they_are_drawn_for() -> None:
    told = [line.split() for line in summary(replace(REPORT, prompts=76), 60).plain.splitlines()]
    assert told[0] == ["log", "loss", "1.0000"]
    assert told[1:3] == [["interval", "0.9000", "to", "1.1000"], ["by", "76", "prompts"]]


def test_the_axis_holds_the_groups_and_no_label_touches_its_plot() -> None:
    """Off the scale is the exception: groups of few rows are on it, unless that leaves the others no room."""
    few = [replace(GROUP, name=name, rows=3, log_loss=loss) for name, loss in (("a", 0.85), ("b", 1.2), ("c", 9.0))]
    lines = groups(replace(REPORT, groups=[GROUP, *few]), 90).plain.splitlines()[2:6]
    assert all(line[FIGURE_CELLS:].startswith("  ") for line in lines)
    assert ["●" in line for line in lines] == [True, True, True, False]
    assert lines[3].endswith("→")


def test_outcomes_are_shades_of_one_colour_which_fill_more_or_less_of_a_cell() -> None:
    told = outcomes(REPORT, 36)
    rows = told.plain.splitlines()[1:4]
    assert [[row.count(shade) for shade in "░▒▓█"] for row in rows] == [[1, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1]]
    assert {str(span.style) for span in told.spans if told.plain[span.start] in "░▒▓█"} == {"$accent"}
    assert max(map(len, told.plain.splitlines())) <= 36


def test_a_bar_of_letters_tells_its_outcomes_by_them() -> None:
    assert [text for text, _ in probability_bar((0.5, 0.3, 0.2), 10, PLAIN_FILLS)] == ["AAAAA", "aaa", ".."]


@pytest.mark.parametrize(("is_ascii", "no_color"), [(True, None), (False, "1"), (False, None)])
async def test_bars_are_of_letters_where_nothing_has_a_colour(
    runs: Path, monkeypatch: pytest.MonkeyPatch, is_ascii: bool, no_color: str | None
) -> None:
    if no_color:
        monkeypatch.setenv("NO_COLOR", no_color)
    app = ArenaApp(runs, config=ConfigFile(Path("config.toml"), Config(console=Console(ascii=is_ascii))))
    async with app.run_test(size=(80, 24)) as pilot:
        rows = await on_a_screen(app)
        rows.load(REPORT)
        await until_shown(pilot, "AAAAAaaa.." if is_ascii or no_color else "██████████")


@pytest.mark.parametrize("width", [60, 80, 120])
async def test_figures_of_listed_rows_are_whole_at_any_width(runs: Path, width: int) -> None:
    app = ArenaApp(runs)
    async with app.run_test(size=(width, 24)) as pilot:
        rows = await on_a_screen(app)
        rows.load(REPORT)
        await until_shown(pilot, "0.69", "50   30   20    31   32   37")
        assert str(ROW.id)[-2:] + "  A" in shown(app)


async def on_a_screen(app: ArenaApp) -> ReportRows:
    """The list of rows, alone."""
    screen = Screen[None]()
    await app.push_screen(screen)
    rows = ReportRows(id="rows")
    await screen.mount(rows)
    return rows
