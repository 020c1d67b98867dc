"""The page: its parts from top to bottom. All texts from outside are escaped; nothing is fetched, nothing is run."""

from collections.abc import Iterator, Sequence
from html import escape

from arena_tui import figures
from arena_tui.page.charts import Dot, dots, pairs, reliability
from arena_tui.page.rows import row_in_full
from arena_tui.page.style import STYLE
from arena_tui.plain import printable
from arena_tui.reported import better, errors, in_words, percent, points, titled
from arena_tui.seen_report import SeenReport
from core.report.report import Against, LengthBias, PositionBias, Ratings, Report

Cells = Sequence[str]


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


def text(words: str) -> str:
    """Text from outside as it may stand in a page: escaped, control and reordering characters made visible."""
    return escape(printable(words))


def _parts(seen: SeenReport, rows: int) -> Iterator[str]:
    report = seen.report
    yield f"<h1>{text(report.run)}</h1>"
    yield f"<p>{figures.count(report.rows)} evaluation rows.</p>"
    yield from (f'<p class="caution">! {text(caution)}</p>' for caution in report.cautions)
    yield from _headline(report)
    if report.against:
        yield from _against(report.against)
    yield from _outcomes(report)
    yield from _calibration(report)
    yield from _groups(report)
    if report.length_bias:
        yield from _lengths(report.length_bias)
    if report.position_bias:
        yield from _position(report.position_bias)
    if report.models:
        yield from _ratings("Chatbots", report.models)
    if report.pairs and report.pairs.rated:
        yield from _ratings("Pairs of chatbots", report.pairs)
    for title, listed in titled(report).items() if rows else ():
        yield f"<h2>{text(title.capitalize())}</h2>"
        yield from (row_in_full(seen, row) for row in listed[:rows])


def _headline(report: Report) -> Iterator[str]:
    reached = report.log_loss
    yield f'<p class="score">{figures.loss(reached.value)}</p>'
    yield f"<p>log loss, {in_words(reached)}; accuracy {percent(report.accuracy)}, chance 33.3 %</p>"
    scale = [Dot("this run", reached.value, reached.low, reached.high)]
    scale += [Dot(reference.name, reference.log_loss) for reference in report.references]
    yield dots(scale, reached.value)
    yield _table(
        ("beside", "log loss", "this run", "what it is"),
        [
            (r.name, figures.loss(r.log_loss), figures.difference(reached.value - r.log_loss), text(r.what))
            for r in report.references
        ],
        words=(0, 3),
    )


def _against(found: Against) -> Iterator[str]:
    yield f"<h2>Against {text(found.run)}</h2>"
    yield f"<p>On {figures.count(found.rows)} rows that both evaluated, this run is {better(found.difference)}.</p>"
    yield _table(
        ("", "here", "there"),
        [
            ("log loss", figures.loss(found.log_loss), figures.loss(found.other_log_loss)),
            ("accuracy", percent(found.accuracy), percent(found.other_accuracy)),
            ("right only", figures.count(found.gained), figures.count(found.lost)),
            ("other rows", figures.count(found.only_here), figures.count(found.only_there)),
        ],
    )


def _outcomes(report: Report) -> Iterator[str]:
    yield "<h2>Outcomes</h2>"
    names = [one.name for one in report.classes]
    lines = []
    for name, counts, one in zip(names, report.confusion, report.classes, strict=True):
        shares = [n / one.rows if one.rows else 0 for n in counts]
        cells = "".join(
            f'<td class="heat" style="--heat: {round(100 * share)}%">{figures.count(n)}</td>'
            for n, share in zip(counts, shares, strict=True)
        )
        lines.append(f"<tr><th>{name}</th>{cells}<td>{percent(one.recall)}</td></tr>")
    right = "".join(f"<td>{percent(one.precision)}</td>" for one in report.classes)
    lines.append(f"<tr><th>precision</th>{right}<td></td></tr>")
    heads = "".join(f"<th>predicted {name}</th>" for name in names)
    yield f"<table><tr><th>was</th>{heads}<th>recall</th></tr>{''.join(lines)}</table>"
    yield _table(
        ("outcome", "rows", "share", "mean probability", "log loss"),
        [
            (
                one.name,
                figures.count(one.rows),
                figures.share(one.rows, report.rows),
                percent(one.mean_probability),
                figures.MISSING if one.log_loss is None else figures.loss(one.log_loss),
            )
            for one in report.classes
        ],
    )


