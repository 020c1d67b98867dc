"""Every screen at every size, to be looked at: `python tests/support/contact_sheet.py OUT_DIR [80x24 …]`.

For each size a folder of text, a screen a file, and with Pillow a picture of all of them, OUT_DIR/80x24.png.
"""

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.cells import get_character_cell_size
from rich.color import Color
from screen import planner
from textual.strip import Strip
from tour import prepare, tour

from arena_tui.app.app import ArenaApp
from arena_tui.plot.plot import BITS, BRAILLE
from core.config import Config, ConfigFile, Console

SIZES = ("60x20", "80x24", "100x30", "120x40", "200x60")
FONT = "DejaVuSansMono.ttf"
POINTS = 14
SHEET_WIDTH = 4_000
"""Pixels, about: two screens beside each other at the largest size, seven at the smallest."""
Screens = dict[str, list[Strip]]


async def photograph(folder: Path, size: tuple[int, int]) -> Screens:
    """The lines of every screen by its number and name, of recorded runs that are put into `folder`."""
    os.chdir(folder)
    os.environ["ARENA_TUI_CACHE"] = str(folder / "cache")
    (folder / "profiles").mkdir()
    prepare(folder, folder / "runs")
    config = ConfigFile(folder / "config.toml", Config(console=Console(animation=False)))
    app = ArenaApp(folder / "runs", plan_program=planner("ok"), config=config)
    screens: Screens = {}

    def visit(name: str) -> None:
        lines = app.screen._compositor.render_strips()
        title = re.sub(r"\W+", "-", name)
        screens[f"{len(screens) + 1:02}-{title}"] = lines

    async with app.run_test(size=size) as pilot:
        await tour(pilot, visit)
    return screens


def write_text(folder: Path, screens: Screens) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in screens.items():
        (folder / f"{name}.txt").write_text("\n".join(line.text.rstrip() for line in lines) + "\n")


def draw(file: Path, screens: Screens, size: tuple[int, int]) -> None:
    """All screens in one picture, every character in a cell of its own."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.truetype(FONT, POINTS)
    cell = round(font.getlength("M")), POINTS + 3
    wide, high = (size[0] + 2) * cell[0], (size[1] + 3) * cell[1]
    columns = max(1, SHEET_WIDTH // wide)
    sheet = Image.new("RGB", (columns * wide, -(-len(screens) // columns) * high), "#444444")
    pen = ImageDraw.Draw(sheet)
    for place, (name, lines) in enumerate(screens.items()):
        left, top = place % columns * wide, place // columns * high
        pen.text((left, top), name, "white", font)
        for y, line in enumerate(lines, 1):
            x = 0
            for text, style, _ in line:
                front, back = (_colour(style and style.color, "#c8c8c8"), _colour(style and style.bgcolor, "black"))
                for character in text:
                    at = left + x * cell[0], top + y * cell[1]
                    x += get_character_cell_size(character)
                    pen.rectangle((*at, left + x * cell[0] - 1, at[1] + cell[1] - 1), back)
                    if "\u2800" <= character < "\u2900":  # few fonts have braille
                        pen.point(
                            [(at[0] + 2 + 4 * dot_x, at[1] + 2 + 4 * dot_y) for dot_x, dot_y in _dots(character)], front
                        )
                    else:
                        pen.text(at, character, front, font)
    sheet.save(file)


def _dots(character: str) -> Iterator[tuple[int, int]]:
    """Column and row of each dot of a braille character."""
    for y, bits in enumerate(BITS):
        yield from ((x, y) for x, bit in enumerate(bits) if (ord(character) - BRAILLE) & bit)


def _colour(colour: Color | None, otherwise: str) -> str:
    return otherwise if colour is None else colour.get_truecolor().hex


def main(out: Path, sizes: Sequence[str]) -> None:
    out = out.absolute()
    for words in sizes:
        width, height = map(int, words.split("x"))
        with tempfile.TemporaryDirectory() as folder:
            screens = asyncio.run(photograph(Path(folder), (width, height)))
            write_text(out / words, screens)
            os.chdir(out)
        try:
            draw(out / f"{words}.png", screens, (width, height))
        except ImportError:
            print("no pictures: they need Pillow (pip install pillow)")
        print(f"{words}: {len(screens)} screens")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or SIZES)
