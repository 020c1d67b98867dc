"""The console's colours: a dark theme, a light one, and one of the colours of Okabe and Ito alone, for every eye.

A is blue and B is orange in all of them; neither a state nor a run is ever told by its colour alone.
"""

from functools import partial
from pathlib import Path
from typing import Any

from textual.app import App
from textual.theme import Theme

from arena_tui.children.child import in_thread
from arena_tui.format.sanitize import printable
from core.config import set_theme
from core.files import in_words
from core.profile.errors import ProfileError

VARIABLES = {
    "answer-a": "#56b4e9",
    "answer-b": "#e69f00",
    **{f"run-{i}": c for i, c in enumerate(("#56b4e9", "#e69f00", "#009e73", "#f0e442", "#d55e00", "#cc79a7"), 1)},
    "scrollbar": "#3a4743",
    "scrollbar-background": "#161b1a",
    "scrollbar-background-hover": "#161b1a",
    "scrollbar-background-active": "#161b1a",
    "scrollbar-corner-color": "#161b1a",
}

DARK = Theme(
    name="dark",
    primary="#2fb892",
    accent="#2fb892",
    secondary="#8aa39b",
    warning="#e6c34a",
    error="#e0674f",
    success="#2fb892",
    foreground="#d6dbd9",
    background="#101413",
    surface="#161b1a",
    panel="#1c2321",
    dark=True,
    variables=VARIABLES,
)
LIGHT = Theme(
    name="light",
    primary="#0b7a5c",
    accent="#0b7a5c",
    secondary="#4d645c",
    warning="#8a6100",
    error="#b3301a",
    success="#0b7a5c",
    foreground="#1d2422",
    background="#f7f9f8",
    surface="#eef2f0",
    panel="#e3e9e6",
    dark=False,
    variables={
        "answer-a": "#0b66a3",
        "answer-b": "#a35a00",
        **{f"run-{i}": c for i, c in enumerate(("#0072b2", "#d55e00", "#007a59", "#a8508a", "#8a6100", "#333333"), 1)},
        "scrollbar": "#b4c0bb",
        "scrollbar-background": "#eef2f0",
        "scrollbar-background-hover": "#eef2f0",
        "scrollbar-background-active": "#eef2f0",
        "scrollbar-corner-color": "#eef2f0",
    },
)
COLOUR_BLIND = Theme(
    name="colour-blind",
    primary="#56b4e9",
    accent="#56b4e9",
    secondary="#999999",
    warning="#f0e442",
    error="#e07b39",
    success="#56b4e9",
    foreground="#e2e2e2",
    background="#101214",
    surface="#16191c",
    panel="#1d2125",
    dark=True,
    variables=VARIABLES,
)
THEMES = (DARK, LIGHT, COLOUR_BLIND)


def set_themes(app: App[Any], chosen: str) -> None:
    """Ours alone, each of which has been looked at on every screen; the one of that name is `chosen`."""
    for theme in THEMES:
        app.register_theme(theme)
    app.theme = chosen
    for name in set(app.available_themes) - {theme.name for theme in THEMES}:
        app.unregister_theme(name)


async def is_kept(app: App[Any], config: Path, theme: str) -> bool:
    """Write the theme of that name into the configuration, and tell where that fails; whether it is there now."""
    try:
        await in_thread(partial(set_theme, config, theme))
    except (OSError, ProfileError) as error:
        title = "the theme was not saved"
        app.notify(printable(in_words(error)), title=title, severity="warning", markup=False)
        return False
    return True
