"""Hands text to the clipboard of the user's terminal, also over SSH, by an escape sequence that it may obey (OSC 52).

No terminal answers it, so nobody here knows whether it did.
"""

from textual.app import App

from arena_tui.format.sanitize import printable_lines

MOST_BYTES = 74_994
"""Some terminals drop a sequence of more than 100,000 characters, which hold three quarters of that."""


def copy(app: "App[object]", text: str) -> None:
    """Send `text`, made harmless, and tell what was sent."""
    lines = printable_lines(text)
    sent = "\n".join(lines).encode()[:MOST_BYTES].decode(errors="ignore")
    if not sent.strip():
        app.notify("There is nothing to copy here.", severity="warning")
        return
    app.copy_to_clipboard(sent)
    what = f"{len(sent):,} characters" if len(lines) == 1 else f"{sent.count(chr(10)) + 1:,} lines"
    cut = "" if len(sent) == len("\n".join(lines)) else f", the first {MOST_BYTES:,} bytes of it"
    app.notify(
        f"{what}{cut}: sent to your terminal's clipboard. Nothing to paste? The terminal does not allow it; in tmux, "
        "set -s set-clipboard on does.",
        title="copied",
        markup=False,
    )
