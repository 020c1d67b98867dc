"""Tells in lines what a profile would show the model of its rows, for pipes and plain terminals."""

from collections.abc import Sequence

from arena_tui.format.numbers import count, counted, percent, share
from arena_tui.format.sanitize import printable, printable_lines
from core.data.example import settled
from core.inspect.cuts import CutFigures, CutReport, NoRoom
from core.inspect.report import Hygiene, Report
from core.profile.division import held_out, unused_split
from core.profile.edit import Value, literal
from core.profile.settings import Profile

_HEADINGS = ("rows over", "", "tokens lost", "", "A cut", "A gone", "B cut", "B gone", "")


def as_text(report: Report, profile: Profile) -> str:
    """The report, the profile's own limit and strategy marked, a line of words for what it means first."""
    tokens = profile.tokens
    own = next(r for r in report.limits if isinstance(r, CutReport) and r.max_length == tokens.max_length)
    read_as = [
        f"{printable(name)}: {'' if len(report.read) == 1 else f'{count(read.rows)} rows, '}{printable(str(read))}"
        for name, read in zip(profile.data.sources, report.read, strict=False)
    ]
    left_out = f", {count(report.split.left_out)} left out" if report.split.left_out else ""
    unused = [unused_split(profile)] if unused_split(profile) else []
    return "\n".join(
        [
            *read_as,
            printable(str(settled(report.read))),
            *_text(report),
            f"{count(report.rows)} rows, {count(report.split.train)} to train and {count(report.split.eval)} to "
            f"evaluate{left_out}: {printable(held_out(profile))}",
            *unused,
            f"{_part(own.rows_over, own.rows)} exceed {count(tokens.max_length)} tokens; "
            f"{_part(own.response_b_lost, own.rows)} show nothing of response B",
            "",
            *_cuts(f"limit ({tokens.truncation})", [(count(r.max_length), r) for r in report.limits], own),
            "",
            *_cuts(f"strategy ({count(tokens.max_length)})", [(r.truncation, r) for r in report.strategies], own),
            "",
            *_groups(own),
            "",
            *_lengths(report, profile),
            "",
            *_hygiene(report, profile),
        ]
    )


def _text(report: Report) -> list[str]:
    """How the rows' text is made, and the whole of it."""
    if report.text is None:
        return []
    return [f"text: {printable(str(report.text))}", *(f"  {line}" for line in printable_lines(report.text.written))]


def _part(part: int, whole: int) -> str:
    return f"{counted(part, 'row')} ({share(part, whole)})"


def _cuts(title: str, rows: Sequence[tuple[str, CutReport | NoRoom]], own: CutReport) -> list[str]:
    lines = [_line(title, _HEADINGS)]
    for name, figures in rows:
        is_own = (figures.max_length, figures.truncation) == (own.max_length, own.truncation)
        label = f"{'>' if is_own else ' '} {name}"
        found = f"{label:<20}{figures.problem}" if isinstance(figures, NoRoom) else _line(label, _figures(figures))
        lines.append(found)
    return lines


def _groups(own: CutReport) -> list[str]:
    lines = [_line("of which", _HEADINGS)]
    for name, figures in (*own.by_label.items(), *own.by_split.items()):
        lines.append(_line(f"  {name}", _figures(figures)))
    return lines


def _figures(figures: CutFigures) -> tuple[str, ...]:
    whole = figures.tokens_lost + figures.tokens_shown
    return (
        count(figures.rows_over),
        share(figures.rows_over, figures.rows),
        count(figures.tokens_lost),
        share(figures.tokens_lost, whole),
        count(figures.response_a_cut),
        count(figures.response_a_lost),
        count(figures.response_b_cut),
        count(figures.response_b_lost),
        share(figures.response_b_lost, figures.rows),
    )


def _line(name: str, cells: Sequence[str]) -> str:
    widths = (9, 7, 12, 7, 8, 8, 8, 8, 7)
    return f"{name:<20}" + " ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def _lengths(report: Report, profile: Profile) -> list[str]:
    by_percent = ", ".join(f"p{part} {count(length)}" for part, length in report.lengths.percentiles.items())
    epoch = report.epoch
    return [
        f"tokens per row: mean {report.lengths.mean:,.0f}, {by_percent}",
        f"per epoch: {count(epoch.effective_tokens)} effective tokens; padding is {percent(epoch.padding_share)} of "
        f"the tokens computed, in batches of {profile.train.per_device_batch_size}",
    ]


def _hygiene(report: Report, profile: Profile) -> list[str]:
    found, rows = report.hygiene, report.rows
    classes = ", ".join(f"{name} {count(n)} ({share(n, rows)})" for name, n in found.classes.items())
    facts = [
        ("winners", classes),
        ("the longer answer wins", f"{share(found.longer_answer_wins, found.longer_answer_decided)} of decided rows"),
        ("several turns", _part(found.with_several_turns, rows)),
        ("an empty answer", _part(found.with_empty_answer, rows)),
        (
            "identical answers",
            f"{_part(found.identical_answers, rows)}, {count(found.identical_answers_with_winner)} with a winner",
        ),
        ("null turns", f"{count(found.null_turns)} in {_part(found.with_nulls, rows)}"),
        ("lone surrogates replaced", _part(found.with_replaced_surrogates, rows)),
        ("control characters", _part(found.with_control_characters, rows)),
        ("duplicate prompts", _part(found.duplicate_prompts, rows)),
        ("leaked into evaluation", _leak(report, profile)),
    ]
    return [f"{label:<26}{text}" for label, text in facts]


def _leak(report: Report, profile: Profile) -> str:
    """Which rows ask what is evaluated too, and the way out."""
    if not (told := leaks(report.hygiene, report.split.eval, profile)):
        return f"none: {NO_LEAK[profile.data.eval is not None]}" if profile.evaluates else "nothing is evaluated"
    if (way_out := mend(profile)) is None:
        return told
    key, value = way_out
    return f"{told}; {key} = {literal(value)} prevents it"


NO_LEAK = ("no evaluation row shares a prompt with a training row", "no training row shares a prompt with data.eval")
"""Of rows that are split, and with data.eval."""


def leaks(found: Hygiene, evaluated: int, profile: Profile) -> str:
    """How many rows ask what rows on the other side ask too; "" for none. `evaluated` are the evaluation rows."""
    if profile.data.eval is not None:
        leaked = found.leaked_train_rows
        ending = (
            "that share a prompt with data.eval are left out"
            if profile.data.drop_leaks
            else "have a prompt of data.eval"
        )
        return f"{count(leaked)} training rows {ending}" if leaked else ""
    leaked = found.eval_rows_with_leaked_prompt
    told = f"{count(leaked)} evaluation rows ({share(leaked, evaluated)}) share a prompt with a training row"
    return told if leaked else ""


def mend(profile: Profile) -> tuple[str, Value] | None:
    """The setting that keeps each prompt on one side; None where the profile has it, or nothing is evaluated."""
    if profile.data.eval is not None:
        return None if profile.data.drop_leaks else ("data.drop_leaks", True)
    return None if profile.split.by in ("prompt", "none") else ("split.by", "prompt")
