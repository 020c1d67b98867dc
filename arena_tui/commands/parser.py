"""How the command line is parsed and explained: commands by task in its help, a guess at what a wrong word may mean."""

import argparse
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """The parser of a command: what is wrong is told with its own usage, and with what may be meant."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Raises ArgumentError where `value` is none of the action's choices."""
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        is_command = isinstance(action, argparse._SubParsersAction)
        known = f"; {self.prog} --help lists all" if is_command else f"; known are {', '.join(choices)}"
        raise argparse.ArgumentError(action, f"there is no {value!r}{did_you_mean(value, choices) or known}")

    def refuse_unknown(self, words: Sequence[str]) -> NoReturn:
        """Exit with 2 for words that are no arguments of this command."""
        options = [word.partition("=")[0] for word in words if word.startswith("-")]
        meant = did_you_mean(options[0], self._option_string_actions) if options else ""
        self.error(f"unrecognized arguments: {' '.join(words)}{meant}")


def did_you_mean(word: str, known: Collection[str]) -> str:
    """The nearest of what is known, as the end of a sentence; "" where nothing is near."""
    import difflib

    nearest = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {nearest[0]}?" if nearest else ""


class CommandLine(Parser):
    """The parser of all commands. `tasks` names them in the order of the help, by what they are for."""

    def __init__(self, tasks: Mapping[str, Sequence[str]], **settings: Any) -> None:
        super().__init__(**settings)
        self._tasks = tasks
        self.commands = self.add_subparsers(metavar="COMMAND", title="commands", prog=self.prog, parser_class=Parser)

    def format_help(self) -> str:
        listed = {action.dest: action for action in self.commands._get_subactions()}
        formatter = self._get_formatter()
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        formatter.add_text(self.description)
        for task, names in self._tasks.items():
            formatter.start_section(task)
            formatter.add_arguments([listed[name] for name in names])
            formatter.end_section()
        formatter.start_section("options")
        formatter.add_arguments([action for action in self._actions if action.option_strings])
        formatter.end_section()
        formatter.add_text(self.epilog)
        return formatter.format_help()
