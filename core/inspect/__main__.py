"""Reads and tokenizes all rows of a profile's file: `python -P -m core.inspect PROFILE [section.key=value]...`.

With `--recipe` in place of PROFILE the settings are the recipe's, but for those that are given.

With `--wait PROFILE` it only gets ready for this profile, until a line on stdin names the one that is meant, as a JSON
list of what would else stand on the command line. Without such a line it ends with stdin.

Prints Progress, a JSON object a line: soon the first rows, then how far it is, then all of it. What was inspected
before, by content of file and tokenizer, is not read again.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from core.data.files import files_of, is_data_set
from core.demo.assets import MAKING, demo_folder, eval_source, is_made, is_named_by, train_sources
from core.imports import keep_pandas_out
from core.inspect.ahead import read_ahead
from core.inspect.protocol import RECIPE, WAIT, Progress
from core.model.locate import tokenizer_at_hand
from core.profile.files import expanded, read_profile
from core.profile.load import parse_profile
from core.profile.settings import Profile
from core.protocol import answer, as_problem, end_once

NO_TOKENIZER = (
    f"the tokenizer of {Profile().model.checkpoint}, the recipe's, is not on this machine. --tokenizer names one: a "
    "folder with a tokenizer.json, a model of the Hugging Face hub, whose tokenizer is fetched, or demo"
)


def main(arguments: Sequence[str]) -> int:
    """Print how far it is, to the end; a problem ends it and is part of it. Returns the exit code, 0, 1 or 2."""
    ready = None
    if arguments[0] == WAIT:
        ready = read_ahead(Path(arguments[1]))
        line = sys.stdin.readline()
        if not line:
            return 0
        arguments = msgspec.json.decode(line, type=list[str])
    try:
        word, *overrides = arguments
        if word == RECIPE:
            profile = parse_profile("", source="the command line", overrides=overrides)
            for source in profile.data.train_sources:
                files_of(expanded(source))  # what is wrong with its name is told first
            if profile.model == Profile().model and tokenizer_at_hand(profile.model) is None:
                answer(Progress(problem=NO_TOKENIZER))
                return 2
        else:
            file = read_profile(Path(word))
            profile = parse_profile(file.text, source=str(file.path), overrides=overrides)
        if is_named_by(profile) and not is_made():
            answer(Progress(doing=MAKING))
            demo_folder()  # before anything is kept out: transformers, which makes its model, asks for pandas
        sources = [*train_sources(profile.data), *filter(None, [eval_source(profile.data)])]
        if not any(map(is_data_set, sources)):  # which needs it
            keep_pandas_out()
        from core.inspect.inspection import inspect  # only once it is asked for: Arrow takes 40 MB

        for progress in inspect(profile, ready, needs_base=word != RECIPE):
            answer(progress)
    except Exception as error:  # noqa: BLE001  (whatever it is, the reader is waiting for it)
        from core.failures.explain import explain

        why = explain(error, has_log=False)
        answer(Progress(problem=as_problem(why.cause, why.advice)))
        return why.exit_code
    return 0


if __name__ == "__main__":
    end_once()
    sys.exit(main(sys.argv[1:]))
