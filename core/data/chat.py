"""The text of a profile for a tokenizer: with its own chat template around it, which transformers renders once."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from core.data.example import reason
from core.data.template import Template, own
from core.data.tokenizer import NO_CHAT, PromptTokenizer
from core.libraries import without_optional
from core.profile.errors import SettingError
from core.profile.settings import Profile

ODD = 40 * " <b>&amp;\"'{{ x }}{% y %}\\n\t\n\n😀 "
"""Text in which a template that escapes, strips or rewrites what it is given cannot leave everything as it is."""
DAY = datetime(2024, 7, 26, tzinfo=UTC)
"""Today, for templates that write the date: a model is shown the same text tomorrow."""
CLOCK = "strftime_now"
_REPLACED = "".join(f".replace('%{code}', '{DAY.strftime(f'%{code}')}')" for code in "dmyYbBaAjHIMSp")
STOPPED_CLOCK = f"{{% macro {CLOCK}(format) %}}{{{{ format{_REPLACED} }}}}{{% endmacro %}}\n"
"""In place of the function of that name; what transformers lets templates be given is data alone."""
KEY = "tokens.template"


def template_of(profile: Profile, tokenizer: PromptTokenizer) -> Template:
    """The text around prompt and answers that `profile` asks for, without the BOS and EOS that stand around every row.

    Raises SettingError where it asks for a chat template that the tokenizer lacks, or that cannot be used.
    """
    made = own(profile)
    if profile.tokens.template == "chat":
        before, after, note = _around_a_message(tokenizer.folder)
        made = replace(made, before=before, after=after, note=note, is_plain=False, kind="chat")
    if made.is_plain:
        return made
    begin, end = tokenizer.around
    first = made.before.removeprefix(begin)
    tag = made.tags[0] if made.before else made.tags[0].removeprefix(begin)
    return replace(made, before=first, tags=(tag, *made.tags[1:]), after=made.after.removesuffix(end))


@without_optional()
def _around_a_message(folder: Path) -> tuple[str, str, str]:
    """What the chat template puts before and behind a user's message, and what is to be said of it.

    The message is rendered as a word that occurs nowhere else, so that no text can be mistaken for it. No answer of
    the assistant is begun. Raises SettingError.
    """
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    try:
        template = tokenizer.get_chat_template()
    except ValueError:
        raise SettingError(KEY, "chat", NO_CHAT) from None
    if CLOCK in template:
        template = STOPPED_CLOCK + template

    def rendered(message: str) -> str:
        try:
            text = tokenizer.apply_chat_template(
                [{"role": "user", "content": message}],
                tokenize=False,
                add_generation_prompt=False,
                chat_template=template,
            )
        except Exception as error:  # whatever a stranger's template may raise
            raise SettingError(KEY, "chat", f"the chat template refuses a user's message: {reason(error)}") from error
        return str(text)

    word = f"x{secrets.token_hex(16)}x"
    before, found, after = rendered(word).partition(word)
    if not found or word in after:
        times = "twice" if found else "not as it is"
        raise SettingError(KEY, "chat", f"the chat template writes a user's message {times}: {_WAY_OUT}")
    if rendered(f"{word}{ODD}{word}") != f"{before}{word}{ODD}{word}{after}":
        raise SettingError(KEY, "chat", f"the chat template changes a user's message: {_WAY_OUT}")
    is_trimmed = rendered(f" {word}\n") != f"{before} {word}\n{after}"
    note = "the chat template would cut off white space at the end of B; here it stays" if is_trimmed else ""
    return before, after, note


_WAY_OUT = "write its text around {prompt}, {response_a} and {response_b} yourself"
