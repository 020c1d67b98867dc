"""What a cell holds: a text, a list of turns, a conversation, an id, a truth value. Nothing is evaluated."""

import ast
import io
import json
import math
import re
import tokenize
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Literal

from core.data.example import MOST_OF_AN_ID, Id, shown

INT64 = range(-(2**63), 2**63)
MOST_DIGITS = 19
DECIMAL = re.compile(r"-?([0-9]+\.[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|-?[0-9]+e[+-][0-9]+|nan", re.IGNORECASE)
"""An exponent without its sign, as no program prints it, is a part of some hexadecimal ids."""
YES, NO = ("1", "true", "yes"), ("0", "false", "no")

USER, ASSISTANT, SYSTEM = "user", "assistant", "system"
ROLES = {
    "user": USER, "human": USER, "prompter": USER,
    "assistant": ASSISTANT, "gpt": ASSISTANT, "model": ASSISTANT, "chatbot": ASSISTANT,
    "system": SYSTEM, "developer": SYSTEM,
}  # fmt: skip

Turns = tuple[str | None, ...]
"""As they are written: with nulls, and with lone surrogates."""
Messages = list[tuple[str, str]]
"""Role, one of USER, ASSISTANT and SYSTEM, and text."""
Kind = Literal["list of turns", "printed list of turns", "text", "conversation", "answer in messages"]
"""How a column is kept. A conversation begins with what the user says, an answer in messages with what is answered."""


def kind_of(column: Iterable[Any]) -> Kind:
    """By most of the cells that hold something: a text may look like a list, and a list may be broken, which is told
    once it is read. Lists are printed ones if one of them is only that."""
    kinds = Counter(_kind_of(cell) for cell in column if cell not in (None, "", [], "[]"))
    if kinds["text"] > kinds.total() - kinds["text"] or not kinds:
        return "text"
    del kinds["text"]
    return "printed list of turns" if kinds["printed list of turns"] else kinds.most_common(1)[0][0]


def _kind_of(cell: Any) -> Kind:
    value = cell
    if isinstance(cell, str) and cell.lstrip().startswith("["):
        try:
            value = json.loads(cell)
        except (ValueError, RecursionError):
            try:
                printed_turns(cell)
            except ValueError:
                return "text"
            return "printed list of turns"
    if not isinstance(value, list):
        return "text"
    if value and isinstance(value[0], dict) and {"role", "content"} <= set(value[0]):
        return "answer in messages" if _role(value[0]) == ASSISTANT else "conversation"
    return "list of turns"


def id_in(cell: Any) -> Id:
    """A whole number of 64 bits as such, any other text as it is; both are written again as they were.

    Raises ValueError for what is no id, and for a decimal number, in text or not, which may have lost digits of one.
    """
    if cell is None or cell == "" or cell != cell:  # NaN, which pandas writes where an id is missing
        raise ValueError("the id is missing")
    if isinstance(cell, float | Decimal) or (isinstance(cell, str) and DECIMAL.fullmatch(cell)):
        raise ValueError(
            f"{shown(cell)} is a decimal number, in which ids of more than 15 digits lose some; write the column as "
            "whole numbers (int64)"
        )
    if isinstance(cell, int) and not isinstance(cell, bool) and cell in INT64:
        return cell
    if not isinstance(cell, str):
        raise ValueError(f"expected a 64-bit whole number or a text, found {shown(cell)}")
    if len(cell) > MOST_OF_AN_ID:
        raise ValueError(f"an id has at most {MOST_OF_AN_ID} characters, found {shown(cell)}")
    digits = cell.removeprefix("-")
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS and str(int(cell)) == cell
    return int(cell) if is_number and int(cell) in INT64 else encodable(cell)


def flag(cell: Any) -> int | None:
    """1 or 0 as a number, a truth value or a word, in text or not; None for what is neither."""
    text = str(cell).strip().lower()
    if text in YES or text in NO:
        return int(text in YES)
    found = number(text)
    return int(found) if found in (0, 1) else None


def number(cell: Any) -> float | None:
    """A finite number, in text or not; None for anything else: truth values, and 1_0, which only Python reads."""
    if isinstance(cell, bool) or (isinstance(cell, str) and "_" in cell):
        return None
    try:
        found = float(cell)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def turns(cell: Any) -> Turns:
    """The turns in a cell: a list of strings or nulls, or JSON text of such a list.

    Raises ValueError saying what was found instead.
    """
    value = cell
    if isinstance(cell, str):
        try:
            value = json.loads(cell)
        except (ValueError, RecursionError):
            raise ValueError(f"expected a JSON list of strings or nulls, found {shown(cell)}") from None
    if not isinstance(value, list):
        raise ValueError(f"expected a JSON list of strings or nulls, found {shown(cell)}")
    for number, item in enumerate(value, 1):
        if not isinstance(item, str | None):
            raise ValueError(f"item {number} of the list must be a string or null, found {shown(item)}")
    return tuple(value)


