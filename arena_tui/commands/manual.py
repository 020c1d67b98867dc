"""`arena-tui help`, `man`, `completion` and `--version`: what the command line tells of itself, and tells a shell."""

import argparse
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena_tui.commands.common import add_command

if TYPE_CHECKING:
    from collections.abc import Iterable

    from arena_tui.commands.common import Commands
    from arena_tui.commands.parser import CommandLine

SHELLS = ("bash", "zsh", "fish")


class Version(argparse.Action):
    """Prints name and version, which is only then looked up."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(f"{parser.prog} {_version()}")
        parser.exit()


def _version() -> str:
    from importlib.metadata import version

    return version("arena-tui")


def add(commands: "Commands", parser: "CommandLine") -> None:
    asking = add_command(commands, "help", "explain a command, or list all of them")
    asking.add_argument("words", metavar="COMMAND", nargs="*", help="a command, as in: arena-tui help queue add")
    asking.set_defaults(command=partial(_run_help, parser))
    page = add_command(commands, "man", "print the manual page of all commands: arena-tui man | man -l -")
    page.set_defaults(command=partial(_run_man, parser))
    completing = add_command(
        commands, "completion", "print the script that lets a shell complete commands, options, runs and profiles"
    )
    completing.add_argument("shell", metavar="SHELL", choices=SHELLS, help=", ".join(SHELLS))
    completing.set_defaults(command=_run_completion)


def _run_help(parser: "CommandLine", options: argparse.Namespace) -> int:
    parser.parse_args([*options.words, "--help"])
    return 0


def _run_man(parser: "CommandLine", _options: argparse.Namespace) -> int:
    from argparse_manpage.manpage import Manpage

    page = Manpage(parser)
    page.description = "fine-tune human-preference models over SSH"
    page.manual, page.source = "User Commands", f"{parser.prog} {_version()}"
    print(page, end="")
    return 0


def _run_completion(options: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    print(shellcode(["arena-tui"], shell=options.shell))
    return 0


def complete(parser: "CommandLine") -> None:
    """Answer a shell that asks what may follow in its line, and end; return where none asks."""
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        completer: Any = partial(_candidates, tuple(parser.commands.choices))  # called as theirs are
        argcomplete.autocomplete(parser, default_completer=completer)


def _candidates(
    commands: "Iterable[str]", prefix: str, action: argparse.Action, parsed_args: argparse.Namespace, **_: object
) -> "Iterable[str]":
    """What an argument may be: it is told by the name that its help gives it."""
    from argcomplete.completers import FilesCompleter

    from core.profile.explain import settings
    from core.profile.files import shipped_profiles, user_profiles
    from core.profile.settings import Profile
    from core.runs.folder import LAST, list_runs, runs_folder

    match action.metavar:
        case "RUN":
            return [LAST, *(run.id for run in list_runs(runs_folder(parsed_args.runs_dir)))]
        case "PROFILE":
            own = [path.stem for path in (*user_profiles(Path()), *shipped_profiles())]
            return [*own, *FilesCompleter(["toml"])(prefix)]
        case "PROFILE|FILE":
            own = [path.stem for path in (*user_profiles(Path()), *shipped_profiles())]
            return [*own, *FilesCompleter()(prefix)]
        case "SECTION.KEY=VALUE":
            return [f"{section}.{key}=" for section, known in settings(Profile).items() for key in known]
        case "COMMAND":
            return commands
        case "FILE" | "DIR" | "TEST" | "DIR|NAME":
            return list(FilesCompleter()(prefix))
    return ()
