"""The pane that looks into a file: its size, how many requests it has, and what the first of them ask."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from textual import work
from textual.content import Content

from tui.clock import Clock
from tui.daemon import stream_from_daemon
from tui.dataset.preview import FilePreview, FirstRequest, preview_file
from tui.errors import UsageError
from tui.folders import Entry, Kind
from tui.i18n import _, plural
from tui.text import human_bytes
from tui.widgets.file_cells import entry_name, modified
from tui.widgets.glyphs import Glyphs, glyphs
from tui.widgets.job_cells import local_time, short_count
from tui.widgets.lines import Lines
from tui.widgets.safe_text import identifier, line, plain

if TYPE_CHECKING:
    from textual.timer import Timer

_REST: Final = 0.2  # seconds after which the cursor is not on its way any more
_SHOWN_EVERY: Final = 0.5  # seconds between two counts
_NAME_LINES: Final = 4
_TEXT_LINES: Final = 3
_LOW: Final = 10  # lines below which each request has one
_SHOWN: Final = 600  # characters of a request's text


class Seen(msgspec.Struct, frozen=True):
    """What is shown: something in a folder, what is known of its content, and why that is nothing.

    Attributes:
        preview: None while the file is being opened, and of anything but a file.
        trouble: why it cannot be read; empty when it can.
    """

    entry: Entry
    preview: FilePreview | None = None
    trouble: str = ""


class FilePane(Lines):
    """Shows the file under the cursor; only what differs from the one before is painted."""

    DEFAULT_CSS = """
    FilePane {
        height: 100%;
        padding: 0 1 0 2;
        background: $surface;
    }
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._seen: Seen | None = None
        self._resting: Timer | None = None

    def turn_to(self, folder: Path, entry: Entry | None) -> None:
        """Show something in a folder once the cursor rests on it; nothing when there is none."""
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(_REST, partial(self._look_into, folder, entry))

    @work(group="preview", exclusive=True)
    async def _look_into(self, folder: Path, entry: Entry | None) -> None:
        """Read and show; another entry puts an end to it."""
        self._see(Seen(entry) if entry is not None else None)
        if entry is None or entry.kind is not Kind.FILE:
            return
        shown_at = -math.inf
        try:
            async with aclosing(stream_from_daemon(partial(preview_file, folder / entry.name), name="preview")) as read:
                async for preview in read:
                    if preview.complete or self._clock.monotonic() - shown_at >= _SHOWN_EVERY:
                        shown_at = self._clock.monotonic()
                        self._see(Seen(entry, preview))
        except UsageError as error:
            self._see(Seen(entry, trouble=error.message))

    def _see(self, seen: Seen | None) -> None:
        self._seen = seen
        self._paint()

    def on_resize(self) -> None:
        """Wrap for the new width."""
        self.call_after_refresh(self._paint)

    def _paint(self) -> None:
        width, height = self.size
        if self._seen is None or not width:
            self.show()
        else:
            draw = low_lines if height < _LOW else high_lines
            self.show(*draw(self._seen, width, glyphs())[:height])


def low_lines(seen: Seen, width: int, signs: Glyphs) -> list[Content]:
    """Return the facts in one line, and a line for each of the first requests."""
    requests = seen.preview.first if seen.preview else ()
    return [_cut(each, width, signs) for each in (_facts(seen, signs), *(_request(each) for each in requests))]


def high_lines(seen: Seen, width: int, signs: Glyphs) -> list[Content]:
    """Return the whole name, the facts, and a few lines for each of the first requests."""
    moment = modified(seen.entry)
    lines = entry_name(seen.entry).stylize("bold").fold(width)[:_NAME_LINES]
    lines += [_facts(seen, signs), line((local_time(moment), "$muted"))]
    for request in seen.preview.first if seen.preview else ():
        lines.append(Content())
        lines += _wrapped(request, width, signs)
    return [_cut(each, width, signs) for each in lines]


def _facts(seen: Seen, signs: Glyphs) -> Content:
    """Return size and number of requests, or why there are none."""
    entry, preview = seen.entry, seen.preview
    if entry.kind is Kind.FOLDER:
        return line((_("a folder"), "$muted"))
    if entry.kind is not Kind.FILE:
        broken = entry.kind is Kind.BROKEN
        return line((_("a link that leads nowhere") if broken else _("a pipe, a socket or a device"), "$muted"))
    if seen.trouble:
        return line((seen.trouble, "$error"))
    size = human_bytes(preview.size if preview else entry.size or 0)
    return line(size, (f" {signs.separator} ", "$muted"), _count(preview))


def _count(preview: FilePreview | None) -> Content:
    if preview is None:
        return line((_("reading"), "$muted"))
    if preview.estimated and not preview.requests:
        return line((_("lines too long to count"), "$muted"))
    if preview.estimated:
        return line((_("about {count} requests", count=short_count(preview.requests)), "bold"))
    if not preview.complete:
        return line((_("counting requests: {count:,}", count=preview.requests), "$muted"))
    if not preview.requests:
        return line((_("no request"), "bold $warning"))
    return line((plural("{count} request", "{count} requests", preview.requests), "bold"))


def _request(request: FirstRequest) -> Content:
    wrong = (f"{request.wrong}  ", "$error") if request.wrong else ""
    return line(_number(request), _id(request), wrong, (request.text[:_SHOWN], "$muted"))


def _wrapped(request: FirstRequest, width: int, signs: Glyphs) -> Iterator[Content]:
    number = _number(request)
    indent = number.cell_length
    yield line(number, _id(request), (request.wrong, "$error"))
    texts = plain(request.text, limit=_SHOWN).wrap(max(1, width - indent)) if request.text else []
    for place, text in enumerate(texts[:_TEXT_LINES]):
        more = signs.ellipsis if place == _TEXT_LINES - 1 and len(texts) > _TEXT_LINES else ""
        room = width - indent - len(more)
        yield line(" " * indent, (text if text.cell_length <= room else text.truncate(room)).stylize("$muted"), more)


def _number(request: FirstRequest) -> Content:
    return line((f"{request.line:>2}  ", "$muted"))


def _id(request: FirstRequest) -> Content:
    """Return the custom_id and a gap behind it; nothing where there is none."""
    return line(identifier(request.custom_id, limit=80).stylize("bold"), "  ") if request.custom_id else Content()


def _cut(content: Content, width: int, signs: Glyphs) -> Content:
    return content if content.cell_length <= width else line(content.truncate(width - 1), signs.ellipsis)
