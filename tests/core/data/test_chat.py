"""Chat templates of strangers: what cannot stand around every text is refused, and what is odd is told."""

from pathlib import Path

import pytest
import tiny

from core.data.chat import template_of
from core.data.template import RECIPE, Template
from core.data.tokenizer import PromptTokenizer, fingerprint
from core.profile.errors import SettingError
from core.profile.settings import Profile
from core.profile.token_settings import Tokens

CHAT = Tokens(template="chat")
MESSAGE = "{{ messages[0].content }}"


def read(folder: Path, template: str | dict[str, str] | None) -> Template:
    tiny.chat_tokenizer(template).save_pretrained(folder)
    return template_of(Profile(tokens=CHAT), PromptTokenizer(folder))


@pytest.mark.parametrize(
    ("template", "why"),
    [
        (None, "the tokenizer has no chat template"),
        ({"of_tools": MESSAGE, "of_pictures": MESSAGE}, "the tokenizer has no chat template"),
        (MESSAGE * 2, "writes a user's message twice"),
        ("Hello!", "writes a user's message not as it is"),
        ("{{ messages[0].content | upper }}", "writes a user's message not as it is"),
        ("{{ messages[0].content | e }}", "changes a user's message"),
        ("{{ messages[0].content | replace('\\n', ' ') }}", "changes a user's message"),
        ("{{ messages[0].content[:200] }}", "changes a user's message"),
        ("{{ raise_exception('no users here') }}", "refuses a user's message: no users here"),
        ("{{ messages[5].content.nothing }}", "refuses a user's message"),
        ("{{ messages[0].__class__.__mro__[1].__subclasses__() }}", "refuses a user's message"),
        ("{% for", "refuses a user's message"),
    ],
)
def test_a_template_that_cannot_stand_around_every_text_is_refused(
    template: str | dict[str, str] | None, why: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match=f"tokens.template = 'chat': .*{why}"):
        read(tmp_path, template)


def test_one_that_cuts_off_white_space_is_taken_and_this_is_told(tmp_path: Path) -> None:
    assert "white space at the end of B" in read(tmp_path / "trims", tiny.CHAT).note
    assert read(tmp_path / "keeps", MESSAGE).note == ""


def test_what_it_puts_around_a_message_is_found_whatever_it_looks_like(tmp_path: Path) -> None:
    around = "<turn>x{{ '{{' }} %s {prompt} <response_a>: </turn>"
    made = read(tmp_path, f"{around}{MESSAGE}{around}")
    seen = "<turn>x{{ %s {prompt} <response_a>: </turn>"
    assert (made.before, made.tags, made.after) == (seen, RECIPE.tags, seen)


def test_a_date_in_it_is_the_same_on_every_day(tmp_path: Path) -> None:
    today = "  {% if strftime_now is defined %}{% set day = strftime_now('%d %b %Y') %}{% endif %}\n{{ day }} "
    assert read(tmp_path, today + MESSAGE).before == "26 Jul 2024 "


def test_another_chat_template_is_another_tokenizer(tmp_path: Path) -> None:
    """Inspections and predictions are found again by the fingerprint; the template lies in a file of its own."""
    found = set()
    for number, template in enumerate((MESSAGE, tiny.CHAT)):
        read(tmp_path / str(number), template)
        assert (tmp_path / str(number) / "chat_template.jinja").is_file()
        found.add(fingerprint(tmp_path / str(number)))
    assert len(found) == 2
