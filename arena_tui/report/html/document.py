"""The page: its parts from top to bottom. All texts from outside are escaped; nothing is fetched, nothing is run."""

from collections.abc import Iterator
from pathlib import Path

from arena_tui.format import numbers
from arena_tui.format.numbers import percent
from arena_tui.report.html.chatbots import pairs_table, strengths_table
from arena_tui.report.html.parts import (
    STYLE,
    Cells,
    Scale,
    axis,
    ends,
    pair,
    reliability,
    row_in_full,
    scale_of,
    table,
    text,
    track,
)
from arena_tui.report.view import SeenReport
from arena_tui.report.wording import (
    FEW,
    MARGIN,
    a_wins,
    beside_accuracy,
    better,
    by_prompt,
    first_place,
    flips,
    in_words,
    preferences,
    titled,
)
from core.profile.division import held_out
from core.profile.settings import Profile
from core.report.report import Against, Group, Interval, LengthBias, PositionBias, Report


def as_html(seen: SeenReport, rows: int) -> str:
    """The page of a report; of each list of rows, the first `rows` in full."""
    report = seen.report
    title = text(f"Report on {report.run}")
    body = "\n".join(_parts(seen, rows))
    # The policy forbids what the page does not do anyway: to load or run anything.
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _parts(seen: SeenReport, rows: int) -> Iterator[str]:
    report = seen.report
    yield f"<h1>{text(report.run)}</h1>"
    yield f"<p>{text(_what(seen.profile))}</p>"
    yield from (f'<p class="caution">! {text(caution)}</p>' for caution in report.cautions)
    yield from _headline(seen)
    if report.against:
        yield from _against(report.against)
    yield from _outcomes(report)
    yield from _calibration(report)
    yield from _groups(report)
    if report.length_bias:
        yield from _lengths(report, report.length_bias)
    if report.position_bias:
        yield from _position(report.log_loss, report.position_bias)
    if report.models:
        yield from strengths_table(report, report.models)
    if report.pairs and report.pairs.rated:
        yield from pairs_table(report, report.pairs)
    for title, listed in titled(report).items() if rows else ():
        yield f"<h2>{text(title.capitalize())}</h2>"
        yield from (row_in_full(seen, row) for row in listed[:rows])


def _what(profile: Profile) -> str:
    """What ran, in a line; of what are paths here the last part alone, as the page may be given to others."""
    data, tokens, base = profile.data, profile.tokens, Path(profile.model.checkpoint)
    shown = base.name if base.is_absolute() else str(base)
    evaluated = f"evaluated on {Path(data.eval).name}" if data.eval else held_out(profile)
    names = ", ".join(Path(source).name for source in data.train_sources)
    return f"{shown} · {names}, {evaluated} · at most {numbers.count(tokens.max_length)} tokens, {tokens.truncation}"


def _headline(seen: SeenReport) -> Iterator[str]:
    report, reached = seen.report, seen.report.log_loss
    yield f'<p class="score">{numbers.loss(reached.value)}</p>'
    yield (
        f"<p>log loss of {numbers.counted(report.rows, 'row')}, {in_words(reached)}{by_prompt(report)}; "
        f"accuracy {percent(report.accuracy)}, {beside_accuracy(report)}</p>"
    )
    scale = scale_of([*ends(reached), *(r.log_loss for r in report.references)])
    lines: list[Cells] = [
        (r.name, numbers.loss(r.log_loss), numbers.difference(reached.value - r.log_loss),
         track(scale, reached.value, Interval(r.log_loss, None, None)), text(r.what))
        for r in report.references
    ]  # fmt: skip
    first = ("this run", numbers.loss(reached.value), "", track(scale, reached.value, reached), in_words(reached))
    yield table(("", "log loss", "this run", axis(scale), "what it is"), [first, *lines], words=(0, 4))


def _against(found: Against) -> Iterator[str]:
    yield f"<h2>Against {text(found.run)}</h2>"
    yield f"<p>On {numbers.counted(found.rows, 'row')} that both evaluated, this run is {better(found.difference)}.</p>"
    yield table(
        ("", "here", "there"),
        [
            ("log loss", numbers.loss(found.log_loss), numbers.loss(found.other_log_loss)),
            ("accuracy", percent(found.accuracy), percent(found.other_accuracy)),
            ("right only", numbers.count(found.gained), numbers.count(found.lost)),
            ("other rows", numbers.count(found.only_here), numbers.count(found.only_there)),
        ],
    )


