"""Outcomes: two or three by what rows and profile say, which is told; and what becomes of ties where there are two."""

from pathlib import Path
from typing import Any

import pytest
import tiny
from test_formats import FORMS, SINGLE, write

from core.data.example import DataError, Example, RowsRead
from core.data.rows import read_comparisons, read_examples
from core.profile.data_settings import Columns, Data, Winners
from core.profile.settings import OutcomesSetting

LMSYS = FORMS["lmsys"][0]
WSDM = FORMS["wsdm"][0]
HELPSTEER = FORMS["helpsteer"][0]
OWN = Columns(prompt="q", response_a="a", response_b="b", winner_a="yes_a", winner_b="yes_b")


def settled(folder: Path, rows: list[dict[str, Any]], data: Data, outcomes: OutcomesSetting = "auto") -> str:
    read = read_examples(write(folder, rows), data, outcomes)[1]
    return f"{read.outcomes}: {read.why}"


def test_three_outcomes_are_taken_where_the_format_has_a_place_for_a_tie_or_a_row_is_one(tmp_path: Path) -> None:
    def of(make: Any, *labels: int) -> list[dict[str, Any]]:
        return [make(number, SINGLE, label) for number, label in enumerate(labels)]

    assert settled(tmp_path, of(LMSYS, 0, 1), Data()) == "a-b-tie: winner_tie is a column"
    assert settled(tmp_path, of(FORMS["soft"][0], 0, 1), Data()) == "a-b-tie: probability_tie is a column"
    assert settled(tmp_path, of(WSDM, 0, 1), Data()) == "a-b: no row read is a tie"
    assert settled(tmp_path, of(WSDM, 0, 1, 2), Data()) == "a-b-tie: 1 row is a tie"
    assert settled(tmp_path, of(WSDM, 0, 1, 2), Data(limit=2)) == "a-b: no row read is a tie"
    dropping = Data(winners=Winners(tie=[], drop=["tie"]))
    assert settled(tmp_path, of(WSDM, 0, 1, 2), dropping) == "a-b: no row read is a tie"
    assert settled(tmp_path, of(HELPSTEER, 0, 1), Data()) == "a-b: no row read is a tie"
    assert settled(tmp_path, of(HELPSTEER, 2, 2), Data()) == "a-b-tie: 2 rows are ties"
    chosen = [{"prompt": "q", "chosen": "good", "rejected": "bad"}]
    assert settled(tmp_path, chosen, Data()) == "a-b: chosen and rejected know no tie"
    flags = [{"q": "q", "a": "a", "b": "b", "yes_a": 1, "yes_b": 0}]
    assert settled(tmp_path, flags, Data(columns=OWN)) == "a-b: no column is of ties"


def test_the_profile_has_the_last_word(tmp_path: Path) -> None:
    rows = [WSDM(0, SINGLE, 0), WSDM(1, SINGLE, 1)]
    assert settled(tmp_path, rows, Data(), "a-b-tie") == "a-b-tie: model.outcomes"
    assert settled(tmp_path, [LMSYS(0, SINGLE, 0)], Data(), "a-b") == "a-b: model.outcomes"


def test_what_is_to_become_of_ties_is_not_heeded_in_silence(tmp_path: Path) -> None:
    told = 'a-b-tie: 1 row is a tie; data.ties counts with model.outcomes = "a-b"'
    assert settled(tmp_path, [WSDM(0, SINGLE, 2), WSDM(1, SINGLE, 0)], Data(ties="half")) == told


def with_ties(folder: Path, count: int = 400) -> str:
    """Every second row is a tie."""
    return write(
        folder, [LMSYS(n, ((f"q{n}",), (f"a{n}",), (f"b{n}",)), 2 if n % 2 else n // 2 % 2) for n in range(count)]
    )


def read_two(source: str, data: Data) -> tuple[list[Example], RowsRead]:
    return read_examples(source, data, "a-b")


def test_a_tie_of_two_outcomes_is_refused_with_its_place_and_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        read_two(with_ties(tmp_path), Data())
    told = str(refused.value)
    assert "rows.jsonl, line 2, id 1: a tie" in told
    for way in ('data.ties = "drop"', '"half"', 'model.outcomes = "a-b-tie"'):
        assert way in told


def test_ties_are_left_out_and_counted(tmp_path: Path) -> None:
    source = with_ties(tmp_path)
    rows, read = read_two(source, Data(ties="drop"))
    assert [(row.id, row.index) for row in rows] == [(2 * n, n) for n in range(200)], "the others are numbered anew"
    assert str(read).endswith(", two outcomes (model.outcomes), 200 ties left out")
    assert len(read_two(source, Data(ties="drop", limit=10))[0]) == 10
    with pytest.raises(DataError, match=r"no rows: all 1 are left out by data\.ties"):
        read_two(write(tmp_path, [LMSYS(0, SINGLE, 2)]), Data(ties="drop"))


def test_ties_count_as_wins_of_a_and_of_b_half_of_them_each_and_always_the_same(tmp_path: Path) -> None:
    source = with_ties(tmp_path)
    rows, read = read_two(source, Data(ties="half"))
    assert len(rows) == 400
    assert str(read).endswith(", 200 ties counted as wins of A or of B")
    halved = [row.label for row in rows if row.index % 2]
    assert 80 < sum(halved) < 120
    assert set(halved) == {0, 1}
    assert [row.label for row in read_two(source, Data(ties="half"))[0]] == [row.label for row in rows]
    assert [row.label for row in rows if not row.index % 2] == [n % 2 for n in range(200)]


def test_ties_are_predicted_too_and_have_no_label_unless_they_are_halved(tmp_path: Path) -> None:
    source = with_ties(tmp_path, 40)
    for ties in ("error", "drop"):
        labels = [row.label for row in read_comparisons(source, Data(ties=ties), "a-b")]
        assert labels == [n // 2 % 2 if n % 2 == 0 else -1 for n in range(40)]
    halved = read_two(source, Data(ties="half"))[0]
    assert read_comparisons(source, Data(ties="half"), "a-b") == halved


def test_three_outcomes_have_their_ties_whatever_the_profile_says_of_them(tmp_path: Path) -> None:
    path = str(tiny.write_csv(tmp_path / "rows.csv", tiny.rows(40)))
    plain = read_examples(path, Data(), "auto")
    assert read_examples(path, Data(ties="drop"), "a-b-tie")[0] == plain[0]
    assert {row.label for row in plain[0]} == {0, 1, 2}
