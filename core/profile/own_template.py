"""A text of the user's own around prompt and answers: taken apart at its three placeholders. Knows no tokens."""

from string import Formatter

NAMED = ("recipe", "chat")
"""What tokens.template may be besides such a text."""
PLACEHOLDERS = ("prompt", "response_a", "response_b")
_BRACES = "a brace that belongs to the text is written twice, {{ or }}"


def divided(text: str) -> list[str]:
    """The four texts before, between and after the placeholders, `{{` and `}}` read as braces.

    Raises ValueError, with the way out, where the placeholders are not prompt, response_a and response_b, in this
    order and each once.
    """
    try:
        pieces = list(Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"{error}: {_BRACES}") from None
    texts, found = [""], []
    for literal, name, form, conversion in pieces:
        texts[-1] += literal
        if name is None:
            continue
        if name not in PLACEHOLDERS or form or conversion:
            written = "{" + name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "") + "}"
            raise ValueError(f"{written} is no placeholder: those are {_named(PLACEHOLDERS)}; {_BRACES}")
        found.append(name)
        texts.append("")
    missing = [name for name in PLACEHOLDERS if name not in found]
    if len(missing) == len(PLACEHOLDERS):
        known = ", ".join(f'"{name}"' for name in NAMED)
        raise ValueError(f"must be {known}, or a text of your own with {_named(PLACEHOLDERS)}")
    if missing:
        raise ValueError(f"{_named(missing)} is missing: each of {_named(PLACEHOLDERS)} stands in it once")
    if twice := [name for name in PLACEHOLDERS if found.count(name) > 1]:
        raise ValueError(f"{_named(twice)} stands in it more than once")
    if found != list(PLACEHOLDERS):
        raise ValueError(f"the placeholders stand in another order than {_named(PLACEHOLDERS)}")
    return texts


def _named(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join("{" + name + "}" for name in names)
