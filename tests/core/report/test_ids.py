"""Ids of which some are whole numbers and some are texts: the report, and both orders, find their rows again."""

import json
from pathlib import Path

import numpy as np
from evaluated import write_evaluation

from core.data.rows import read_comparisons
from core.predict.request import DEMO, Member, Request
from core.profile.data_settings import Columns, Data, Winners
from core.profile.load import to_toml
from core.profile.settings import Profile
from core.report.evaluation import read_evaluation
from core.report.scores import against
from core.report.source_rows import chatbots, read_texts
from core.report.swap import write_swapped
from core.runs.folder import RunFolder

IDS = [17, "abc", 99, "zz", "12e45"]
OWN = Data(
    columns=Columns(id="key", prompt="q", response_a="x", response_b="y", winner="won", model_a="mx", model_b="my"),
    winners=Winners(a=["x"], b=["y"]),
)


def write(path: Path) -> str:
    rows = [
        {"key": str(id), "q": f"q{id}", "x": "left", "y": "right", "won": "xy"[n % 2], "mx": "m", "my": "n"}
        for n, id in enumerate([*IDS, "more"])
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def evaluated(folder: Path) -> RunFolder:
    run = RunFolder(folder)
    write_evaluation(run.evaluation, IDS, [0, 1, 0, 1, 0], np.zeros((5, 3), dtype=np.float32))
    return run


def test_the_report_finds_the_rows_by_their_ids(tmp_path: Path) -> None:
    evaluation = read_evaluation(evaluated(tmp_path / "run"))
    assert evaluation.id == IDS
    texts = read_texts([write(tmp_path / "rows.jsonl")], None, OWN, evaluation, lambda _: None)
    assert (list(texts.found), texts.cautions) == (IDS, [])
    assert texts.train_label.tolist() == [1], "the one row that was not evaluated"
    assert chatbots(texts, evaluation) == [("m", "n")] * 5
    found, *_ = against(evaluation, "other", evaluation)
    assert (found.rows, found.only_here) == (5, 0)


def test_swapped_rows_are_read_as_they_are_written_whatever_format_the_run_names(tmp_path: Path) -> None:
    run, source = evaluated(tmp_path / "run"), write(tmp_path / "rows.jsonl")
    run.resolved.write_text(to_toml(Profile(data=OWN)))
    written = write_swapped(run, OWN, [source])
    request = Request(members=[Member(str(run.path), "", 1.0)], test=str(written), format="lmsys")
    rows = read_comparisons(request.test, request.read_data(), "auto")
    assert [(row.id, row.response_a, row.label) for row in rows] == [
        (id, ("right",), 1 - n % 2) for n, id in enumerate(IDS)
    ]
    own = Request(members=request.members, test=source)
    assert own.read_data() == OWN, "other rows are read as those of the run"
    assert Request(members=request.members, test=DEMO).read_data() == Data()
