"""The log of a run: what its processes say themselves, a line each with the time, among all that libraries print."""

import logging
import re

_TIMED = re.compile(r"\d\d:\d\d:\d\d ")
_SAID = re.compile(r"\d\d:\d\d:\d\d (?!\[)")
PASSED_OVER = "… "
"""Begins what is said in place of lines that are not shown."""
_TRACEBACK = "Traceback (most recent call last)"


def begin_log() -> None:
    """Log to stderr, which is the run's console.log. What libraries log has their name in brackets before it."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter(datefmt="%H:%M:%S"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


class _Formatter(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:
        package = record.name.partition(".")[0]
        library = "" if package in ("core", "root", "__main__") else f"[{package}] "
        return f"{record.asctime} {library}{record.message}"

    def usesTime(self) -> bool:
        return True


class Essential:
    """Tells what the run itself says from what libraries print: warnings, reports and bars of no use to a person.

    A traceback belongs to the line before it, and is shown up to the next line with a time.
    """

    def __init__(self) -> None:
        self._is_in_traceback = False

    def is_one(self, line: str) -> bool:
        """Whether this line is one, which follows that of the last call."""
        if line.startswith(_TRACEBACK):
            self._is_in_traceback = True
        elif _TIMED.match(line):
            self._is_in_traceback = False
        return self._is_in_traceback or bool(_SAID.match(line)) or line.startswith(PASSED_OVER)
