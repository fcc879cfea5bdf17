"""The line at the top: whose jobs these are, what goes up and down, how old they are, and what time it is."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
from textual.content import Content
from textual.events import Resize

from tui.clock import Clock
from tui.i18n import _
from tui.poll_status import PollStatus
from tui.text import clean, human_duration
from tui.widgets.action_keys import key_of
from tui.widgets.glyphs import Glyphs, glyphs
from tui.widgets.lines import Pieces
from tui.widgets.safe_text import line

_NAME: Final = "arkdeck"
_EVERY_SECOND: Final = 60  # seconds of age up to which each one is shown
_COARSE: Final = 10
_STALE_INTERVALS: Final = 2
_GAP: Final = 2
_FIGURES_EVERY: Final = 2.0  # seconds between two looks at how far the transfers are
_STEP: Final = 12  # cells by which the state's place grows: another width of it costs a layout of the line


class Whose(msgspec.Struct, frozen=True):
    """The cloud that the deck is connected to, or is about to be.

    Attributes:
        profile: its name; empty while none is chosen.
        where: its region, or the host that was named in its place.
        local: a cloud of the deck's own on this machine, whose answers are simulated.
        connected: it is open; otherwise `trouble` says why not, and is empty while it is being opened.
    """

    profile: str = ""
    where: str = ""
    project: str = ""
    read_only: bool = False
    local: bool = False
    connected: bool = False
    trouble: str = ""


class TopBar(Pieces):
    """Shows profile, region and project, transfers, the age of what is on the screen, and the time of day.

    It counts the age by itself, once a second, and repaints only the characters that change.

    Args:
        clock: of the age and the time of day.
    """

    DEFAULT_CSS = "TopBar { background: $panel; color: $foreground; }"

    def __init__(self, clock: Clock, *, id: str | None = None) -> None:  # noqa: A002  # as every widget calls it
        super().__init__(4, id=id)
        self._clock = clock
        self._whose = Whose()
        self._status = PollStatus()
        self._transfers = self._newest_transfers = Content()

    def on_mount(self) -> None:
        """Begin to count."""
        self.set_interval(1, self.tick)
        self.set_interval(_FIGURES_EVERY, self._take_up_transfers)

    def on_resize(self, _event: Resize) -> None:
        """Fit the new width."""
        self.tick()

    def belongs_to(self, whose: Whose) -> None:
        """Show another cloud."""
        self._whose = whose
        self.tick()

    def polls(self, status: PollStatus) -> None:
        """Show another state of the polls."""
        self._status = status
        self.tick()

    def transfers(self, summary: Content, *, at_once: bool) -> None:
        """Show another summary of the transfers: now, or where only figures differ with others of these two seconds."""
        self._newest_transfers = summary
        if at_once:
            self._take_up_transfers()

    def _take_up_transfers(self) -> None:
        if not self._newest_transfers.is_same(self._transfers):
            self._transfers = self._newest_transfers
            self.tick()

    def tick(self) -> None:
        """Show the age and the time as they are now."""
        if self.size.width:
            room = self.size.width - self._transfers.cell_length
            left, state, time = top_line(self._whose, self._status, self._clock.now(), room, glyphs())
            self.show(left, self._transfers, state, time)


def top_line(
    whose: Whose, status: PollStatus, now: datetime, width: int, signs: Glyphs
) -> tuple[Content, Content, Content]:
    """Return the top line over `width` cells: whose jobs, the state of the polls, the time of day.

    Where it is too narrow, project and place go before anything else.
    """
    state, time = _state(whose, status, now, signs), line(f"   {now.astimezone():%H:%M} ")
    room = max(0, width - state.cell_length - time.cell_length)
    forms = _lefts(whose, signs)
    left = next((form for form in forms if form.cell_length + _GAP <= room), forms[-1])
    padding = -state.cell_length % _STEP
    if left.cell_length + _GAP + padding <= room:
        state, room = state.pad_left(padding), room - padding
    return left.truncate(room, pad=True), state, time


def _lefts(whose: Whose, signs: Glyphs) -> list[Content]:
    """Return the left side in full and ever shorter."""
    name = line((f" {_NAME}", "bold $primary"))
    if not whose.profile and not whose.local:
        return [name]
    mode = line((_("read only"), "bold $warning")) if whose.read_only else line((_("RW"), "$muted"))
    dot = (f" {signs.separator} ", "$muted")
    who = _("local cloud, simulated") if whose.local else clean(whose.profile, strict=True, limit=40)
    profile = line((who, "bold $accent" if whose.local else "bold"))
    where, project = (clean(text, strict=True, limit=40) for text in (whose.where, whose.project))
    forms = [line("  ", profile)]
    if where:
        forms.insert(0, line("  ", profile, dot, where))
    if where and project:
        forms.insert(0, line("  ", profile, dot, where, dot, project))
    return [*(line(name, form, "  ", mode) for form in forms), line(name, "  ", mode)]


def _state(whose: Whose, status: PollStatus, now: datetime, signs: Glyphs) -> Content:
    if not whose.connected:
        return line((_("not connected"), "bold $error") if whose.trouble else (_("connecting"), "$muted"))
    if status.refused:
        return line(
            (_("keys rejected"), "bold $error"),
            (f" {signs.dash} {_('{key} profiles', key=key_of('app.profiles'))}", "$error"),
        )
    if status.failing_since is not None:
        return _offline(status, status.failing_since, now)
    if status.answered is None:
        return line((_("loading"), "$muted"))
    if status.loaded < status.total:
        return line(_("loading {loaded:,} of {total:,}", loaded=status.loaded, total=status.total))
    dot = (f" {signs.separator} ", "$muted")
    if status.paused:  # nothing moves then, not even the age
        since = _("as of {time}", time=f"{status.answered.astimezone():%H:%M:%S}")
        return line((f"{signs.pause} {_('paused')}", "bold $warning"), dot, since)
    age = (now - status.answered).total_seconds()
    stale = 0 < status.interval * _STALE_INTERVALS < age
    ago = (_("{age} ago", age=human_duration(coarse(age))), "bold $stale" if stale else "")
    every = f"{status.interval:g}s" if status.interval else _("manual")
    return line((f"{signs.refresh} {every}", "$muted"), dot, ago)


def _offline(status: PollStatus, since: datetime, now: datetime) -> Content:
    words = line((_("offline since {time}", time=f"{since.astimezone():%H:%M}"), "bold $error"))
    if status.next_at is None or not status.interval or status.paused:
        return line(words, (_(", {key} tries again", key=key_of("jobs.refresh")), "$error"))
    wait = (status.next_at - now).total_seconds()
    if wait < 1:
        return line(words, (_(", trying"), "$error"))
    return line(words, (_(", next try in {time}", time=human_duration(coarse(wait))), "$error"))


def coarse(seconds: float) -> float:
    """Return an age as it is worth telling: to the second in the first minute, then to ten seconds."""
    return int(seconds) if seconds < _EVERY_SECOND else int(seconds // _COARSE * _COARSE)
