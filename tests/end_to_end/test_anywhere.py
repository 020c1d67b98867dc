"""A run started with relative paths is gone on with, retried, predicted with and reported on from anywhere."""

import json
import shutil
from pathlib import Path

import pytest
import tiny
from command_line import arena_tui
from msgspec.structs import replace
from tiny_runs import SETTINGS

from core.data.files import read_records
from core.demo.assets import train_sources
from core.model.locate import locate, tokenizer_at_hand
from core.profile.data_settings import Data
from core.profile.errors import SettingError
from core.profile.files import rooted
from core.profile.load import parse_profile, to_toml
from core.profile.settings import Model
from core.runs.folder import RunFolder, create_run, list_runs
from core.runs.resume import prepare, prepare_retry
from core.runs.state import Status, read_run

pytestmark = pytest.mark.xdist_group("anywhere")

PROFILE = SETTINGS.replace("[model]", '[data]\ntrain = "train.csv"\n[model]\ncheckpoint = "models/x"')


@pytest.fixture(scope="module")
def work(checkpoint: Path, train_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rows, a base and a profile that names both by relative paths; and a run, finished there."""
    work = tmp_path_factory.mktemp("work")
    shutil.copytree(checkpoint, work / "models" / "x")
    shutil.copy(train_csv, work)
    (work / "mine.toml").write_text(PROFILE)
    ran = arena_tui("train", "mine.toml", cwd=work)
    assert ran.returncode == 0, ran.stderr
    return work


@pytest.fixture
def run(work: Path, tmp_path: Path) -> RunFolder:
    [run] = list_runs(work / "runs")
    shutil.copytree(run.path, tmp_path / "runs" / run.id)
    return RunFolder(tmp_path / "runs" / run.id)


def as_of_an_older_version(run: RunFolder, work: Path) -> None:
    """With its paths as they were written, in resolved.toml too."""
    run.resolved.write_text(run.resolved.read_text().replace(f"{work}/", ""))
    assert 'checkpoint = "models/x"' in run.resolved.read_text()


def test_the_profile_stays_verbatim_the_settings_hold_absolute_paths_and_the_card_none(
    run: RunFolder, work: Path
) -> None:
    assert run.profile.read_text() == PROFILE
    resolved = parse_profile(run.resolved.read_text(), source="resolved")
    assert (resolved.data.train, resolved.model.checkpoint) == (str(work / "train.csv"), str(work / "models/x"))
    card = (run.adapter / "README.md").read_text()
    assert str(work) not in card
    assert "base_model: x" in card


def test_from_elsewhere_it_predicts(run: RunFolder, tmp_path: Path) -> None:
    tiny.write_csv(tmp_path / "rows.csv", tiny.rows(4))
    told = arena_tui("predict", run.id, "rows.csv", "-o", "out.csv", "--runs-dir", "runs", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 5


def test_from_elsewhere_an_older_one_is_reported_on_and_gone_on_with_for_good(
    run: RunFolder, work: Path, tmp_path: Path
) -> None:
    as_of_an_older_version(run, work)
    told = arena_tui("report", run.id, "--json", "--runs-dir", "runs", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["length_bias"] is not None, "its rows were not found"

    run.metrics.unlink()
    told = arena_tui("resume", run.id, "--runs-dir", "runs", cwd=tmp_path)
    assert told.returncode == 0, told.stdout
    assert read_run(run)[1] is Status.FINISHED
    info = run.read_info()
    assert info is not None
    assert info.working_directory == str(tmp_path), "what is relative would be meant from here now"
    assert run.read_profile().model.checkpoint == str(work / "models/x")


def test_a_path_given_to_resume_is_meant_from_where_it_is_given(
    run: RunFolder, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_of_an_older_version(run, work)
    run.metrics.unlink()
    shutil.copy(work / "train.csv", tmp_path / "moved.csv")
    monkeypatch.chdir(tmp_path)
    prepare(run, ("data.train=moved.csv",))
    settings = run.read_profile()
    assert (settings.data.train, settings.model.checkpoint) == (str(tmp_path / "moved.csv"), str(work / "models/x"))


def test_retried_elsewhere_the_new_text_names_the_same_files_and_here_it_stays_as_it_was(
    run: RunFolder, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_of_an_older_version(run, work)
    monkeypatch.chdir(work)
    here = prepare_retry(run, ["train.learning_rate=1e-5"])
    assert here.text == PROFILE.replace("learning_rate = 1e-3", "learning_rate = 1e-05")
    monkeypatch.chdir(tmp_path)
    elsewhere = prepare_retry(run, ["train.learning_rate=1e-5"])
    assert [change.key for change in elsewhere.changes] == ["train.learning_rate"]
    assert elsewhere.profile == here.profile
    assert rooted(parse_profile(elsewhere.text, source="text"), tmp_path) == here.profile


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("demo", "demo"),  # though there is a folder of that name
        ("lmsys/arena", "lmsys/arena"),
        ("google/gemma-2-9b-it", "google/gemma-2-9b-it"),
        ("models/x", "{here}/models/x"),
        ("rows.csv", "{here}/rows.csv"),  # a file that is not there yet
        ("absent/rows.JSONL", "{here}/absent/rows.JSONL"),
        ("./a", "{here}/a"),
        ("rows/*", "{here}/rows/*"),
        ("owner/name::train[:10]", "owner/name::train[:10]"),
        ("../a", "{here}/../a"),
        ("a/b/c", "{here}/a/b/c"),
        ("/a/b", "/a/b"),
        ("~/a", "{home}/a"),
        ("~nobody-of-this-name/a", "{here}/~nobody-of-this-name/a"),
        ("x" * 4000, "x" * 4000),
    ],
)
def test_what_is_a_path_becomes_absolute_and_a_name_stays(
    written: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "demo").mkdir()
    (tmp_path / "models" / "x").mkdir(parents=True)
    meant = meant.format(here=tmp_path, home=tmp_path / "home")
    profile = parse_profile("", source="none", overrides=[f"data.train={written}", f"model.checkpoint={written}"])
    found = rooted(profile, tmp_path)
    assert (found.data.train, found.model.checkpoint) == (meant, meant)
    assert rooted(found, Path("/elsewhere")) == found


def test_a_tilde_is_the_home_folder_before_a_run_and_in_one(
    tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir("/")
    shutil.copytree(checkpoint, tmp_path / "x")
    tiny.write_csv(tmp_path / "train.csv", tiny.rows(3))
    assert len(list(read_records(*train_sources(Data(train="~/train.csv"))))) == 3
    model = Model(checkpoint="~/x")
    assert locate(model) == str(tmp_path / "x")
    assert tokenizer_at_hand(model) == tmp_path / "x"
    with pytest.raises(SettingError, match="there is no such folder"):
        locate(Model(checkpoint="~/y"))
    profile = replace(parse_profile("", source="none"), data=Data(train="~/train.csv"), model=model)
    folder = create_run(tmp_path / "runs", profile, text=to_toml(profile), name="x")
    assert folder.read_profile().data.train == str(tmp_path / "train.csv")
