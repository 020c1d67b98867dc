"""A text that is highlighted in colours that can be read on the theme's background, light or dark."""

from rich.style import Style
from textual.theme import Theme
from textual.widgets import TextArea
from textual.widgets.text_area import TextAreaTheme

ON_LIGHT = "on light"


class HighlightedText(TextArea):
    def on_mount(self) -> None:
        light = TextAreaTheme.get_builtin_theme("github_light")
        assert light is not None
        # Its colours of words only: everything else is the app's own. Its green of true and false is too pale.
        styles = light.syntax_styles | {"boolean": Style(color="#0450ae")}
        self.register_theme(TextAreaTheme(ON_LIGHT, syntax_styles=styles))
        self.app.theme_changed_signal.subscribe(self, self._follow)
        self._follow(self.app.current_theme)

    def _follow(self, theme: Theme) -> None:
        self.theme = "css" if theme.dark else ON_LIGHT
