"""The heavy libraries are imported without what no part of the engine uses, and all of it is there again later."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tiny
from scipy.special import softmax
from sklearn.metrics import log_loss

from core.engine import scores
from core.libraries import compiled_when_called

IMPORT = """
import json, sys
from core.libraries import importing_libraries
with importing_libraries():
    import transformers.trainer, peft, bitsandbytes
    from transformers import Gemma2ForSequenceClassification
    import core.train.setup, core.train.training, core.predict.model
had = [name for name in ("sklearn", "scipy", "datasets", "pandas", "torch._inductor.compile_fx") if name in sys.modules]
import torch, scipy.special, sklearn, pandas, datasets
is_its_own = torch.compile.__module__ == "torch"
@torch.compile
def double(x): return 2 * x
print(json.dumps({"had": had, "is_its_own": is_its_own, "loads": "torch._inductor.compile_fx" in sys.modules}))
"""


@pytest.mark.slow
def test_libraries_come_without_what_is_not_used_and_it_can_be_imported_later() -> None:
    ran = subprocess.run([sys.executable, "-P", "-c", IMPORT], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout.splitlines()[-1]) == {"had": [], "is_its_own": True, "loads": True}


FIRST = {
    "the family of a config": "from core.model.checkpoint import _is_known; _is_known('no-such-family')",
    "a tokenizer to convert": "from core.model.locate import _convert; _convert(folder, 'x', folder / 'made')",
    "a chat template": "from core.data.chat import _around_a_message; _around_a_message(folder)",
}


@pytest.mark.slow
@pytest.mark.parametrize("first", FIRST.values(), ids=FIRST)
def test_libraries_can_be_imported_after_transformers_was_asked_for_something_small(first: str, tmp_path: Path) -> None:
    tiny.chat_tokenizer().save_pretrained(tmp_path)
    (tmp_path / "made").mkdir()
    script = f"from pathlib import Path\nfolder = Path({str(tmp_path)!r})\n{first}\n{IMPORT}"
    ran = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_what_is_compiled_when_it_is_called_is_compiled_once_and_with_its_options() -> None:
    asked = []

    def compile_(function: Callable[[int], int], **options: object) -> Callable[[int], object]:
        asked.append((function.__name__, options))
        return lambda x: ("compiled", function(x))

    later = compiled_when_called(compile_)

    @later(dynamic=False)
    def double(x: int) -> int:
        return 2 * x

    assert asked == []
    assert [double(1), double(2)] == [("compiled", 2), ("compiled", 4)]
    assert asked == [("double", {"dynamic": False})]


@pytest.mark.parametrize("rows", [1, 7, 1000])
@pytest.mark.parametrize("scale", [0.1, 10, 1000])
def test_the_log_loss_is_that_of_scikit_learn_to_the_last_bit(rows: int, scale: float) -> None:
    draw = np.random.default_rng(rows)
    logits = (draw.normal(size=(rows, 3)) * scale).astype(np.float32)
    labels = draw.integers(0, 3, rows)
    theirs = log_loss(labels, softmax(logits.astype(np.float64), axis=1), labels=[0, 1, 2])
    assert scores.log_loss(scores.softmax(logits), labels) == float(theirs)
