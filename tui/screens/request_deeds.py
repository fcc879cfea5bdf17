"""What the operator does with one request, the same for the list and for an open request."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from tui import actions
from tui.daemon import in_daemon
from tui.i18n import _
from tui.screens.deck_screen import DeckScreen
from tui.situations import bound_to_the_deck
from tui.widgets.text_view import TEXT_LIMIT

if TYPE_CHECKING:
    from tui.dataset.row_glance import WholeRow


class RequestDeeds(DeckScreen):
    """A screen on which one request is chosen: the one under the cursor, or the open one."""

    async def whole_row(self) -> WholeRow | None:
        """Return the request with its lines; None, once that was told, where it cannot be read."""
        raise NotImplementedError

    async def do_request_json(self) -> None:
        """Show the lines of request and reply, indented."""
        from tui.screens.text_screen import TextScreen

        whole = await self.whole_row()
        if whole is not None:
            text = await in_daemon(partial(_lines_indented, whole), name="json")
            self.app.push_screen(TextScreen(whole.details.custom_id, text, json=True))

    async def do_request_copy(self) -> None:
        """Copy something of the request, chosen in a menu."""
        from tui.screens.copying import Copy, choose_copy

        whole = await self.whole_row()
        if whole is None:
            return
        details, situation = whole.details, self.situation
        show = actions.command_line(actions.action("request.json"), situation)
        said = details.message if details.message is not None else details.answer
        copies = {
            "i": Copy(_("the id"), details.custom_id),
            "a": Copy(_("the answer") if details.message is None else _("the message"), said or ""),
            "t": Copy(_("the reasoning"), details.reasoning or ""),
            "l": Copy(_("the reply's line"), _text(whole.reply)),
            "r": Copy(_("the request's line"), _text(whole.request)),
            "c": Copy(_("the command line"), show or "", bound_to_the_deck(situation)),
        }
        choose_copy(self, _("Copy"), copies)


def _text(data: bytes | None) -> str:
    return (data or b"").decode(errors="replace")


def _lines_indented(whole: WholeRow) -> str:
    """Return both lines as indented JSON; as they are, and cut, where they are long or no JSON."""
    parts = []
    for data in filter(None, (whole.request, whole.reply)):
        if len(data) > TEXT_LIMIT:
            parts.append(_text(data[:TEXT_LIMIT]) + "…")
            continue
        try:
            parts.append(msgspec.json.format(data, indent=2).decode(errors="replace"))
        except (msgspec.DecodeError, RecursionError):
            parts.append(_text(data))
    return "\n\n".join(parts)
