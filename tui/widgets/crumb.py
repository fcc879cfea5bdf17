"""The line that says where the operator is, and that escape leads back."""

from __future__ import annotations

from textual.content import Content

from tui.i18n import _
from tui.widgets.action_keys import key_of
from tui.widgets.lines import Lines
from tui.widgets.safe_text import line


class Crumb(Lines):
    """Shows the screen's subject beneath the top bar."""

    DEFAULT_CSS = "Crumb { background: $panel; margin-bottom: 1; }"

    def tell(self, subject: Content, note: Content | None = None) -> None:
        """Show another subject, and a note behind it."""
        back = line((key_of("app.back"), "bold $accent"), (_(" back"), "$muted"))
        self.show(line(" ", subject, "   ", back, line("   ", note) if note is not None else ""))
