"""What users say of runs, and how runs and checkpoints are deleted: from scripts, on recorded runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kept_files import add_adapter, add_checkpoints, checkpoint_names, damage
from recorded import record_run
from scripted_child import HOSTILE

from arena_tui.__main__ import main
from arena_tui.runs.follow import Follower, RunList
from core.runs.access import Strange
from core.runs.checkpoints import carry_out, plan
from core.runs.folder import RunFolder, list_runs
from core.runs.lock import locked
from core.runs.notes import MOST_NAME, Notes, NotesError, read_notes, write_notes
from core.runs.state import Status
from core.runs.trash import StillInUse, discard, held, kept_in_place, put_back, trashed


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_TUI_CACHE", str(tmp_path / "cache"))


def ended(runs: Path, name: str = "a") -> RunFolder:
    return record_run(runs, f"20260131-120000-{name}", end="finished", steps=200)


def living(runs: Path) -> RunFolder:
    return record_run(runs, "20260131-130000-living", end=None, steps=200, pid=os.getpid())


class TestNotes:
    @given(st.text(max_size=200), st.text(max_size=MOST_NAME))
    def test_any_text_comes_back_as_it_was_written(self, tmp_path_factory: pytest.TempPathFactory, note, name) -> None:  # type: ignore[no-untyped-def]
        run = RunFolder(tmp_path_factory.mktemp("run"))
        write_notes(run, note=note, name=name)
        as_text = note.encode(errors="replace").decode().strip()
        found = read_notes(run)
        assert found.note.splitlines() == as_text.splitlines()
        assert found.name == " ".join(name.encode(errors="replace").decode().split())

    def test_a_note_leaves_the_name_and_an_empty_one_removes_it(self, tmp_path: Path) -> None:
        run = ended(tmp_path)
        write_notes(run, name="best")
        write_notes(run, note="two\nlines")
        assert read_notes(run) == Notes("best", "two\nlines")
        write_notes(run, name="")
        write_notes(run, note="")
        assert not run.notes.exists()

    @pytest.mark.parametrize("content", [b"\xff\xfe", b"name = ", b"name = 3\n", b"name = 'x'\n" + b"#" * 100_000])
    def test_a_file_that_cannot_be_read_is_not_overwritten(self, tmp_path: Path, content: bytes) -> None:
        run = ended(tmp_path)
        run.notes.write_bytes(content)
        if read_notes(run) == Notes():
            with pytest.raises((NotesError, Strange), match=r"notes\.toml(: larger than| cannot be read)"):
                write_notes(run, note="new")
            assert run.notes.read_bytes() == content
        assert Follower(run).read().status is Status.FINISHED

    def test_too_long_a_name_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(NotesError, match="at most 60"):
            write_notes(ended(tmp_path), name="x" * 61)

    def test_a_list_that_is_followed_learns_of_a_new_name(self, tmp_path: Path) -> None:
        run = ended(tmp_path)
        runs = RunList(tmp_path)
        runs.read()
        assert runs.read()[0].name == "a"
        write_notes(run, name="another")
        assert runs.read()[0].name == "another"
        assert runs.read()[0] is runs.read()[0]


class TestTrash:
    def test_a_deleted_run_is_out_of_the_list_and_comes_back_whole(self, tmp_path: Path) -> None:
        run = ended(tmp_path)
        write_notes(run, note="keep me")
        discard(run)
        assert list_runs(tmp_path) == []
        [lying] = trashed(tmp_path)
        back = put_back(lying)
        assert back.path == run.path
        assert read_notes(back).note == "keep me"
        assert Follower(back).read().status is Status.FINISHED

    def test_two_deleted_runs_of_one_name_are_both_kept(self, tmp_path: Path) -> None:
        discard(ended(tmp_path))
        discard(ended(tmp_path))
        assert len(trashed(tmp_path)) == 2

    def test_a_living_run_is_never_moved(self, tmp_path: Path) -> None:
        run = living(tmp_path)
        with pytest.raises(StillInUse, match="stop it first"):
            discard(run)
        assert run.path.exists()

    @pytest.mark.slow
    def test_a_run_whose_process_is_on_its_way_out_is_not_moved(self, tmp_path: Path) -> None:
        run = ended(tmp_path)
        with locked(run.lock), pytest.raises(StillInUse, match="still at work"):
            discard(run)
        assert run.path.exists()

    @pytest.mark.slow
    def test_a_run_is_neither_moved_nor_pruned_while_a_prediction_reads_it(self, tmp_path: Path) -> None:
        run = ended(tmp_path)
        with kept_in_place(run), kept_in_place(run):  # several may
            for take_away in (discard, lambda run: carry_out(plan(run, keep=0))):
                with pytest.raises(StillInUse, match=f"a prediction with {run.id} is at work: wait, or arena-tui stop"):
                    take_away(run)
        assert run.path.exists()
        with held(run), pytest.raises(StillInUse, match="being moved"), kept_in_place(run):
            pass
        assert discard(run).path.exists()

    def test_emptying_deletes_for_good_and_only_when_told_so(self, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
        discard(ended(tmp_path))
        trash = ["trash", "--runs-dir", str(tmp_path)]
        assert main([*trash, "--empty"]) == 2
        assert "cannot be undone" in capsys.readouterr().err
        assert len(trashed(tmp_path)) == 1
        assert main([*trash, "--empty", "--yes"]) == 0
        assert trashed(tmp_path) == []


class TestPruning:
    def test_the_newest_intact_checkpoint_stays_and_damaged_and_half_written_ones_go(self, tmp_path: Path) -> None:
        run = ended(tmp_path)
        add_checkpoints(run, 10, 20, 30)
        damage(run, 30)
        (run.checkpoints / ".saving").mkdir()
        (run.checkpoints / ".saving" / "half").write_bytes(bytes(500))
        planned = plan(run)
        assert planned.kept == ("checkpoint-20",)
        before = sum(path.stat().st_size for path in run.checkpoints.rglob("*") if path.is_file())
        carry_out(planned)
        after = sum(path.stat().st_size for path in run.checkpoints.rglob("*") if path.is_file())
        assert checkpoint_names(run) == ["checkpoint-20"]
        assert before - after == planned.size

    def test_where_no_checkpoint_is_intact_none_is_deleted_unasked(self, tmp_path: Path) -> None:
        run = ended(tmp_path)
        add_checkpoints(run, 10, 20)
        damage(run, 10)
        damage(run, 20)
        assert plan(run).paths == ()
        assert len(plan(run, keep=0).paths) == 2

    def test_the_only_intact_one_goes_only_by_keep_0_and_yes(self, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
        run = ended(tmp_path)
        add_checkpoints(run, 10)
        prune = ["prune", "--runs-dir", str(tmp_path), run.id]
        assert main([*prune, "--yes"]) == 0
        assert main([*prune, "--keep", "0", "--dry-run"]) == 0
        assert "cannot be resumed" in capsys.readouterr().out
        assert main([*prune, "--keep", "0"]) == 2
        assert checkpoint_names(run) == ["checkpoint-10"]
        assert main([*prune, "--keep", "0", "--yes"]) == 0
        assert checkpoint_names(run) == []

    def test_all_means_ended_runs_and_leaves_the_living_alone(self, tmp_path: Path) -> None:
        done, going = ended(tmp_path), living(tmp_path)
        for run in (done, going):
            add_checkpoints(run, 10, 20)
        assert main(["prune", "--all", "--yes", "--runs-dir", str(tmp_path)]) == 0
        assert checkpoint_names(done) == ["checkpoint-20"]
        assert checkpoint_names(going) == ["checkpoint-10", "checkpoint-20"]
        assert main(["prune", going.id, "--yes", "--runs-dir", str(tmp_path)]) == 1

    @pytest.mark.slow
    def test_a_run_resumed_since_the_question_is_left_alone(self, tmp_path: Path) -> None:
        run = ended(tmp_path)
        add_checkpoints(run, 10, 20)
        planned = plan(run)
        with locked(run.lock), pytest.raises(StillInUse):
            carry_out(planned)
        assert len(checkpoint_names(run)) == 2


class TestCommands:
    def test_runs_lists_what_the_table_does_sorted_with_missing_values_last(self, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
        run = ended(tmp_path)
        add_adapter(run, 5000)
        add_checkpoints(run, 10)
        record_run(tmp_path, "20260131-140000-early", end="cancelled", steps=200, until=50)
        (tmp_path / "20260131-150000-empty").mkdir()
        (tmp_path / "20260131-150000-empty" / "resolved.toml").write_text("")
        options = ["runs", "--runs-dir", str(tmp_path), "--json"]
        for more in ([], ["--reverse"]):
            assert main([*options, "--sort", "log_loss", *more]) == 0
            rows = json.loads(capsys.readouterr().out)
            assert rows[0]["name"] == "a"
            assert {row["log_loss"] for row in rows[1:]} == {None}
        [found] = [row for row in rows if row["name"] == "a"]
        assert found["disk"]["adapter"] == 5000
        assert found["disk"]["total"] > 5000 + found["disk"]["checkpoints"] > 6000
        assert found["memory_peak"] == 33 * 2**30
        assert found["tokens_per_second"] == pytest.approx(15_480, rel=0.02)
        assert main([*options, "--filter", "CANCELLED early"]) == 0
        assert [row["name"] for row in json.loads(capsys.readouterr().out)] == ["early"]
        assert main([*options, "--sort", "beauty"]) == 2

    def test_hostile_words_are_printed_harmlessly(self, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
        run = ended(tmp_path)
        assert main(["note", run.id, HOSTILE, "--runs-dir", str(tmp_path)]) == 0
        assert main(["rename", run.id, "\x1b[2J[red]\udcffx", "--runs-dir", str(tmp_path)]) == 0
        assert main(["runs", "--runs-dir", str(tmp_path)]) == 0
        out = capsys.readouterr().out
        assert "␛[2J[red]" in out
        assert not set(out) & {"\x1b", "\u202e", "\x07", "\udcff"}

    def test_delete_asks_names_what_is_lost_and_refuses_a_part_of_several_ids(self, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
        run = ended(tmp_path)
        add_adapter(run, 3 << 20)
        record_run(tmp_path, "20260131-120000-ab", end="failed", steps=200, until=50)
        where = ["--runs-dir", str(tmp_path)]
        assert main(["delete", "20260131-12", "--yes", *where]) == 2
        assert "several runs" in capsys.readouterr().err
        assert main(["delete", run.id, *where]) == 2
        assert "an adapter of 3 MiB" in capsys.readouterr().err
        assert run.path.exists()
        assert main(["delete", run.id, "--yes", *where]) == 0
        assert not run.path.exists()

    def test_a_question_in_a_terminal_takes_anything_but_y_for_a_no(self, tmp_path: Path) -> None:
        run = ended(tmp_path)
        command = [sys.executable, "-P", "-m", "arena_tui", "delete", run.id, "--runs-dir", str(tmp_path)]
        for answer, exit_code in (("\n", 1), ("n\n", 1), ("y\n", 0)):
            master, terminal = os.openpty()
            os.write(master, answer.encode())
            ran = subprocess.run(command, stdin=terminal, capture_output=True, text=True)
            os.close(terminal)
            os.close(master)
            assert (ran.returncode, run.path.exists()) == (exit_code, exit_code == 1), ran.stderr
