"""A profile with rows of its own, as the data screen shows them."""

import csv
import json
from pathlib import Path

from small_tokenizer import write_tokenizer

HOSTILE = "[red]x[/red] [/] \x1b[2J\x07 \u202egnp.exe"
COLUMNS = ("id", "model_a", "model_b", "prompt", "response_a", "response_b")
WINNERS = ("winner_model_a", "winner_model_b", "winner_tie")

PROFILE = """\
# my notes
[data]
train = "rows.csv"
[model]
checkpoint = "{folder}"
[tokens]
max_length = 256  # as the recipe's, but smaller
"""


def write_profile(workplace: Path) -> Path:
    """The profile `mine` with 40 rows and a tokenizer of its own."""
    write_rows(workplace / "rows.csv")
    path = workplace / "profiles" / "mine.toml"
    path.write_text(PROFILE.format(folder=write_tokenizer(workplace / "tokenizer")))
    return path


def write_rows(path: Path, count: int = 40, first_id: int = 2**40) -> None:
    """Rows of growing length, every tenth hostile, every eighth with equal answers, each prompt used twice."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow((*COLUMNS, *WINNERS))
        for n in range(count):
            prompt = [f"question {chr(97 + n // 2 % 26)}" + " a" * (n // 2)]
            a = [HOSTILE if n % 10 == 0 else "left answer" + " a" * 6 * n, "again"]
            b = a if n % 8 == 0 else ["needle" if n == 33 else "right answer" + " a" * 4 * n]
            cells = [json.dumps(turns) for turns in (prompt, a, b)]
            label = ["1", "0", "0"] if n % 3 == 0 else ["0", "1", "0"] if n % 3 == 1 else ["0", "0", "1"]
            writer.writerow((first_id + n, f"[b]m{n}[/b]\x1b[2J", "right", *cells, *label))
