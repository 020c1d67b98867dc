"""The model card of an adapter: the text that it tells people to make is the text that the run has read."""

from collections.abc import Sequence
from typing import Any

import pytest

from core.data.template import RECIPE, Template
from core.profile.settings import Profile
from core.runs.metrics import Metrics
from core.train.model_card import card

ODD = ("```<turn>", '{x}"\\', "```\n'é🤷🏽\t")
TEMPLATES = {
    "recipe": RECIPE,
    "parts": Template("a\n```", ODD, "<end>`", separator="`|`"),
    "rounds": Template("a\n```", ODD, "<end>`", separator='\n"', by_round=True),
}
CONVERSATIONS: list[tuple[Sequence[str], Sequence[str], Sequence[str]]] = [
    (["why?"], ["a"], ["b"]),
    (["p", "q", "`{prompt}`"], ["a", "b"], ["", "x", "y", "z"]),
    ([], [""], []),
]


def metrics() -> Metrics:
    figures: dict[str, Any] = dict.fromkeys(Metrics.__struct_fields__, 1)
    return Metrics(**{**figures, "run": "tiny"})


@pytest.mark.parametrize("name", TEMPLATES)
def test_its_function_makes_the_text_that_the_run_has_read(name: str) -> None:
    template = TEMPLATES[name]
    written = card(Profile(), metrics(), template, by_auto_class=True, average_of=())
    code = written.split("```python\n")[1].split("```")[0]
    function = code[code.index("\n\nimport" if "import itertools" in code else "\n\ndef") : code.index("inputs = ")]
    found: dict[str, Any] = {}
    exec(function, found)  # noqa: S102  (people are told to)
    for parts in CONVERSATIONS:
        assert found["text"](*parts) == template.text(*parts)
    assert written.count("```") == 4, "no text of a template ends its code"
