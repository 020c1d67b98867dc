"""What is to be known of the rows before one trusts a result on them: classes, flaws, duplicates, leaks."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from core.data.example import LABELS
from core.inspect.figures import Rows

TIE = LABELS.index("tie")


class Hygiene(Struct, frozen=True, kw_only=True):
    """Counts of rows, unless said otherwise."""

    classes: dict[str, int]
    with_nulls: int
    """Rows with a turn that is null."""
    null_turns: int
    with_empty_answer: int
    identical_answers: int
    identical_answers_with_winner: int
    with_replaced_surrogates: int
    with_control_characters: int
    with_several_turns: int
    duplicate_prompts: int
    """Rows whose prompt another row has too."""
    prompts_on_both_sides: int
    """Distinct prompts that training and evaluation rows share."""
    eval_rows_with_leaked_prompt: int
    """Evaluation rows whose prompt is among the training rows'."""
    longer_answer_decided: int
    """Rows with a winner whose answers differ in tokens."""
    longer_answer_wins: int
    """Those of them that the longer answer wins."""


def hygiene(rows: Rows, held_out: NDArray[np.bool_]) -> Hygiene:
    """`held_out`, of shape (n,), marks the evaluation rows."""
    flags = rows.flags
    has_winner = rows.label != TIE
    _, prompt, times = np.unique(rows.prompt_key, return_inverse=True, return_counts=True)
    in_training = np.bincount(prompt[~held_out], minlength=len(times)) > 0
    in_evaluation = np.bincount(prompt[held_out], minlength=len(times)) > 0
    longer_a = rows.shape.parts[:, 1] > rows.shape.parts[:, 2]
    longer_b = rows.shape.parts[:, 2] > rows.shape.parts[:, 1]
    return Hygiene(
        classes={name: int((rows.label == label).sum()) for label, name in enumerate(LABELS)},
        with_nulls=int((flags["nulls"] > 0).sum()),
        null_turns=int(flags["nulls"].sum()),
        with_empty_answer=int(flags["is_empty"].sum()),
        identical_answers=int(flags["is_identical"].sum()),
        identical_answers_with_winner=int((flags["is_identical"].astype(bool) & has_winner).sum()),
        with_replaced_surrogates=int(flags["is_replaced"].sum()),
        with_control_characters=int(flags["has_control"].sum()),
        with_several_turns=int((rows.shape.round_counts > 1).sum()),
        duplicate_prompts=int((times[prompt] > 1).sum()),
        prompts_on_both_sides=int((in_training & in_evaluation).sum()),
        eval_rows_with_leaked_prompt=int((held_out & in_training[prompt]).sum()),
        longer_answer_decided=int((has_winner & (longer_a | longer_b)).sum()),
        longer_answer_wins=int((longer_a & (rows.label == 0) | longer_b & (rows.label == 1)).sum()),
    )
