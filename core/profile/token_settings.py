"""How the text of a comparison is made, and what of it is kept where it is too long."""

from typing import Annotated, Literal, get_args

from msgspec import Meta

from core.profile.data_settings import Section
from core.profile.own_template import NAMED

Truncation = Literal["right", "left", "head-tail", "thirds", "proportional", "longest-first", "rounds"]
TRUNCATIONS: tuple[Truncation, ...] = get_args(Truncation)


class Tokens(Section, frozen=True, kw_only=True):
    template: Annotated[
        str,
        Meta(
            max_length=8192,
            description="Text around prompt and answers: recipe (its tags), chat (the same as a user's message of the "
            "tokenizer's own chat template), or one of your own with {prompt}, {response_a} and {response_b}",
            extra={"values": NAMED},
        ),
    ] = "recipe"
    turn_separator: Annotated[
        str, Meta(max_length=80, description="Text between two turns of a part, or between two rounds")
    ] = " "
    turns: Annotated[
        Literal["parts", "rounds"],
        Meta(
            description="Order of several turns: parts has all of the prompt, then all of A, then all of B (the "
            "recipe); rounds repeats the template for each round, but for what is behind {response_b}, once at the end"
        ),
    ] = "parts"
    max_length: Annotated[
        int,
        Meta(
            ge=16,
            le=131_072,
            description="Longest input, BOS and EOS counted; longer ones are cut",
            extra={"unit": "tokens"},
        ),
    ] = 1024
    truncation: Annotated[
        Truncation,
        Meta(
            description="Truncation strategy, what is cut from a long input: right cuts its end, response B first "
            "(the recipe); left its beginning; head-tail its middle; thirds, proportional (20/40/40) and longest-first "
            "share the limit between prompt, A and B; rounds keeps whole rounds, newest first"
        ),
    ] = "right"
    ellipsis: Annotated[
        str, Meta(max_length=40, description="Text inserted where something was cut; the recipe has none")
    ] = ""
    prompt_max: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(
            description="longest-first only: a longer prompt is cut down to this before the answers are touched",
            extra={"unit": "tokens"},
        ),
    ] = None

    @property
    def text(self) -> tuple[str, str, str]:
        """All that decides how the text of a row is made, before any of it is cut."""
        return self.template, self.turn_separator, self.turns
