"""What a run's rows have settled is read from its record; runs of before that have three outcomes."""

from pathlib import Path

from msgspec.structs import replace
from scripted_child import started

from core.outcomes import A_B, A_B_TIE
from core.profile.load import to_toml
from core.profile.settings import Profile
from core.runs import events
from core.runs.folder import RunFolder
from core.runs.metrics import RECIPE_LOG_LOSS, recipe_log_loss
from core.runs.record import Record
from core.runs.settled import read_outcomes, read_settled
from core.runs.state import RunState, fold


def run_with(runs: Path, *told: events.AnyEvent) -> RunFolder:
    folder = RunFolder(runs / "20260131-120000-run")
    folder.path.mkdir(parents=True)
    folder.resolved.write_text(to_toml(Profile()))
    with Record(folder.events) as record:
        for event in told:
            record.write(event)
    return folder


def test_a_run_that_has_not_begun_has_what_its_profile_says(tmp_path: Path) -> None:
    folder = run_with(tmp_path, events.Phase(phase="loading"))
    assert read_settled(folder) == folder.read_profile()
    assert read_settled(folder).model.outcomes == "auto"


def test_what_the_rows_have_told_holds(tmp_path: Path) -> None:
    folder = run_with(tmp_path, events.Phase(phase="loading"), replace(started(), outcomes="a-b"))
    assert read_outcomes(folder) is A_B
    assert read_settled(folder).model.outcomes == "a-b"
    assert folder.read_profile().model.outcomes == "auto", "resolved.toml stays as it was written"


def test_a_base_of_the_hub_is_the_commit_that_the_run_began_with_unless_it_lies_elsewhere_now(tmp_path: Path) -> None:
    base = Profile().model.checkpoint
    assert read_settled(run_with(tmp_path, replace(started(), commit_base=f"{base}@0a1b"))).model.revision == "0a1b"
    moved = run_with(tmp_path / "moved", replace(started(), commit_base="another/base@0a1b"))
    assert read_settled(moved).model.revision is None


def test_a_run_that_was_recorded_before_this_was_has_three(tmp_path: Path) -> None:
    folder = run_with(tmp_path, started())
    text = folder.events.read_text()
    assert ',"format":"","outcomes":"a-b-tie","outcomes_reason":""' in text
    folder.events.write_text(text.replace(',"format":"","outcomes":"a-b-tie","outcomes_reason":""', ""))
    assert read_outcomes(folder) is A_B_TIE
    assert read_settled(folder).model.outcomes == "a-b-tie"


def test_a_state_remembers_what_was_begun_while_a_run_is_resumed() -> None:
    begun = replace(started(), outcomes="a-b")
    state = fold(RunState(), [begun, events.Resumed(step=0, checkpoint=None)])
    assert (state.started, state.begun) == (None, begun)


def test_the_recipe_stands_beside_runs_on_the_competitions_data_alone() -> None:
    whole = replace(started(), format="lmsys")
    assert whole.rows_train + whole.rows_eval == 57_477
    assert recipe_log_loss(whole) == recipe_log_loss(started()) == RECIPE_LOG_LOSS
    for other in (
        replace(whole, rows_train=whole.rows_train - 1),
        replace(whole, outcomes="a-b"),
        replace(whole, format="arena"),
        None,
    ):
        assert recipe_log_loss(other) is None
