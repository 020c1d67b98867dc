"""What all dialogs look like: a box over the dimmed screen, with the keys that answer it in its border."""

from typing import TypeVar

from textual.screen import ModalScreen

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer]):
    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        & > .box {
            width: 90%;
            max-width: 90;
            height: auto;
            max-height: 90%;
            padding: 1 2;
            border: round $accent;
            background: $surface;
            border-title-color: $accent;
            border-title-style: bold;
            overflow-y: auto;
        }
        .keys { margin-top: 1; }
    }
    """
