"""The text that a model reads of a comparison: what stands around its turns, and in which order they come."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from core.data.example import Example, Turns
from core.profile.own_template import NAMED, PLACEHOLDERS, divided
from core.profile.settings import Profile

TAGS = ("<prompt>: ", "\n\n<response_a>: ", "\n\n<response_b>: ")
"""What the recipe has before prompt, response A and response B. Ordinary text, not special tokens."""
TAGS_OF_ONE = (TAGS[0], "\n\n<response>: ", "")
"""The same where each answer is read apart."""


class TextMade(Struct, frozen=True):
    """How the text of a run's rows is made, for people."""

    kind: str
    """recipe, chat or own."""
    turns: str
    """parts or rounds."""
    separator: str
    written: str
    """The whole text of one turn each, BOS and EOS included, with {prompt}, {response_a} and {response_b} in it; where
    answers are read apart, that with {response_a}."""
    note: str
    is_apart: bool = False

    def __str__(self) -> str:
        how = "part by part, turns" if self.turns == "parts" else "round by round, rounds"
        apart = ", each answer read apart" if self.is_apart else ""
        told = f"{NAMES[self.kind]}, {how} joined by {self.separator!r}{apart}"
        return f"{told}; {self.note}" if self.note else told


NAMES = {"recipe": "the recipe's tags", "chat": "the tokenizer's chat template", "own": "the profile's own template"}


class Template(Struct, frozen=True):
    """`before` and `after` stand once, at the two ends; a tag stands before each part, or before each turn of a round.

    A special token that is written in them is one. Whether the same characters are one within a turn is `is_plain`:
    then the tokenizer reads all of the text alike, as the recipe's does.
    """

    before: str = ""
    tags: tuple[str, str, str] = TAGS
    after: str = ""
    separator: str = " "
    """Between two turns of a part, or between two rounds."""
    by_round: bool = False
    is_plain: bool = True
    kind: str = "recipe"
    """recipe, chat or own."""
    note: str = ""
    """What is to be said of how it was come by."""
    is_apart: bool = False
    """Whether it is made of prompt and one answer: that of B is the one of the row with A and B swapped. It has no tag
    before B then, and no turns of B."""

    def parts(self, row: Example) -> tuple[Turns, Turns, Turns]:
        """Prompt, A and B of a row, as far as they stand in the text."""
        return row.prompt, row.response_a, () if self.is_apart else row.response_b

    def segments(self, prompt: Turns, response_a: Turns, response_b: Turns) -> list[str]:
        """The text in pieces, in its order: `before`, tags and turns, `after`.

        Of parts: each tag, then its turns, every turn but the first with the separator before it. Of rounds: in each
        round a tag and a turn of every part, an empty one where a part has none, the separator before its first tag.
        """
        parts = (prompt, response_a, response_b)
        pieces = [self.before]
        if self.by_round:
            for number in range(rounds_of(parts)):
                for part, (tag, turns) in enumerate(zip(self.tags, parts, strict=True)):
                    pieces.append(f"{self.separator}{tag}" if number and not part else tag)
                    pieces.append((turns[number] or "") if number < len(turns) else "")
        else:
            for tag, turns in zip(self.tags, parts, strict=True):
                pieces.append(tag)
                pieces += [
                    f"{self.separator}{turn or ''}" if number else turn or "" for number, turn in enumerate(turns)
                ]
        pieces.append(self.after)
        return pieces

    def made(self, begin: str, end: str) -> TextMade:
        """What is told of it; `begin` and `end` are BOS and EOS."""
        prompt, a, b = (["{" + name + "}"] for name in PLACEHOLDERS)
        text = self.text(prompt, a, [] if self.is_apart else b)
        turns = "rounds" if self.by_round else "parts"
        return TextMade(self.kind, turns, self.separator, f"{begin}{text}{end}", self.note, self.is_apart)

    def text(self, prompt: Turns, response_a: Turns, response_b: Turns) -> str:
        """The whole of it, without BOS and EOS."""
        return "".join(self.segments(prompt, response_a, response_b))


RECIPE = Template()


def rounds_of(parts: Sequence[Turns]) -> int:
    """Of the part with the most turns; a comparison without any turn has an empty one."""
    return max(1, *map(len, parts))


def own(profile: Profile) -> Template:
    """The text that `tokens.template` is, or the recipe's tags: what a chat has around them its tokenizer knows."""
    tokens, is_apart = profile.tokens, profile.reads_apart
    made = Template(separator=tokens.turn_separator, by_round=tokens.turns == "rounds", is_apart=is_apart)
    if tokens.template in NAMED:
        return replace(made, tags=TAGS_OF_ONE) if is_apart else made
    prompt, a, b, after = divided(tokens.template)
    return replace(made, tags=(prompt, a, "" if is_apart else b), after=after, is_plain=False, kind="own")
