"""ASCII characters that look like others: the one table of them."""

import unicodedata

ALIKE = {
    "●": "*", "◆": "#", "◷": "@", "◌": "o", "◑": "/", "◍": "%", "✓": "+", "■": "=", "✗": "x",
    "·": ".", "•": "*", "…": "~", "−": "-", "–": "-", "—": "-", "×": "x", "±": "~", "✂": "|",
    "“": '"', "”": '"', "‘": "'", "’": "'", "▲": "^", "▼": "v", "←": "<", "→": ">", "↑": "^", "↓": "v", "⏎": "<",
    "━": "=", "▶": ">", "◀": "<", "▁": "_", "▂": "_", "▃": "_",
    "▄": "=", "▅": "=", "▆": "=", "▇": "#", "█": "#", "▔": "-", "▀": "-",
}  # fmt: skip
UPPER_DOTS = 0b0001_1011
"""Of a braille character's eight dots, by the bits of its code, those in its upper half."""


def alike(character: str) -> str:
    """What looks most like `character`; "" where nothing does."""
    code = ord(character)
    if character in ALIKE:
        return ALIKE[character]
    if 0x2500 <= code < 0x2580:  # box drawing
        name = unicodedata.name(character)
        return "-" if name.endswith("HORIZONTAL") else "|" if name.endswith("VERTICAL") else "+"
    if 0x2580 <= code < 0x25A0:  # what is left of the block elements
        return "|"
    if 0x2800 <= code < 0x2900:
        dots = code - 0x2800
        upper, lower = dots & UPPER_DOTS, dots & ~UPPER_DOTS
        return ":" if upper and lower else "'" if upper else "." if lower else " "
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
