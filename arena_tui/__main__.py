"""The command line. Textual and the engine are imported by the command that needs them, so --help is quick."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; without a command, open the console."""
    try:
        from arena_tui.commands.line import outcome  # here, so that Ctrl-C is heard from the first moment on

        return outcome(arguments)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
