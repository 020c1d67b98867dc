"""Outcomes: two or three by what rows and profile say, which is told; and what becomes of ties where there are two."""

from pathlib import Path
from typing import Any

import pytest
import tiny
from test_formats import FORMS, SINGLE, write

from core.data.example import DataError, Example, RowsRead, settled
from core.data.rows import read_comparisons
from core.data.sources import Sources
from core.outcomes import OutcomesSetting
from core.profile.data_settings import Columns, Data, Winners

LMSYS = FORMS["lmsys"][0]
WSDM = FORMS["wsdm"][0]
HELPSTEER = FORMS["helpsteer"][0]
OWN = Columns(prompt="q", response_a="a", response_b="b", winner_a="yes_a", winner_b="yes_b")


def read(sources: list[str], data: Data, outcomes: OutcomesSetting) -> tuple[list[Example], list[RowsRead]]:
    rows = Sources(sources, data, outcomes)
    return [example for example, _ in rows], rows.told()


def told(folder: Path, rows: list[dict[str, Any]], data: Data, outcomes: OutcomesSetting = "auto") -> str:
    return str(settled(read([write(folder, rows)], data, outcomes)[1]))


def test_three_outcomes_are_taken_where_the_format_has_a_place_for_a_tie_or_a_row_is_one(tmp_path: Path) -> None:
    def of(make: Any, *labels: int) -> list[dict[str, Any]]:
        return [make(number, SINGLE, label) for number, label in enumerate(labels)]

    assert told(tmp_path, of(LMSYS, 0, 1), Data()) == "three outcomes: winner_tie is a column"
    assert told(tmp_path, of(FORMS["soft"][0], 0, 1), Data()) == "three outcomes: probability_tie is a column"
    assert told(tmp_path, of(WSDM, 0, 1), Data()) == "two outcomes: no row read is a tie"
    assert told(tmp_path, of(WSDM, 0, 1, 2), Data()) == "three outcomes: 1 row is a tie"
    assert told(tmp_path, of(WSDM, 0, 1, 2), Data(limit=2)) == "two outcomes: no row read is a tie"
    dropping = Data(winners=Winners(tie=[], drop=["tie"]))
    assert told(tmp_path, of(WSDM, 0, 1, 2), dropping) == "two outcomes: no row read is a tie"
    assert told(tmp_path, of(HELPSTEER, 0, 1), Data()) == "two outcomes: no row read is a tie"
    assert told(tmp_path, of(HELPSTEER, 2, 2), Data()) == "three outcomes: 2 rows are ties"
    chosen = [{"prompt": "q", "chosen": "good", "rejected": "bad"}]
    assert told(tmp_path, chosen, Data()) == "two outcomes: chosen and rejected know no tie"
    flags = [{"q": "q", "a": "a", "b": "b", "yes_a": 1, "yes_b": 0}]
    assert told(tmp_path, flags, Data(columns=OWN)) == "two outcomes: no column is of ties"


def test_the_profile_has_the_last_word(tmp_path: Path) -> None:
    rows = [WSDM(0, SINGLE, 0), WSDM(1, SINGLE, 1)]
    assert told(tmp_path, rows, Data(), "a-b-tie") == "three outcomes: model.outcomes"
    assert told(tmp_path, [LMSYS(0, SINGLE, 0)], Data(), "a-b") == "two outcomes: model.outcomes"


def test_what_is_to_become_of_ties_is_not_heeded_in_silence(tmp_path: Path) -> None:
    expected = 'three outcomes: 1 row is a tie; data.ties counts with model.outcomes = "a-b"'
    assert told(tmp_path, [WSDM(0, SINGLE, 2), WSDM(1, SINGLE, 0)], Data(ties="half")) == expected


def with_ties(folder: Path, count: int = 400) -> str:
    """Every second row is a tie."""
    return write(
        folder, [LMSYS(n, ((f"q{n}",), (f"a{n}",), (f"b{n}",)), 2 if n % 2 else n // 2 % 2) for n in range(count)]
    )


def read_two(source: str, data: Data) -> tuple[list[Example], RowsRead]:
    rows, (found,) = read([source], data, "a-b")
    return rows, found


def test_a_tie_of_two_outcomes_is_refused_with_its_place_and_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        read_two(with_ties(tmp_path), Data())
    message = str(refused.value)
    assert "rows.jsonl, line 2, id 1: a tie" in message
    for way in ('data.ties = "drop"', '"half"', 'model.outcomes = "a-b-tie"'):
        assert way in message


def test_ties_are_left_out_and_counted(tmp_path: Path) -> None:
    source = with_ties(tmp_path)
    rows, found = read_two(source, Data(ties="drop"))
    assert [(row.id, row.index) for row in rows] == [(2 * n, n) for n in range(200)], "the others are numbered anew"
    assert str(found).endswith(", 200 ties left out")
    assert len(read_two(source, Data(ties="drop", limit=10))[0]) == 10
    with pytest.raises(DataError, match=r"no rows: all 1 are left out by data\.ties"):
        read_two(write(tmp_path, [LMSYS(0, SINGLE, 2)]), Data(ties="drop"))


def test_ties_count_as_wins_of_a_and_of_b_half_of_them_each_and_always_the_same(tmp_path: Path) -> None:
    source = with_ties(tmp_path)
    rows, found = read_two(source, Data(ties="half"))
    assert len(rows) == 400
    assert str(found).endswith(", 200 ties counted as wins of A or of B")
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
    plain = read([path], Data(), "auto")
    assert read([path], Data(ties="drop"), "a-b-tie")[0] == plain[0]
    assert {row.label for row in plain[0]} == {0, 1, 2}


def test_of_several_sources_one_with_ties_makes_three_outcomes(tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("one", "two", "three")]
    for place in places:
        place.mkdir()
    sources = [
        write(places[0], [WSDM(0, SINGLE, 0)]),
        write(places[1], [WSDM(1, SINGLE, 2)]),
        write(places[2], [LMSYS(2, SINGLE, 1)]),
    ]
    assert str(settled(read(sources[:1], Data(), "auto")[1])) == "two outcomes: no row read is a tie"
    expected = f"three outcomes: 1 row is a tie, of {sources[1]}"
    assert str(settled(read(sources, Data(), "auto")[1])) == expected
    assert str(settled(read(sources, Data(limit=1), "auto")[1])) == "two outcomes: no row read is a tie"
