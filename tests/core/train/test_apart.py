"""model.head = "bradley-terry": each answer is read in a sequence of its own, and their order cannot matter."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pyarrow import parquet
from tiny_runs import SECONDS, Start, measured

from core.data.apart import as_one, read_as
from core.data.chat import template_of
from core.data.example import Example, swapped
from core.data.tokenizer import PromptTokenizer
from core.data.tokens import encode, rows_digest
from core.model.apart import ReadApart
from core.outcomes import A_B, A_B_TIE, Outcomes
from core.packed.layout import layouts
from core.profile.errors import ProfileError
from core.profile.load import parse_profile
from core.runs.folder import RunFolder

APART = "model.head=bradley-terry"
pytestmark = pytest.mark.xdist_group("ranks")

KINDS = st.sampled_from([A_B, A_B_TIE])
RUN = (APART, "train.epochs=1", "eval.every=3", "data.limit=59", "train.log_steps=1", "lora.dropout=0.2")


@given(KINDS, st.data())
def test_joined_logits_are_those_of_bradley_terry_and_davidson(kind: Outcomes, data: Any) -> None:
    """Against the formulas as they are written in the papers, in probabilities."""
    a, b = (data.draw(arrays(np.float32, (1, len(kind)), elements=st.floats(-3, 3, width=32))) for _ in range(2))
    joined = kind.joined(a, b)[0].astype(float)
    strength = [math.exp(one[0] - one[1]) for one in (a[0].astype(float), b[0].astype(float))]
    weights = [strength[0], strength[1]]
    if kind.has_ties:
        nu = math.exp(a[0, 2] + b[0, 2] - (a[0, 0] + a[0, 1] + b[0, 0] + b[0, 1]) / 2)
        weights.append(nu * math.sqrt(strength[0] * strength[1]))
    expected = np.array(weights) / sum(weights)
    found = np.exp(joined - joined.max()) / np.exp(joined - joined.max()).sum()
    assert found == pytest.approx(expected, rel=1e-4)
    assert np.array_equal(kind.joined(b, a), kind.unswapped(kind.joined(a, b))), "to the last bit"


def test_the_two_sequences_of_each_comparison_are_joined() -> None:
    logits = torch.arange(12.0).reshape(4, 3)
    read = ReadApart(lambda **inputs: type("Output", (), {"logits": inputs["logits"]}), A_B_TIE)
    assert read(logits=logits).logits.tolist() == [[0 + 4, 1 + 3, 2 + 5], [6 + 10, 7 + 9, 8 + 11]]


def test_a_sequence_holds_the_prompt_and_one_answer_and_nothing_tells_which(tmp_path: Path) -> None:
    tiny.chat_tokenizer().save_pretrained(tmp_path)
    tokenizer = PromptTokenizer(tmp_path)
    profile = parse_profile("", source="t", overrides=[APART, "tokens.max_length=60", "tokens.truncation=proportional"])
    template = template_of(profile, tokenizer)
    row = Example(0, 7, ("why?",), ("because " * 30,), ("so so",), 0)
    [[a]], [[b]] = ([*encode([one], tokenizer, profile.tokens, template)] for one in (row, swapped(row)))
    assert template.made("<bos>", "<eos>").written == "<bos><prompt>: {prompt}\n\n<response>: {response_a}<eos>"
    assert len(a.ids) == 60
    assert a.lost[1] > 0
    assert (b.lost, b.full_length) == ((0, 0, 0), len(b.ids))
    same = Example(0, 7, row.prompt, row.response_b, row.response_a, 1)
    [[first]] = encode([same], tokenizer, profile.tokens, template)
    assert np.array_equal(first.ids, b.ids), "which of the two it is leaves no trace"
    whole = as_one(a, b)
    assert whole.ids.tolist() == [*a.ids.tolist(), *b.ids.tolist()]
    assert (whole.lost[1:], whole.parts[1:]) == ((a.lost[1], b.lost[1]), (a.parts[1], b.parts[1]))
    other = Example(0, 7, row.prompt, row.response_a, ("no",), 0)
    [[changed]] = encode([swapped(other)], tokenizer, profile.tokens, template)
    digests = [rows_digest(read_as([a], [one], profile)) for one in (b, changed)]
    assert digests[0].other_parts(digests[1]) == ["tokens"], "a resume with another B is refused"


def test_a_layout_never_divides_the_answers_of_a_row() -> None:
    assert all(layout.examples % 2 == 0 for layout in layouts(parse_profile("", source="t", overrides=[APART])))


@pytest.mark.parametrize("asked", ["train.swap=paired", "train.swap=both", "train.swap=random", "eval.swap=true"])
def test_what_would_swap_is_refused(asked: str) -> None:
    with pytest.raises(ProfileError, match="the order of A and B cannot matter"):
        parse_profile("", source="t", overrides=[APART, asked])


def logits(folder: RunFolder) -> np.ndarray[Any, Any]:
    table = parquet.read_table(folder.evaluation)
    assert not [name for name in table.column_names if name.startswith("swapped")]
    return np.stack([table[name] for name in A_B_TIE.logits], axis=1)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The setting of a teacher that tells of half of the rows."""
    teacher = tmp_path_factory.mktemp("teacher") / "teacher.csv"
    rows = "".join(f"{row['id']},0.1,0.2,0.7\n" for row in tiny.rows(60)[::2])
    teacher.write_text(f"id,probability_a,probability_b,probability_tie\n{rows}")
    return f"distill.teachers={[str(teacher)]}"


@pytest.fixture(scope="module")
def padded(start_shared: Start, taught: str) -> RunFolder:
    folder, child = start_shared(*RUN, taught, "train.engine=padded")
    assert child.wait(SECONDS) == 0
    return folder


@pytest.mark.parametrize("other", ["train.engine=packed", "run.gpus=2", "run.gpus=3"])
def test_engines_and_ranks_compute_the_same_run(other: str, padded: RunFolder, taught: str, start: Start) -> None:
    engine = "padded" if "gpus" in other else "packed"
    folder, child = start(*RUN, taught, f"train.engine={engine}", other)
    assert child.wait(SECONDS) == 0
    (counted, figures), (counted_too, figures_too) = measured(padded), measured(folder)
    assert counted == counted_too
    assert np.allclose(figures, figures_too, atol=2e-5)
    assert np.allclose(logits(padded), logits(folder), atol=2e-5)
