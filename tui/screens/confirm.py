"""The question before something is stopped or destroyed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from tui.i18n import _, plural
from tui.screens.seen_first import SeenFirst
from tui.widgets.glyphs import glyphs
from tui.widgets.legend import legend
from tui.widgets.safe_text import line, paragraphs, plain

_MOST_LISTED: Final = 10
_ROWS_AROUND: Final = 9


class ConfirmScreen(SeenFirst[bool]):
    """Asks whether to go ahead; No unless the operator says otherwise.

    Keys that were pressed before the question could be seen say nothing but No.

    Args:
        question: what would be done, as in "Stop 3 jobs?".
        touches: what it would be done to.
        passes_over: what it would not be done to, each with the reason.
        consequence: a sentence or two on what follows.
        yes: the answer that goes ahead, as in "Stop"; "Yes" when empty.
        no: the answer that does not; "No" when empty.

    Any of the texts may come from outside: they are made harmless here.
    """

    CSS_PATH = "confirm.tcss"
    AUTO_FOCUS = "#no"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,up,shift+tab", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
        Binding("n,escape", "no", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
    ]

    def __init__(
        self,
        question: str,
        *,
        touches: Sequence[str] = (),
        passes_over: Sequence[tuple[str, str]] = (),
        consequence: str = "",
        yes: str = "",
        no: str = "",
    ) -> None:
        super().__init__()
        self._question = question
        self._touches = touches
        self._passes_over = passes_over
        self._consequence = consequence
        self._yes = yes or _("Yes")
        self._no = no

    def compose(self) -> ComposeResult:
        """Lay out the question, what it is about, and the answers."""
        with Vertical(id="dialog"):
            yield Static(paragraphs(self._question), id="question")
            with VerticalScroll(can_focus=False):
                if self._touches:
                    yield Static(_listed([line(" ", each) for each in self._touches]), id="touches")
                if self._passes_over:
                    passed_over = [plain(_("Passed over:")), *(line(" ", *each) for each in self._reasoned())]
                    yield Static(_listed(passed_over), id="passed-over")
                if self._consequence:
                    yield Static(paragraphs(self._consequence), id="consequence")
            with Horizontal(id="answers"):
                yield Button(plain(self._no or _("No")), id="no")
                yield Button(plain(self._yes), id="yes", variant="error")
                yield Static(self._legend())

    def _legend(self) -> Content:
        no = self._no.lower() or _("leave it")
        return legend(("y", self._yes.lower()), ("n", no))

    def _reasoned(self) -> Iterator[tuple[str, str, str]]:
        for name, reason in self._passes_over:
            yield name, f" {glyphs().dash} ", reason

    def on_resize(self, event: events.Resize) -> None:
        """Leave the question and the answers their rows; what it is about scrolls in the rest."""
        self.query_one(VerticalScroll).styles.max_height = event.size.height - _ROWS_AROUND

    def action_page(self, direction: int) -> None:
        """Scroll through what it is about."""
        subject = self.query_one(VerticalScroll)
        subject.scroll_relative(y=direction * subject.size.height, animate=False)

    def on_key(self, event: events.Key) -> None:
        """Go ahead on `y`, unless it was pressed before the question was seen."""
        if not self.was_seen and event.key not in ("n", "escape"):
            event.stop()
        elif event.key == "y":
            event.stop()
            self.dismiss(True)

    def action_no(self) -> None:
        """Leave everything as it is."""
        self.dismiss(False)

    @on(Button.Pressed)
    def _answer(self, event: Button.Pressed) -> None:
        if event.button.id == "no":
            self.dismiss(False)
        elif self.was_seen:
            self.dismiss(True)


def _listed(lines: Sequence[Content]) -> Content:
    """The first lines, and how many more there are."""
    shown = list(lines[:_MOST_LISTED])
    if len(lines) > _MOST_LISTED + 1:
        shown.append(plain(plural(" and {count} more", " and {count} more", len(lines) - _MOST_LISTED)))
    else:
        shown = list(lines)
    return Content("\n").join(shown)
