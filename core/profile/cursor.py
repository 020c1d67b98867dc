"""What a cursor in a profile's text stands on, and what could be written there. Reads line by line: the text may be
broken, as it is while one types.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from core.profile.explain import Setting, settings

_HEADER = re.compile(r'\s*\[\s*"?([\w.-]+)"?\s*\]')
_KEY = re.compile(r'\s*(?:([\w.-]+?)\s*\.\s*)?"?([\w-]+)"?\s*(?:=|$)')
_VALUE = re.compile(r'\s*(?:([\w.-]+?)\s*\.\s*)?"?([\w-]+)"?\s*=\s*(.*)')
_DOTTED = re.compile(r"[\w.-]*$")
_WORD = re.compile(r'"?[\w-]*$')


class Choice(Struct, frozen=True):
    """Something that could be written: the text that takes the word's place, and what it means."""

    text: str
    meaning: str


class Completion(Struct, frozen=True):
    """What could take the place of the word at the cursor, in columns of its line."""

    start: int
    end: int
    word: str
    choices: tuple[Choice, ...]


def place(lines: Sequence[str], row: int) -> tuple[str | None, str | None]:
    """The section in which line `row` (from 0) stands, and the key whose value it holds, as they are written."""
    for above in range(row, -1, -1):
        line = lines[above]
        if (above == row and _is_void(line)) or _HEADER.match(line):
            break
        if key := _KEY.match(line):
            return _within(_section(lines, above), key[1]), key[2]
    return _section(lines, row), None


def complete(lines: Sequence[str], row: int, column: int) -> Completion:
    """What fits at the cursor: a section, a key that its section does not have yet, or an enumerated value."""
    before, after = lines[row][:column], lines[row][column:]
    is_header = re.fullmatch(r"\s*\[\s*[\w.-]*", before)
    word = (_DOTTED if is_header else _WORD).search(before)
    assert word is not None
    choices: Iterable[Choice] = ()
    if value := _VALUE.fullmatch(before):
        setting = settings().get(_within(_section(lines, row), value[1]) or "", {}).get(value[2])
        choices = _values(setting, value[3]) if setting else ()
    elif is_header:
        choices = _sections(lines, "" if "]" in after else "]")
    elif key := re.fullmatch(r"\s*(?:([\w.-]+?)\s*\.\s*)?[\w-]*", before):
        section = _within(_section(lines, row), key[1])
        choices = _keys(lines, row, section, "" if "=" in after else " = ") if section else _sections(lines, "]", "[")
    rest = re.match(r"[\w.-]*" if is_header else r'[\w-]*"?' if '"' in word[0] else r"[\w-]*", after)
    assert rest is not None
    fitting = _fitting(word[0].strip('"').lower(), list(choices))
    return Completion(column - len(word[0]), column + rest.end(), word[0], tuple(fitting))


def end_of_mistake(line: str, *, in_value: bool) -> int:
    """The column where the word that a problem names ends: the key, or the value inside its quotes."""
    if in_value and (value := re.match(r'[^=]*=\s*(?:"[^"]*|[^\s#]*)', line)):
        return value.end()
    key = re.match(r"\s*\[*\s*[\w.-]*", line)
    return key.end() if key else 0


def _fitting(typed: str, choices: Sequence[Choice]) -> list[Choice]:
    """Those that start with what was typed, then those that contain it, else the nearest to a misspelt one."""
    bare = {choice: re.sub(r'[\[\]" =]', "", choice.text) for choice in choices}
    containing = [choice for choice in choices if typed in bare[choice]]
    near = difflib.get_close_matches(typed, bare.values(), n=3)
    found = containing or [choice for name in near for choice in choices if bare[choice] == name]
    return sorted(found, key=lambda choice: not bare[choice].startswith(typed))


def _values(setting: Setting, written: str) -> Iterator[Choice]:
    is_start = _WORD.fullmatch(written) is not None
    for value in setting.items if written.startswith("[") else setting.values if is_start else ():
        yield Choice(value, "the default" if value == setting.default else "")


def _sections(lines: Sequence[str], behind: str, before: str = "") -> Iterator[Choice]:
    given = {header[1] for header in map(_HEADER.match, lines) if header}
    for section, known in settings().items():
        if section not in given:
            yield Choice(f"{before}{section}{behind}", ", ".join(known))


def _keys(lines: Sequence[str], row: int, section: str, behind: str) -> Iterator[Choice]:
    given = set(_given([*lines[:row], "", *lines[row + 1 :]]))
    for name, setting in settings().get(section, {}).items():
        if (section, name) not in given:
            yield Choice(f"{name}{behind}", setting.meaning)


def _given(lines: Sequence[str]) -> Iterator[tuple[str | None, str]]:
    section = None
    for line in lines:
        if header := _HEADER.match(line):
            section = header[1]
        elif key := _VALUE.match(line):
            yield _within(section, key[1]), key[2]


def _within(section: str | None, dotted: str | None) -> str | None:
    """The section of a key that stands in `section`, None at the top, and that is written with `dotted` before it."""
    return ".".join(filter(None, (section, dotted))) or None


def _section(lines: Sequence[str], row: int) -> str | None:
    headers = (_HEADER.match(lines[above]) for above in range(row, -1, -1))
    return next((header[1] for header in headers if header), None)


def _is_void(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")
