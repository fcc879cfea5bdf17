"""What can be done on a screen, under its headings: found by typing, done by enter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar, Final

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui.actions import Action
from tui.i18n import _
from tui.widgets.choices import Choices
from tui.widgets.safe_text import line, plain

_FILTER: Final = "jobs.filter "
"""Stands before an example in the id of its line; the action comes first, and is done by enter there too."""


@dataclass(frozen=True)
class HelpEntry:
    """An action as it stands on the screen that asks.

    Attributes:
        keys: as operators see them.
        reason: why it cannot be done now; None when it can.
        command: the command line that does the same; None when there is none.
    """

    action: Action
    keys: tuple[str, ...]
    reason: str | None
    command: str | None

    def fits(self, words: Sequence[str]) -> bool:
        """Tell whether every word is found in what the entry says."""
        action = self.action
        text = " ".join((action.id, action.title, action.help, action.group, *self.keys)).casefold()
        return all(word in text for word in words)


class _Search(Input):
    """Leaves the key that opened the help to close it."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return key != "question_mark" and super().check_consume_key(key, character)


class HelpScreen(ModalScreen[str | None]):
    """Lists what can be done; returns the id of the chosen action, None when the operator leaves it.

    Args:
        entries: the actions, those of one group together.
        filter_words: examples of the words of the screen's filter, and what they mean; none where it has no filter.
    """

    CSS_PATH = "help.tcss"
    AUTO_FOCUS = "_Search"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1", "leave", show=False),
        Binding("question_mark", "leave", show=False, priority=True),
        *(Binding(key, f"list('{act}')", show=False) for key, act in (
            ("up", "cursor_up"), ("down", "cursor_down"), ("pageup", "page_up"), ("pagedown", "page_down"),
        )),
    ]  # fmt: skip

    def __init__(self, entries: Sequence[HelpEntry], filter_words: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__()
        self._filter_words = filter_words
        self._entries = {entry.action.id: entry for entry in entries}
        self._keys_width = max(cell_len(" ".join(entry.keys)) for entry in entries)
        self._title_width = max(cell_len(entry.action.title) for entry in entries)

    def compose(self) -> ComposeResult:
        """Lay out the search, the list, and what is told of the highlighted action."""
        with Vertical(id="help"):
            yield _Search(placeholder=_("type to search"), select_on_focus=False)
            yield Choices()
            yield Static(id="details")
            yield Static(plain(_("enter do it   ↑↓ move   esc leave")), id="legend")

    def on_mount(self) -> None:
        """List everything."""
        self._list("")

    @on(Input.Changed)
    def _narrow(self, event: Input.Changed) -> None:
        event.stop()
        self._list(event.value)

    def _list(self, search: str) -> None:
        options = self.query_one(OptionList)
        options.clear_options().add_options(self._options(search.casefold().split()))
        if options.option_count:
            options.highlighted = 1  # the first line is a heading
        else:
            self.query_one("#details", Static).update(plain(_("nothing like that can be done here")))

    def _options(self, words: Sequence[str]) -> Iterator[Option]:
        fitting = (entry for entry in self._entries.values() if entry.fits(words))
        for group, entries in groupby(fitting, key=lambda entry: entry.action.group):
            yield Option(line((group, "bold $primary")), disabled=True)
            for entry in entries:
                yield Option(self._line(entry), id=entry.action.id)

        examples = [pair for pair in self._filter_words if all(word in " ".join(pair).casefold() for word in words)]
        if examples:
            yield Option(line((_("Words of the filter"), "bold $primary")), disabled=True)
        width = max((cell_len(example) for example, _means in examples), default=0)
        for example, means in examples:
            yield Option(
                line("  ", (example.ljust(width), "bold $accent"), "  ", (means, "$muted")), id=_FILTER + example
            )

    def _line(self, entry: HelpEntry) -> Content:
        keys, title = " ".join(entry.keys), entry.action.title
        keys += " " * (self._keys_width - cell_len(keys))
        title += " " * (self._title_width - cell_len(title))
        if entry.reason is not None:
            return line((f"  {keys}  {title}  {entry.reason}", "$text-disabled"))
        return line("  ", (keys, "bold $accent"), f"  {title}  ", (entry.action.help, "$muted"))

    @on(OptionList.OptionHighlighted)
    def _tell(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        entry = self._entries[_action_of(event.option_id or "")]
        told = [line(entry.action.help)]
        if entry.reason is not None:
            told.append(line((_("not now: {reason}", reason=entry.reason), "$warning")))
        elif entry.command is not None:
            told.append(line(("$ ", "$muted"), (entry.command, "$secondary")))
        self.query_one("#details", Static).update(Content("\n").join(told))

    @on(Input.Submitted)
    def _choose_highlighted(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one(OptionList).action_select()

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(_action_of(event.option_id or ""))

    def action_list(self, act: str) -> None:
        """Move in the list while the search keeps the focus."""
        getattr(self.query_one(OptionList), f"action_{act}")()

    def action_leave(self) -> None:
        """Go back without doing anything."""
        self.dismiss(None)


def _action_of(option_id: str) -> str:
    return option_id.partition(" ")[0]
