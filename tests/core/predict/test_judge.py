"""Comparisons judged as they come, by the command and its child: a line each way, to whoever reads, however it ends."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tiny
from evaluated import LOGITS, WINNERS
from pyarrow import parquet
from tiny_runs import SECONDS, copy_of

from core.data.example import PARTS
from core.engine.scores import softmax
from core.predict.request import ADAPTER_WEIGHTS
from core.runs.folder import RunFolder

pytestmark = pytest.mark.slow

Begin = Callable[[Path], "subprocess.Popen[bytes]"]
LINE = b'{"prompt": "Name a river.", "response_a": "kind exact", "response_b": "vague"}\n'


@pytest.fixture
def begin() -> Iterator[Begin]:
    """`arena-tui judge` with a run's folder, in a process group of its own as a shell starts it."""
    begun = []

    def begin(run: Path) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-P", "-m", "arena_tui", "judge", str(run)]
        pipe = subprocess.PIPE
        begun.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True))
        return begun[-1]

    yield begin
    for command in begun:
        command.kill()
        command.communicate()


def ask(command: "subprocess.Popen[bytes]", line: bytes) -> dict[str, Any]:
    """The answer to a line, before the next one is sent."""
    assert command.stdin and command.stdout
    command.stdin.write(line)
    command.stdin.flush()
    found: dict[str, Any] = json.loads(command.stdout.readline())
    return found


def test_each_line_is_answered_before_the_next_as_its_row_was_in_the_evaluation(
    begin: Begin, finished: RunFolder
) -> None:
    rows = {row["id"]: row for row in tiny.rows(60)}
    evaluated = parquet.read_table(finished.evaluation).slice(0, 5)
    wanted = softmax(np.column_stack([evaluated[column].to_numpy() for column in LOGITS]))
    command = begin(finished.path)
    for number, (id, tokens) in enumerate(
        zip(evaluated["id"].to_pylist(), evaluated["tokens"].to_pylist(), strict=True)
    ):
        prompt, a, b = (rows[id][part] for part in PARTS)
        one = ask(command, json.dumps({"id": id, "prompt": prompt, "response_a": a, "response_b": b}).encode() + b"\n")
        assert (one["line"], one["id"]) == (3 * number + 1, id)
        assert one["as_given"]["tokens"] == tokens
        given, swapped = (list(one[order]["probabilities"].values()) for order in ("as_given", "swapped"))
        np.testing.assert_allclose(given, wanted[number], atol=1e-5)
        np.testing.assert_allclose(list(one["probabilities"].values()), np.mean([given, swapped], axis=0), atol=1e-9)
        assert list(one["probabilities"]) == list(WINNERS)

        bad = ask(command, b'{"id": "bad", "prompt": "p"}\n')
        assert bad == {"line": 3 * number + 2, "id": "bad", "error": bad["error"]}

        texts = [json.loads(part)[0] for part in (prompt, b, a)]  # the answers have changed places
        other = ask(command, json.dumps(dict(zip(PARTS, texts, strict=True))).encode() + b"\n")
        a_wins, b_wins, tie = other["swapped"]["probabilities"].values()
        np.testing.assert_allclose([b_wins, a_wins, tie], given, atol=1e-5)
    long = {"prompt": "Name a river.", "response_a": "kind " * 80, "response_b": "vague " * 80}
    one = ask(command, json.dumps(long).encode() + b"\n")
    for order, last in (("as_given", "response_b"), ("swapped", "response_a")):  # as the line calls it
        lost = one[order]["lost"]
        assert one[order]["tokens"] == 64 < one[order]["whole_tokens"]
        assert lost.pop(last) > max(lost.values())

    _, told = command.communicate(timeout=SECONDS)
    assert (command.returncode, told) == (1, b"5 of 16 lines could not be judged: each says why\n")


def test_a_reader_that_leaves_and_ctrl_c_end_it_without_a_word_and_leave_nobody(
    begin: Begin, finished: RunFolder
) -> None:
    command = begin(finished.path)
    assert "error" not in ask(command, LINE)
    children = psutil.Process(command.pid).children()
    assert children
    os.killpg(command.pid, signal.SIGINT)
    command.wait(SECONDS)  # before its input ends, which would end it too
    assert (*command.communicate(timeout=SECONDS), command.returncode) == (b"", b"", 130)

    other = begin(finished.path)
    assert "error" not in ask(other, LINE)
    children += psutil.Process(other.pid).children()
    assert other.stdin and other.stdout and other.stderr
    other.stdout.close()
    other.stdin.write(LINE)
    other.stdin.flush()  # its end stays open: it is the reader that has gone
    assert other.wait(SECONDS) == 1
    assert other.stderr.read() == b""
    assert not psutil.wait_procs(children, timeout=SECONDS)[1]


def test_a_damaged_adapter_is_named_and_nothing_is_answered(begin: Begin, finished: RunFolder, tmp_path: Path) -> None:
    run = copy_of(finished, tmp_path / "damaged")
    weights = run.adapter / ADAPTER_WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1])
    command = begin(run.path)
    said, told = command.communicate(LINE, timeout=SECONDS)
    assert (said, command.returncode) == (b"", 1)
    assert ADAPTER_WEIGHTS in told.decode()