def printed_turns(cell: Any) -> Turns:
    """The turns in a list as Python prints it, ['a', None], or as numpy does, without commas. Read token by token, and
    each string as a literal: Python's own reader would join two strings that no comma parts.

    Raises ValueError saying what was found instead.
    """
    found: list[str | None] = []
    depth, refused = 0, ValueError(f"expected a list of strings as Python prints it, found {shown(cell)}")
    if not isinstance(cell, str):
        raise refused
    try:
        for token in tokenize.generate_tokens(io.StringIO(cell).readline):
            match token.type, token.string, depth:
                case tokenize.OP, "[", 0:
                    depth = 1
                case tokenize.OP, "]", 1:
                    depth = 2
                case tokenize.OP, ",", 1:
                    pass
                case tokenize.STRING, written, 1 if written[0] in "'\"":
                    found.append(ast.literal_eval(written))
                case tokenize.NAME, ("None" | "nan"), 1:
                    found.append(None)
                case ((tokenize.NL | tokenize.NEWLINE | tokenize.ENDMARKER), _, _):
                    pass
                case _:
                    raise refused
    except (tokenize.TokenError, SyntaxError, ValueError):
        raise refused from None
    if depth != 2:
        raise refused
    return tuple(found)


def text_in(cell: Any) -> str:
    """A cell that is one text, whatever it looks like; empty where there is none. Raises ValueError."""
    if cell is None or cell != cell:
        return ""
    if not isinstance(cell, str):
        raise ValueError(f"expected a text, found {shown(cell)}")
    return cell


def messages(cell: Any) -> Messages:
    """The messages of a conversation: dicts of role and content, which is a text or blocks of text, in a list or JSON
    text of one. Raises ValueError saying what was found instead."""
    value = cell
    if isinstance(cell, str):
        try:
            value = json.loads(cell)
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, list) or not value:
        raise ValueError(f"expected a list of messages with role and content, found {shown(cell)}")
    found = []
    for number, message in enumerate(value, 1):
        if not isinstance(message, dict) or not {"role", "content"} <= set(message):
            raise ValueError(f"message {number} must have role and content, found {shown(message)}")
        role = _role(message)
        if role is None:
            raise ValueError(f"message {number} has an unknown role, {shown(message['role'])}")
        if message["content"] is None and (message.get("tool_calls") or message.get("function_call")):
            raise ValueError(f"message {number} calls a tool and says nothing, which no turn can show")
        found.append((role, _content(number, message["content"])))
    return found


def _role(message: Any) -> str | None:
    return ROLES.get(str(message.get("role")).lower()) if isinstance(message, dict) else None


def _content(number: int, content: Any) -> str:
    if not isinstance(content, list):
        return text_in(content)
    texts = []
    for block in content:
        is_text = isinstance(block, dict) and isinstance(block.get("text"), str)
        if not is_text or block.get("type", "text") != "text":
            raise ValueError(f"message {number} contains something that is not text, {shown(block)}")
        texts.append(block["text"])
    return "\n\n".join(texts)


def rounds(conversation: Messages) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The user's turns, and the answer to each. What a system message says stands before the turn that follows, and
    messages that follow one of the same role are one turn with it. Raises ValueError where the last turn has no answer.
    """
    asked: list[list[str]] = []
    answered: list[list[str]] = []
    for role, text in conversation:
        if role == ASSISTANT:
            if not asked:
                asked.append([])
            if len(answered) < len(asked):
                answered.append([])
            answered[-1].append(text)
        elif len(asked) == len(answered):
            asked.append([text])
        else:
            asked[-1].append(text)
    if len(answered) < len(asked) or not asked:
        raise ValueError("the last message of a conversation must be the assistant's")
    return _joined(asked), _joined(answered)


def _joined(turns: Sequence[Sequence[str]]) -> tuple[str, ...]:
    return tuple("\n\n".join(texts) for texts in turns)


def without_lone_surrogates(text: str) -> str:
    """Surrogate pairs become one character, lone surrogates U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def encodable(cell: Any) -> Any:
    """What can be written again: a text without lone surrogates."""
    if isinstance(cell, str):
        try:
            cell.encode()
        except UnicodeEncodeError:
            return without_lone_surrogates(cell)
    return cell