def _outcomes(report: Report) -> Iterator[str]:
    yield "<h2>Outcomes</h2>"
    names = [one.name for one in report.classes]
    lines = []
    for name, counts, one in zip(names, report.confusion, report.classes, strict=True):
        shares = [n / one.rows if one.rows else 0 for n in counts]
        cells = "".join(
            f'<td class="heat" style="--heat: {round(100 * share)}%">{numbers.count(n)}</td>'
            for n, share in zip(counts, shares, strict=True)
        )
        lines.append(f"<tr><th>{name}</th>{cells}<td>{percent(one.recall)}</td></tr>")
    right = "".join(f"<td>{percent(one.precision)}</td>" for one in report.classes)
    lines.append(f"<tr><th>precision</th>{right}<td></td></tr>")
    heads = "".join(f"<th>predicted {name}</th>" for name in names)
    yield f'<div class="table"><table><tr><th>true</th>{heads}<th>recall</th></tr>{"".join(lines)}</table></div>'
    yield table(
        ("outcome", "rows", "share", "mean probability", "log loss", "calibration error", "by chance"),
        [
            (
                one.name,
                numbers.count(one.rows),
                numbers.share(one.rows, report.rows),
                percent(one.mean_probability),
                numbers.MISSING if one.log_loss is None else numbers.loss(one.log_loss),
                f"{one.calibration.error:.4f}",
                f"{one.calibration.by_chance:.4f}",
            )
            for one in report.classes
        ],
    )


def _calibration(report: Report) -> Iterator[str]:
    found = report.calibration
    yield "<h2>Calibration</h2>"
    yield (
        f"<p>Expected calibration error {found.error:.4f}: the mean distance of accuracy and confidence of the most "
        f"probable outcome, over {found.bins} equal bins, weighted by rows. If the probabilities were true, it would "
        f"be {found.by_chance:.4f} by chance. Areas are rows; on the line, accuracy is what the confidence says.</p>"
    )
    bins = table(
        ("confidence", "rows", "mean", "accuracy"),
        [
            (
                f"{b.low:.2f} to {b.high:.2f}",
                numbers.count(b.rows),
                percent(b.confidence),
                percent(b.accuracy),
            )
            for b in found.filled
        ],
    )
    yield f'<div class="beside">{reliability(found.filled)}{bins}</div>'


def _groups(report: Report) -> Iterator[str]:
    yield "<h2>Groups of rows</h2>"
    yield (
        f"<p>The thin line is the log loss of all rows. Groups of fewer than {FEW} rows are dim, and hollow where they "
        f"are beyond the scale, which is made for the others. {MARGIN}.</p>"
    )
    overall = report.log_loss.value
    many = [group for group in report.groups if group.rows >= FEW] or report.groups
    scale = scale_of([overall, *(end for group in many for end in ends(_interval(group)))])
    lines: list[Cells | str] = []
    kind = ""
    for group in report.groups:
        if group.kind != kind:
            kind = group.kind
            lines.append(kind)
        cells = (
            group.name,
            numbers.count(group.rows),
            numbers.share(group.rows, report.rows),
            numbers.loss(group.log_loss),
            numbers.MISSING if group.margin is None else f"{group.margin:.4f}",
            percent(group.accuracy),
            track(scale, overall, _interval(group)),
        )
        lines.append([f'<span class="few">{cell}</span>' for cell in cells] if group.rows < FEW else cells)
    yield table(("rows by", "rows", "share", "log loss", "±", "accuracy", axis(scale)), lines)


def _interval(group: Group) -> Interval:
    if group.margin is None:
        return Interval(group.log_loss, None, None)
    return Interval(group.log_loss, group.log_loss - group.margin, group.log_loss + group.margin)


def _lengths(report: Report, bias: LengthBias) -> Iterator[str]:
    yield "<h2>Length bias</h2>"
    yield (
        f"<p>Of {numbers.counted(bias.rows, 'row')} with a winner and answers of different length, "
        f"{'; '.join(preferences(bias))}. Below: how often {a_wins(report)}, as people judged and in the model's "
        "mean probabilities.</p>"
    )
    scale = Scale(0, 1)
    yield table(
        ("", "rows", '<b class="people">●</b> people', '<b class="dot">●</b> model', axis(scale, percent)),
        [
            (
                b.name,
                numbers.count(b.rows),
                percent(b.humans),
                percent(b.model),
                pair(scale, 0.5, b.humans, b.model),
            )
            for b in bias.bins
        ],
    )


def _position(reached: Interval, bias: PositionBias) -> Iterator[str]:
    yield "<h2>Position bias</h2>"
    yield (f"<p>{flips(bias)}; {first_place(bias)}. In brackets: 95 % intervals.</p>")
    scale = scale_of([*ends(reached), *ends(bias.swapped), *ends(bias.averaged)])
    orders = (("as evaluated", reached), ("swapped", bias.swapped), ("both averaged, by id", bias.averaged))
    yield table(
        ("", "log loss", axis(scale), ""),
        [(name, numbers.loss(loss.value), track(scale, reached.value, loss), in_words(loss)) for name, loss in orders],
        words=(0, 3),
    )
    yield f"<p>Averaging is {better(bias.gain)}; its accuracy is {percent(bias.averaged_accuracy)}.</p>"
