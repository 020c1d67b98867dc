"""The panes of a report: summary, calibration and outcomes in sight, and below them rows, groups, chatbots and bias."""

from arena_tui.report.rows import ReportRows
from arena_tui.report.tables import biases, calibration, chatbots, groups, outcomes, summary
from arena_tui.widgets.pane import TextPane
from arena_tui.widgets.turning_panes import TurningPanes
from core.report.report import Report


class Summary(TextPane):
    HELP = (
        "The log loss in nats, lower is better, with a 95 % bootstrap interval of 2,000 resamples. Beside the "
        "references stands how far the run is from them: ln 3 is a third for each; the prior gives the training "
        "rows' shares; lengths is a logistic regression on the characters of prompt, A and B; the recipe is the "
        "published run, on its own rows. Exchanged and averaged are of the copies with A and B in each other's place."
    )


class Calibration(TextPane):
    HELP = (
        "Rows by the probability of their most probable outcome: the bar is how often that outcome is true, the mark "
        "where the bar would end if the probabilities were true. The expected error is the mean distance of the two "
        "over 15 bins, weighted by rows; by chance is what it would be if the probabilities were true, with so few "
        "rows in each bin."
    )


class Outcomes(TextPane):
    HELP = (
        "Rows by true outcome, downwards, and most probable one, across. Found is the share of an outcome's rows that "
        "were predicted (recall), hit the share of its predictions that are true (precision). Below: the share of "
        "rows, the mean probability the model gives the outcome, and the log loss of its rows."
    )


class Groups(TextPane):
    HELP = (
        "Log loss and accuracy of some of the rows. Lengths are tokens of the whole row before the cut; what was cut "
        "is told by part, and a row may stand in several of these lines. The interval is the mean plus and minus 1.96 "
        "standard errors; an arrow is a group of few rows beyond the scale."
    )


class Chatbots(TextPane):
    HELP = (
        "What each chatbot scored against the others in the eyes of people, a win 1, a tie a half, and what the model "
        "expected it to score. Overrated ones stand first. Errors is the difference in its standard errors; of twenty "
        "chatbots or pairs, one reaches 2 by chance. Of pairs, those furthest from what they won are listed."
    )


class Bias(TextPane):
    HELP = (
        "How often the longer answer wins, lengths in characters: with people, and on average of what the model gives "
        "to A and B, which is the same if its probabilities are true. Its picks are the rows in which it gives the "
        "longer one more, by however little. And what becomes of the predictions when A and B change places."
    )


class ReportPanes(TurningPanes):
    PANES = ("summary", "calibration", "outcomes", "groups", "rows", "chatbots", "bias")
    FIXED = ("summary", "calibration", "outcomes")
    FIRST = "groups"
    FIRST_SMALL = "summary"

    DEFAULT_CSS = """
    ReportPanes {
        #panes { layout: grid; grid-size: 3 2; grid-rows: 15 1fr; }
        #groups, #rows, #chatbots, #bias { display: none; column-span: 3; }
        TextPane { padding: 0 1; scrollbar-gutter: auto; }
    }
    """

    def __init__(self) -> None:
        super().__init__(
            Summary("log loss", id="summary"),
            Calibration("calibration", id="calibration"),
            Outcomes("outcomes: was ↓, predicted →", id="outcomes"),
            Groups("log loss by group", id="groups"),
            ReportRows(id="rows"),
            Chatbots("chatbots: over- and underrated", id="chatbots"),
            Bias("bias", id="bias"),
        )
        self._report: Report | None = None

    def show(self, report: Report) -> None:
        """Show this report in all panes."""
        self._report = report
        self.query_one(ReportRows).load(report)
        found = report.calibration
        told = f"error {found.error:.4f}, by chance {found.by_chance:.4f}"
        self._pane("calibration").show(calibration(report), told)
        self._pane("outcomes").show(outcomes(report))
        self._pane("chatbots").show(chatbots(report))
        self._pane("bias").show(biases(report))
        self._draw_to_width()

    def on_resize(self) -> None:
        super().on_resize()
        self.call_after_refresh(self._draw_to_width)

    def choose(self, name: str) -> None:
        super().choose(name)
        self.call_after_refresh(self._draw_to_width)  # a hidden pane has no width

    def _draw_to_width(self) -> None:
        if self._report is None:
            return
        for name, text in (("summary", summary), ("groups", groups)):
            pane = self._pane(name)
            if width := pane.scrollable_content_region.width:
                pane.show(text(self._report, width))

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
