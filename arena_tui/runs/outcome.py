"""What came out of a run, or of it so far, in words and figures."""

from collections.abc import Mapping, Sequence

from textual.content import Content
from textual.dom import DOMNode

from arena_tui.format import numbers
from arena_tui.format.numbers import MUTED
from arena_tui.format.sanitize import printable, shortened
from arena_tui.runs import average
from arena_tui.runs.follow import RunView
from arena_tui.runs.gains import steps
from arena_tui.runs.ranks import computed_on
from arena_tui.runs.stages import has_no_heartbeat, how_far, stage
from arena_tui.runs.waits import words
from arena_tui.screen.keymap import hint
from arena_tui.widgets.facts import Fact, facts
from core.machine.slurm import JOB, restarts
from core.profile.load import Change, written
from core.runs import events
from core.runs.process import killed_for_memory
from core.runs.state import Status
from core.runs.stopping import stopped_by

KILLED = "It was killed, perhaps because memory ran out, or the machine went down. The end of its log may say why."
KILLED_FOR_MEMORY = (
    "Since it began, the kernel has killed a process in its control group because memory ran out. Give it more memory, "
    "or lower data.limit or train.per_device_batch_size."
)
PREPARED = "Prepared: a launch script starts it."
NOTHING = "nothing is evaluated: it is trained on all rows"
LONGEST_VALUE, LONGEST_REASON = 40, 2_000
"""Characters of a setting's value, and of what a record says of a failure."""


def outcome(run: RunView) -> list[Fact]:
    """The evaluation of what the run has kept beside what it must be compared with, and the size of the run."""
    state = run.state
    rows: list[Fact] = []
    if reached := state.reached:
        rows.append(("eval log loss", numbers.loss(reached.log_loss), f"at step {numbers.count(reached.step)}"))
        rows += references(run)
        rows.append(("accuracy", numbers.percent(reached.accuracy), f"of {numbers.counted(reached.rows, 'row')}"))
    if not run.evaluates:
        rows.append(
            (
                "eval log loss",
                numbers.MISSING,
                "nothing is evaluated" if state.started and state.started.average else NOTHING,
            )
        )
    started = state.started
    if started and started.average:
        rows += average.figures(started.average)
    elif started:
        rows.append(steps(state, started))
    if state.phase and not run.status.is_over and has_no_heartbeat(state):
        rows.append(("now", stage(state.phase), how_far(state.phase)))
    rows.append(("duration", numbers.duration(run.elapsed), ""))
    rows += on_ranks(run)
    if state.started and state.started.slurm:
        rows.append(_job(state.started.slurm))
    return rows


def _job(variables: Mapping[str, str]) -> Fact:
    """The Slurm job, and where it ran."""
    again = restarts(variables)
    known = [variables.get(name, "") for name in ("SLURM_JOB_PARTITION", "SLURM_JOB_NODELIST")]
    known.append(f"requeued {numbers.counted(again, 'time')}" if again else "")
    return "Slurm job", _brief(variables.get(JOB, "")), _brief(", ".join(filter(None, known)))


def on_ranks(run: RunView) -> list[Fact]:
    """On what several ranks compute the run."""
    started = run.state.started
    return [("computed on", printable(computed_on(started)), "")] if started and started.ranks else []


def references(run: RunView) -> list[Fact]:
    """A uniform guess, the class prior of the split and, on its data, the recipe, each with how far the run's log loss
    is from it."""
    known = [(run.outcomes.uniform, run.outcomes.uniform_log_loss)]
    if run.prior is not None:
        known.append(("prior", run.prior))
    if run.recipe_log_loss is not None:
        known.append(("recipe", run.recipe_log_loss))
    reached = run.log_loss
    return [
        (name, numbers.loss(value), numbers.difference(reached - value) if reached is not None else "")
        for name, value in known
    ]


def explanation(run: RunView, node: DOMNode) -> list[Content]:
    """What a run waits for; or why it ended before its time, what is kept, and what to do, with the keys of `node`."""
    if run.wait:
        return words(run.wait, node)
    if run.status is Status.PREPARED:
        return [Content(PREPARED)]
    match run.state.last:
        case events.Failed(cause=cause, advice=advice, exit_code=code, changes=changes, kept=kept):
            return [
                Content.styled(shortened(printable(cause), LONGEST_REASON), "$text-error"),
                Content(shortened(printable(advice), LONGEST_REASON)),
                *_proposal(changes, hint(node, "fix", "{} tries again with these settings")),
                Content.styled(f"exit code {code}", MUTED),
                _kept(_newest_checkpoint(run) if kept is None else kept),
            ]
        case events.Cancelled(step=step, kept=kept, adapter=adapter) as end:
            also = [Content(f"      {printable(adapter)}/, after its last step")] if adapter else []
            told = Content(f"stopped by {printable(stopped_by(end))} at step {numbers.count(step)}")
            return [told + hint(node, "resume", "; {} resumes it"), _kept(kept), *also]
    if run.status is Status.LOST:
        return [
            Content.styled("The process ended unexpectedly.", "$text-error"),
            Content(KILLED_FOR_MEMORY if killed_for_memory(run.folder) else KILLED)
            + hint(node, "resume", " {} resumes the run."),
            _kept(_newest_checkpoint(run)),
        ]
    return []


def change_facts(changes: Sequence[Change]) -> list[Fact]:
    """Each setting with its value before and after."""
    return [
        (printable(change.key), f"{_brief(written(change.old))} → {_brief(written(change.new))}", "")
        for change in changes
    ]


def _brief(value: str) -> str:
    return shortened(printable(value), LONGEST_VALUE)


def _proposal(changes: Sequence[Change], way: Content) -> list[Content]:
    """The proposed settings, and the key that takes them."""
    if not changes:
        return []
    return [
        Content(""),
        facts(change_facts(changes)),
        way,
        Content(""),
    ]


def _newest_checkpoint(run: RunView) -> str | None:
    return run.state.checkpoint.folder if run.state.checkpoint else None


def _kept(checkpoint: str | None) -> Content:
    return Content.assemble(("kept  ", MUTED), printable(checkpoint) if checkpoint else "no checkpoint yet")
