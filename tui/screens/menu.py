"""Small menus: one of several, or several of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui.i18n import _
from tui.text import clean
from tui.widgets.choices import Choices
from tui.widgets.glyphs import glyphs
from tui.widgets.legend import legend
from tui.widgets.safe_text import line, plain

_Result = TypeVar("_Result")

_LONGEST_LABEL: Final = 60


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One line of a menu; its texts may come from outside.

    Attributes:
        id: what is returned.
        label: what is shown.
        key: the character that chooses it; `j`, `k` and the space have their own meaning.
        note: shown muted after the label, as the value that would be copied.
        reason: why it cannot be chosen now; None when it can.
    """

    id: str
    label: str
    key: str = ""
    note: str = ""
    reason: str | None = None


class _Lines(Choices):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
    ]


class _Chooser(ModalScreen[_Result]):
    """The lines of a menu, their keys and their movement; what choosing means is for the subclasses."""

    CSS_PATH = "menu.tcss"
    AUTO_FOCUS = "_Lines"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", show=False)]

    def __init__(self, title: str, choices: Sequence[Choice], chosen: Collection[str], keys: Content) -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._chosen = set(chosen)
        self._legend: Content = keys
        self._key_width = max((cell_len(choice.key) for choice in choices), default=0)
        self._label_width = max((cell_len(_label(choice)) for choice in choices), default=0)

    def compose(self) -> ComposeResult:
        """Lay out the title, the lines, and what the keys do."""
        with Vertical(id="dialog"):
            yield Static(plain(self._title), id="title")
            yield _Lines(*(self._option(choice) for choice in self._choices))
            yield Static(line(self._legend), id="legend")

    def on_mount(self) -> None:
        """Begin on what is chosen already."""
        for index, choice in enumerate(self._choices):
            if choice.id in self._chosen and choice.reason is None:
                self.query_one(_Lines).highlighted = index
                break

    def on_key(self, event: events.Key) -> None:
        """Choose the line whose character it is."""
        for choice in self._choices:
            if choice.key and choice.key == event.character:
                event.stop()
                self._take(choice)

    @on(OptionList.OptionSelected)
    def _take_highlighted(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._take(self._choices[event.option_index])

    def _take(self, choice: Choice) -> None:
        if choice.reason is not None:
            self.app.notify(clean(choice.reason), severity="warning", markup=False)
            return
        self.choose(choice)

    def choose(self, choice: Choice) -> None:
        """Do what choosing means here."""
        raise NotImplementedError

    def action_leave(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)

    def _option(self, choice: Choice) -> Option:
        return Option(self._prompt(choice), disabled=choice.reason is not None)

    def _prompt(self, choice: Choice) -> Content:
        mark = glyphs().check if choice.id in self._chosen else " "
        label = _label(choice)
        padded = label + " " * (self._label_width - cell_len(label))
        after = choice.note if choice.reason is None else choice.reason
        key = choice.key.ljust(self._key_width)
        key = f"{key} " if key else ""
        if choice.reason is not None:
            return line(f"{mark} {key}{padded}  {after}")
        return line((mark, "$mark"), " ", (key, "bold $accent"), padded, "  ", (after, "$muted"))


def _label(choice: Choice) -> str:
    return clean(choice.label, limit=_LONGEST_LABEL)


class MenuScreen(_Chooser[str | None]):
    """Returns the id of the chosen line; None when the operator leaves it.

    Args:
        title: what is chosen.
        choices: the lines.
        current: the id of the line that holds now.
    """

    def __init__(self, title: str, choices: Sequence[Choice], *, current: str | None = None) -> None:
        super().__init__(
            title, choices, () if current is None else (current,), legend(("enter", _("choose")), ("esc", _("cancel")))
        )

    def choose(self, choice: Choice) -> None:
        """Take it, and be done."""
        self.dismiss(choice.id)


class ChecklistScreen(_Chooser[frozenset[str] | None]):
    """Returns the ids of the chosen lines, possibly none; None when the operator leaves it.

    Args:
        title: what is chosen.
        choices: the lines.
        chosen: the ids of the lines that hold now.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "mark", show=False)]

    def __init__(self, title: str, choices: Sequence[Choice], *, chosen: Collection[str] = ()) -> None:
        super().__init__(
            title, choices, chosen, legend(("space", _("mark")), ("enter", _("done")), ("esc", _("cancel")))
        )

    def choose(self, choice: Choice) -> None:
        """Mark the line or unmark it."""
        self._chosen ^= {choice.id}
        self.query_one(_Lines).replace_option_prompt_at_index(self._choices.index(choice), self._prompt(choice))

    def action_mark(self) -> None:
        """Mark the highlighted line or unmark it."""
        highlighted = self.query_one(_Lines).highlighted
        if highlighted is not None:
            self.choose(self._choices[highlighted])

    @on(OptionList.OptionSelected)
    def _done(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        event.prevent_default()
        self.dismiss(frozenset(self._chosen))
