"""The panes of a report: summary, calibration and outcomes in sight, and below them rows, groups, chatbots and bias."""

from functools import partial

from arena_tui.report.forest import groups
from arena_tui.report.rows import ReportRows
from arena_tui.report.tables import biases, calibration, chatbots, outcomes, summary
from arena_tui.widgets.pane import TextPane
from arena_tui.widgets.turning_panes import Layout, TurningPanes
from core.report.report import Report


class Summary(TextPane):
    HELP = (
        "The log loss in nats, lower is better, with a 95 % bootstrap interval of 2,000 resamples, of prompts "
        "where rows share some: then their number stands beside. Beside each "
        "reference is the difference from it: ln 3 is a third for each (ln 2 a half, of two outcomes); the prior gives "
        "the training rows' shares; lengths is a logistic regression on the characters of prompt, A and B; the recipe "
        "is the published run, beside runs on the same data. Swapped and averaged use the copies with A and B swapped; "
        "right here and there are the rows that only one of two compared runs gets right."
    )


class Calibration(TextPane):
    HELP = (
        "Rows by the probability of their most probable outcome: the bar is how often that outcome is true, the mark "
        "where the bar would end if the model were calibrated. The expected calibration error is the mean distance of "
        "the two over 15 bins, weighted by rows; by chance is what a calibrated model would have with so few rows in "
        "each bin."
    )


class Outcomes(TextPane):
    HELP = (
        "Rows by true outcome (down) and most probable outcome (across). Recall is the share of an outcome's rows that "
        "were predicted as such, precision the share of its predictions that are true. Below: the share of rows, the "
        "mean probability the model gives the outcome, the log loss of its rows, and the calibration error of its "
        "probability, with what a calibrated model would have by chance."
    )


class Groups(TextPane):
    HELP = (
        "Log loss and accuracy by group of rows. Lengths are tokens of the whole row before the cut; cuts are listed "
        "by part, and a row may be in several of these groups. The interval is the mean ± 1.96 standard errors, by "
        "prompt where rows share some; an arrow marks one that extends beyond the scale, which fits all groups but "
        "outliers of few rows."
    )


class Chatbots(TextPane):
    HELP = (
        "Bradley-Terry ratings of chatbots, a tie as half a win, fitted to people's verdicts and to the model's "
        "probabilities; of pairs, what the first scored and was expected to. Overrated ones come first. In SE is the "
        "difference in standard errors, by prompt where rows share some. However many chatbots or pairs there are, of "
        "those with ! one in twenty at most is expected to be chance (Benjamini-Hochberg). Of the pairs, those "
        "furthest from what they won, in standard errors, are listed."
    )


class Bias(TextPane):
    HELP = (
        "How often the longer answer wins, lengths in characters: as people judged, and in the model's mean "
        "probabilities, which are the same if it is calibrated. Its picks are the rows in which it gives the longer "
        "answer more, by however little. Below, how predictions change when A and B are swapped, with 95 % intervals."
    )


class ReportPanes(TurningPanes):
    PANES = ("summary", "calibration", "outcomes", "groups", "rows", "chatbots", "bias")
    LAYOUTS = (
        Layout("-large", 160, 50, ("summary", "calibration", "outcomes", "groups")),
        Layout("-wide", 110, 32, ("summary", "calibration", "outcomes")),
        Layout("-medium", 90, 28, ("summary", "calibration")),
    )

    DEFAULT_CSS = """
    ReportPanes {
        &.-large #panes { grid-size: 6 2; grid-rows: 16 1fr; & > * { column-span: 3; } }
        &.-large #summary, &.-large #calibration, &.-large #outcomes { column-span: 2; }
        &.-wide #panes { grid-size: 3 2; grid-rows: 16 1fr; }
        &.-wide #panes > .-current { column-span: 3; }
        &.-medium #panes { grid-size: 2 2; grid-rows: 14 1fr; }
        &.-medium #panes > .-current { column-span: 2; }
        TextPane { padding: 0 1; scrollbar-gutter: auto; }
    }
    """

    def __init__(self) -> None:
        super().__init__(
            Summary("log loss", id="summary"),
            Calibration("calibration", id="calibration"),
            Outcomes("outcomes: true ↓, predicted →", id="outcomes"),
            Groups("log loss by group", id="groups"),
            ReportRows(id="rows"),
            Chatbots("chatbots: over- and underrated", id="chatbots"),
            Bias("bias", id="bias"),
        )

    def show(self, report: Report, *, reads_apart: bool) -> None:
        """Show this report in all panes; `reads_apart` where its run reads each answer in a sequence of its own."""
        self.query_one(ReportRows).load(report)
        found = report.calibration
        told = f"error {found.error:.4f}, by chance {found.by_chance:.4f}"
        self._pane("summary").show(partial(summary, report))
        self._pane("calibration").show(partial(calibration, report), told)
        self._pane("outcomes").show(partial(outcomes, report))
        self._pane("groups").show(partial(groups, report))
        self._pane("chatbots").show(partial(chatbots, report))
        self._pane("bias").show(partial(biases, report, reads_apart=reads_apart))

    def to_rows(self) -> ReportRows:
        """Bring the rows to the front."""
        if self.current != "rows":
            self.choose("rows")
        return self.query_one(ReportRows)

    def move(self, lines: int) -> None:
        """Move the cursor among the rows, or scroll the pane in front."""
        if self.current == "rows":
            self.query_one(ReportRows).move(lines)
        else:
            self._pane(self.current).scroll_relative(y=lines, animate=False)

    def _pane(self, name: str) -> TextPane:
        return self.query_one(f"#{name}", TextPane)