def _calibration(report: Report) -> Iterator[str]:
    found = report.calibration
    yield "<h2>Calibration</h2>"
    yield (
        f"<p>Expected calibration error {found.error:.4f}: the mean distance of accuracy and confidence of the most "
        f"probable outcome, over {found.bins} equal bins, weighted by rows. Areas are rows; on the line, the "
        f"probabilities are true.</p>"
    )
    yield reliability(found.filled)


def _groups(report: Report) -> Iterator[str]:
    yield "<h2>Groups of rows</h2>"
    kinds = dict.fromkeys(group.kind for group in report.groups)
    for kind in kinds:
        chosen = [group for group in report.groups if group.kind == kind]
        yield f"<h3>By {kind}</h3>"
        yield dots(
            [
                Dot(
                    f"{group.name} ({figures.count(group.rows)})",
                    group.log_loss,
                    None if group.margin is None else group.log_loss - group.margin,
                    None if group.margin is None else group.log_loss + group.margin,
                )
                for group in chosen
            ],
            report.log_loss.value,
        )


def _lengths(bias: LengthBias) -> Iterator[str]:
    yield "<h2>The longer answer</h2>"
    yield (
        f"<p>Of {figures.count(bias.rows)} rows with a winner and answers of unlike length, people prefer the longer "
        f"one in {percent(bias.humans)}, the model in {percent(bias.model)}. Below: the share of A, ties apart.</p>"
    )
    yield pairs([(bin.name, bin.humans, bin.model) for bin in bias.bins], ("people", "model"))


def _position(bias: PositionBias) -> Iterator[str]:
    yield "<h2>The place of an answer</h2>"
    yield (
        f"<p>{percent(bias.flip_rate)} of the rows get another most probable outcome when A and B change places. "
        f"Standing first adds {points(bias.first)} points to an answer's probability of winning.</p>"
    )
    yield (
        f"<p>Log loss of the exchanged copies {figures.loss(bias.swapped.value)}, {in_words(bias.swapped)}; of both "
        f"averaged by id {figures.loss(bias.averaged.value)}, {in_words(bias.averaged)}. Averaging is "
        f"{better(bias.gain)}; its accuracy is {percent(bias.averaged_accuracy)}.</p>"
    )


def _ratings(title: str, ratings: Ratings) -> Iterator[str]:
    yield f"<h2>{title}</h2>"
    yield (
        f"<p>A win counts 1, a tie a half. Positive is overrated; two standard errors (!) are reached by chance once "
        f"in twenty. {figures.count(ratings.left_out)} more are not listed.</p>"
    )
    yield _table(
        ("name", "rows", "scored", "predicted", "apart", "standard errors"),
        [
            (
                text(one.name),
                figures.count(one.rows),
                percent(one.score),
                percent(one.predicted),
                points(one.difference),
                errors(one.z),
            )
            for one in ratings.rated
        ],
    )


def _table(head: Cells, rows: Sequence[Cells], words: Sequence[int] = (0,)) -> str:
    """Cells are HTML already; the columns of `words` stand on the left."""
    kinds = ['class="words"' if place in words else "" for place in range(len(head))]
    lines = ["".join(f"<th {kind}>{cell}</th>" for kind, cell in zip(kinds, head, strict=True))]
    lines += ["".join(f"<td {kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True)) for row in rows]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"
