"""What is written and drawn, without a screen: figures, harmless text, the log's tail, the curves' points."""

import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from arena_tui.format import numbers
from arena_tui.format.sanitize import beginning, printable
from arena_tui.format.width import abridged, padded
from arena_tui.plot.axes import DurationTicks, LargeTicks, LogTicks, RateTicks, Ticks, limits
from arena_tui.runs.panes import LONGEST_LINE, MOST_BYTES, LogTail


@pytest.mark.slow
@given(st.text())
def test_printable_text_holds_nothing_a_terminal_obeys(text: str) -> None:
    shown = printable(text)
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u202e\u2066\u2028\ufeff" for c in shown)
    assert printable(shown) == shown
    shown.encode()  # no lone surrogate is left


def test_ordinary_text_stays_as_it_is() -> None:
    assert printable("naïve 日本語 🙂 ±1") == "naïve 日本語 🙂 ±1"
    assert printable("\x1b[2J\n\u202e") == "␛[2J␊\\u202e"


def test_the_beginning_of_a_text_is_bounded_and_says_what_is_missing() -> None:
    assert beginning("a\r\n\x1b[2J\n") == "a\n␛[2J\n"
    assert beginning("x" * 3_000_000) == "x" * 2_000 + "… (+98,000 characters)\n… (of 3,000,000 characters in total)"
    assert beginning("\n" * 70_000).count("\n") == 1_000
    assert beginning(("y" * 100 + "\n") * 700).endswith("y\n… (of 70,700 characters in total)")


def test_figures() -> None:
    assert numbers.duration(3723) == "1:02:03"
    assert numbers.duration(90_061) == "25:01:01"
    assert numbers.gib(33_500_000_000) == "31.2 GiB"
    assert numbers.gib(512 << 20) == "512 MiB"
    assert numbers.count(57_477) == "57,477"
    assert numbers.rate(2e-4) == "2.0e-04"
    assert numbers.rate(0) == "0"
    assert numbers.loss(None) == "not finite"
    assert numbers.share(2, 3) == "66.7 %"
    assert numbers.share(999, 1000) == "99.9 %"
    assert numbers.share(9_999_999, 10_000_000) == "99.9 %", "not all of it"
    assert numbers.share(1, 10_000_000) == "0.01 %", "not nothing"
    assert [numbers.share(part, 3) for part in (0, 3)] == ["0 %", "100 %"]
    assert [numbers.percent(share) for share in (0.0094, 0.00996, None)] == ["0.94 %", "1.0 %", "–"]
    assert numbers.bar(1, 4, 8) == "━━──────"


@pytest.mark.parametrize("cells", [0, 1, 2, 5, 12, 24, 25, 40])
@pytest.mark.parametrize("name", ["demo-learning_rate-0.001", "漢字漢字漢字漢字-0.001", ""])
def test_an_abridged_name_fits_and_keeps_both_its_ends(name: str, cells: int) -> None:
    shown = abridged(name, cells)
    assert cell_len(shown) <= cells
    assert shown == name or "…" in shown or not cells
    assert cell_len(padded(name, cells)) == cells
    if cells == 12 and name:
        assert shown.endswith("0.001")
        assert shown[0] == name[0]


def test_one_outlier_does_not_flatten_the_curve_and_lies_outside() -> None:
    low, high = limits([1.0 + 0.01 * (i % 7) for i in range(100)] + [500.0], always=[1.0986])
    assert low < 1.0
    assert 1.0986 < high < 2


@given(st.lists(st.floats(-1e9, 1e9), max_size=30))
def test_limits_are_a_range_for_any_values(values: list[float]) -> None:
    low, high = limits(values, always=[1.0986])
    assert low < 1.0986 < high


@pytest.mark.parametrize("kind", [Ticks, RateTicks, LargeTicks, DurationTicks, LogTicks])
@pytest.mark.parametrize("end", [1e-4, 1, 7, 60, 5_748, 3e9])
@pytest.mark.parametrize("most", [1, 2, 6])
def test_there_are_few_ticks_and_all_inside(kind: type[Ticks], end: float, most: int) -> None:
    low, high = (0.0, end) if kind is not LogTicks else (math.log10(0.8), math.log10(1.2 + min(end, 100)))
    ticks, labels = kind(most).ticks_and_labels(low, high)
    assert len(ticks) == len(labels) == len(set(labels)) <= max(most + 1, 4)
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in ticks)


def test_the_tail_of_a_log_is_bounded_and_complete_where_it_can_be(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    tail = LogTail(log)
    assert tail.read() == []
    log.write_bytes(b"one\ntw")
    assert tail.read() == ["one"]
    with log.open("ab") as file:
        file.write(b"o\r\n50%\r100%\n\x1b[2Jx\n")
    assert tail.read() == ["two", "50%", "100%", "␛[2Jx"]
    with log.open("ab") as file:
        file.write(b"no end")
    assert tail.read() == []
    assert tail.read() == ["no end"]  # nothing came since: it is shown as it is
    with log.open("ab") as file:
        file.write(b"x" * 200_000 + b"\n" + os.urandom(100) + b"\n")
    assert all(len(line) < LONGEST_LINE + 100 for line in tail.read())
    with log.open("ab") as file:
        file.write(b"y" * (5 * MOST_BYTES) + b"\nlast\n")
    lines = tail.read()
    assert "bytes skipped" in lines[0]
    assert lines[-1] == "last"
    log.write_bytes(b"new\n")
    assert tail.read() == ["new"]
