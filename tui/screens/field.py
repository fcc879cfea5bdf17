"""The dialog for one value: typed freely, or taken from what there is, listed as far as it fits what is typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, Final

import msgspec
from rich.cells import cell_len
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui.errors import ArkdeckError
from tui.i18n import _
from tui.text import clean
from tui.widgets.choices import Choices
from tui.widgets.glyphs import glyphs
from tui.widgets.legend import legend
from tui.widgets.line_input import LineInput
from tui.widgets.safe_text import line, plain
from tui.widgets.said import say

_ROWS_AROUND: Final = 10
_LONGEST: Final = 4096
_LONGEST_SHOWN: Final = 200


class Candidate(msgspec.Struct, frozen=True):
    """A value that there is; its texts may come from outside.

    Attributes:
        text: the value.
        note: what is said of it.
        more: it leads on to others, as a folder does.
        closer: what completes it to a closer choice, as that of a model's version. Such a one is meant by a part of its
            name that fits no other.
    """

    text: str
    note: str = ""
    more: bool = False
    closer: str = ""


def whole(_text: str) -> str:
    """Find all candidates in one list, whatever is typed."""
    return ""


class Completion(msgspec.Struct, frozen=True):
    """Where candidates come from.

    Attributes:
        under: returns those that begin with a stem (ArkdeckError: they cannot be listed).
        stem: returns the part of a text that decides which list it is completed from.
    """

    under: Callable[[str], Awaitable[Sequence[Candidate]]]
    stem: Callable[[str], str] = whole


class FieldScreen(ModalScreen[str | None]):
    """Returns the value; None when the operator leaves it as it was.

    Args:
        title: what the value is.
        value: what it begins with; may come from outside.
        check: says what is wrong with a value; None when nothing is.
        completion: where candidates come from; None where there are none.
        hint: what an empty value means.
    """

    CSS_PATH = "field.tcss"
    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("down", "highlight(1)", show=False),
        Binding("up", "highlight(-1)", show=False),
        Binding("tab", "complete", show=False, priority=True),
    ]

    def __init__(
        self,
        title: str,
        value: str,
        *,
        check: Callable[[str], str | None],
        completion: Completion | None = None,
        hint: str = "",
    ) -> None:
        super().__init__()
        self._title = title
        self._value = clean(value, limit=_LONGEST)
        self._check = check
        self._completion = completion
        self._hint = hint
        self._stem: str | None = None
        self._lists: dict[str, Sequence[Candidate]] = {}
        self._fitting: list[Candidate] = []

    def compose(self) -> ComposeResult:
        """Lay out title, field, candidates, and what the keys do."""
        with Vertical(id="dialog"):
            yield Static(plain(self._title), id="title")
            yield LineInput(self._value, placeholder=self._hint)
            yield Static(id="wrong")
            if self._completion is not None:
                yield Choices()
                yield Static(id="told")
            keys = [("enter", _("take"))]
            if self._completion is not None:
                keys += [("up/down", _("choose")), ("tab", _("complete"))]
            keys.append(("esc", _("cancel")))
            yield Static(legend(*keys))

    def on_mount(self) -> None:
        """Begin at the end of the value, with what there is beside it."""
        field = self.query_one(Input)
        field.cursor_position = len(field.value)
        self._follow(field.value)

    def on_resize(self, event: events.Resize) -> None:
        """Leave the field its rows; the candidates scroll in the rest."""
        for choices in self.query(Choices):
            choices.styles.max_height = max(3, event.size.height - _ROWS_AROUND)

    # What is typed

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._object_to("")
        self._follow(event.value)

    def _follow(self, text: str) -> None:
        """List what fits; another stem asks for another list first."""
        if self._completion is None:
            return
        self._stem = self._completion.stem(text)
        if self._stem not in self._lists:
            self._lists[self._stem] = ()
            self._tell(_("looking…"))
            self._list(self._stem)
        self._filter()

    @work(group="candidates")
    async def _list(self, stem: str) -> None:
        if self._completion is None:
            return
        try:
            self._lists[stem] = await self._completion.under(stem)
        except ArkdeckError as error:
            del self._lists[stem]
            self._tell(_("cannot list them: {error}", error=error.message))
            return
        self._tell("")
        self._filter()

    def _filter(self) -> None:
        stem = self._stem or ""
        listed = self._lists.get(stem, ())
        typed = self.query_one(Input).value[len(stem) :].casefold()
        if any(each.text[len(stem) :].casefold() == typed for each in listed):
            typed = ""  # it is chosen already: show what else there is
        fitting = [each for each in listed if typed in each.text[len(stem) :].casefold()]
        choices = self.query_one(Choices)
        if fitting != self._fitting:
            self._fitting = fitting
            width = max((cell_len(_shown(each)) for each in fitting), default=0)
            choices.clear_options()
            choices.add_options([Option(_prompt(each, width)) for each in fitting])
        choices.highlighted = None

    def _tell(self, words: str) -> None:
        told = self.query_one("#told", Static)
        say(told, plain(words))
        told.display = bool(words)

    def _object_to(self, trouble: str) -> None:
        wrong = self.query_one("#wrong", Static)
        say(wrong, line(f"{glyphs().cross} {trouble}") if trouble else plain(""))
        wrong.display = bool(trouble)

    # What is chosen

    def action_highlight(self, step: int) -> None:
        """Go through the candidates, with the field still taking letters."""
        if not self._fitting:
            return
        choices = self.query_one(Choices)
        at = choices.highlighted
        choices.highlighted = (
            (0 if step > 0 else -1) % len(self._fitting) if at is None else (at + step) % len(self._fitting)
        )
        choices.scroll_to_highlight()

    def action_complete(self) -> None:
        """Put the highlighted candidate into the field, else the one that is typed or the first one."""
        if self._fitting:
            typed, at = self.query_one(Input).value.strip().casefold(), self.query_one(Choices).highlighted
            named = next((each for each in self._fitting if each.text.casefold() == typed), self._fitting[0])
            chosen = named if at is None else self._fitting[at]
            self._put(chosen.closer or chosen.text)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        typed = event.value.strip()
        highlighted = self.query_one(Choices).highlighted if self._completion is not None else None
        if highlighted is not None:
            self._choose(self._fitting[highlighted])
        elif typed and len(self._fitting) == 1 and self._fitting[0].closer:
            self._choose(self._fitting[0])
        else:
            self._take(typed)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._choose(self._fitting[event.option_index])

    def _choose(self, candidate: Candidate) -> None:
        if candidate.more:
            self._put(candidate.text)
        else:
            self._take(candidate.text)

    def _put(self, text: str) -> None:
        field = self.query_one(Input)
        field.value = clean(text, limit=_LONGEST)
        field.cursor_position = len(field.value)
        field.focus()

    def _take(self, value: str) -> None:
        trouble = self._check(value)
        if trouble is None:
            self.dismiss(value)
        else:
            self._object_to(trouble)

    def action_leave(self) -> None:
        """Leave the value as it was."""
        self.dismiss(None)


def _prompt(candidate: Candidate, width: int) -> Content:
    text = _shown(candidate)
    return line(text, " " * (width - cell_len(text)), "   ", (candidate.note, "$muted"))


def _shown(candidate: Candidate) -> str:
    return clean(candidate.text, strict=True, limit=_LONGEST_SHOWN)
