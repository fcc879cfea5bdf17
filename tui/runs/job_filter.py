r"""The language in which operators say which jobs they mean, in the deck and as `arkdeck jobs --filter`.

Words are separated by blanks, and all must hold:

    phase:running        the phase begins so, or that of its tab: `phase:queued` finds Initializing too
    model:doubao         part of the model, `name@version`; in the same way `name:` and `id:`
    tag:team             the job has the tag; `tag:team=search` with this value
    age:<2d              since it was created: s, m, h, d, w; also `expires:<3h` (of unfinished jobs), `failed:>0`
    attention:yes        it asks to be looked at, or `no`
    message:quota        part of what the service says of it
    nightly              part of the name, the id or the description

`<`, `<=`, `>`, `>=` and `=` compare; `=`, which may be left out, goes by whole units. `!` before a word negates it.
`status:` is `phase:`, and `expiry:` is `expires:`. Quotes make one word of several, and take it as it is: `name:"a b"`,
`"phase:running"`; inside, `\"` and `\\` stand for `"` and `\`. Case is no matter.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from tui.ark.models import KNOWN_PHASES
from tui.errors import UsageError
from tui.i18n import _
from tui.runs.attention import attention
from tui.text import clean

if TYPE_CHECKING:
    from tui.runs.board import JobView

Test = Callable[["JobView", datetime], bool]
"""Tells whether a job is meant, at a time."""


class FilterError(UsageError):
    """A word of a filter cannot be understood.

    Attributes:
        word: as it was written.
        position: where it begins in the text, from 0.
    """

    def __init__(self, message: str, *, advice: str, word: str, position: int) -> None:
        super().__init__(message, advice=advice)
        self.word = word
        self.position = position


@dataclass(frozen=True)
class JobFilter:
    """Which jobs are meant; an empty text means all of them.

    Attributes:
        text: as it was written.
    """

    text: str
    _tests: tuple[Test, ...] = field(repr=False, compare=False)

    def matches(self, view: JobView, now: datetime) -> bool:
        """Return whether the job is meant."""
        for test in self._tests:  # noqa: SIM110  # `all` over a generator takes twice as long
            if not test(view, now):
                return False
        return True


def parse_filter(text: str) -> JobFilter:
    """Read a filter.

    Raises:
        FilterError: a word cannot be understood; it says which, and what fits.
    """
    return JobFilter(text, tuple(_test(word) for word in _words(text)))


# --- words ------------------------------------------------------------------------------------------------------------

_WORD: Final = re.compile(
    r"""
    (?P<not>!?)
    (?: (?P<key>[A-Za-z]+) : )?
    (?: "(?P<quoted> (?: [^"\\] | \\. )* )" | (?P<plain> [^\s"]* ) )
    (?= \s | \Z )
    """,
    re.VERBOSE | re.DOTALL,
)
_BLANKS: Final = re.compile(r"\s*")
_QUOTED: Final = 16  # cells of a word in a message
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


class _Word(msgspec.Struct, frozen=True):
    """A word of a filter: `!key:value`."""

    written: str
    position: int
    negated: bool
    key: str
    value: str
    quoted: bool

    @property
    def shown(self) -> str:
        """The word as a message quotes it: short, as the message must fit beside the filter."""
        return clean(self.written, limit=_QUOTED)

    def error(self, problem: str, advice: str) -> FilterError:
        return FilterError(problem, advice=advice, word=self.written, position=self.position)


def _words(text: str) -> Iterator[_Word]:
    position = _after_blanks(text, 0)
    while position < len(text):
        found = _WORD.match(text, position)
        if found is None:
            raise _not_closed(text, position)
        quoted = found["quoted"]
        yield _Word(
            written=found[0],
            position=position,
            negated=bool(found["not"]),
            key=_SYNONYMS.get(key := (found["key"] or "").lower(), key),
            value=found["plain"] if quoted is None else _ESCAPED.sub(r"\1", quoted),
            quoted=quoted is not None,
        )
        position = _after_blanks(text, found.end())


def _after_blanks(text: str, position: int) -> int:
    found = _BLANKS.match(text, position)
    return found.end() if found else position


def _not_closed(text: str, position: int) -> FilterError:
    written = text[position:].split(maxsplit=1)[0]
    word = _Word(written, position, negated=False, key="", value="", quoted=False)
    return word.error(
        _("{word}: a quote is not closed, or goes on behind it", word=word.shown),
        _('Write quotes around a whole value: name:"a b"'),
    )


# --- tests ------------------------------------------------------------------------------------------------------------


def _test(word: _Word) -> Test:
    """Return what a word says of a job."""
    if not word.key:
        if not word.value and not word.quoted:
            raise word.error(_("nothing follows ! – as in !phase:failed"), _("Write behind it what it negates."))
        test = _text(word)
    elif (kind := _KINDS.get(word.key)) is None:
        near = _nearest(word.key, _KINDS)
        known = _("did you mean {near}:?", near=near) if near else " ".join(_KINDS)
        problem = _("no word {word}: – {known}", word=clean(word.key, limit=_QUOTED), known=known)
        advice = _("Words are {words}. To find the text itself, quote it.", words=" ".join(f"{key}:" for key in _KINDS))
        raise word.error(problem, advice)
    else:
        if not word.value and not word.quoted:
            raise word.error(
                _("{key}: needs a value – as in {example}", key=word.key, example=kind.example), kind.means
            )
        test = kind.make(word)
    return (lambda view, now: not test(view, now)) if word.negated else test


def _text(word: _Word) -> Test:
    part = word.value.casefold()

    def test(view: JobView, _now: datetime) -> bool:
        job = view.job
        return part in job.name.casefold() or part in job.id.casefold() or part in job.description.casefold()

    return test


def _phase(word: _Word) -> Test:
    begin = word.value.casefold()
    known = [phase.casefold() for phase in KNOWN_PHASES]
    if not word.quoted and not any(phase.startswith(begin) for phase in known):
        near = _nearest(begin, known)
        fitting = _("did you mean {near}?", near=near) if near else " ".join(known)
        raise word.error(
            _("no phase {word} – {fitting}", word=clean(word.value, limit=_QUOTED), fitting=fitting),
            _('Phases are {phases}. Quote one that is none of them: phase:"new"', phases=" ".join(known)),
        )

    def test(view: JobView, _now: datetime) -> bool:
        phase = view.job.phase
        group = phase.group
        return phase.casefold().startswith(begin) or (group is not None and group.casefold().startswith(begin))

    return test


def _part_of(said: Callable[[JobView], str]) -> Callable[[_Word], Test]:
    def make(word: _Word) -> Test:
        part = word.value.casefold()
        return lambda view, _now: part in said(view).casefold()

    return make


def _tag(word: _Word) -> Test:
    key, equals, value = word.value.casefold().partition("=")

    def test(view: JobView, _now: datetime) -> bool:
        return any(
            name.casefold() == key and (not equals or content.casefold() == value)
            for name, content in view.job.tags.items()
        )

    return test


def _attention(word: _Word) -> Test:
    answer = word.value.casefold()
    if answer not in ("yes", "no"):
        raise word.error(_("attention: is yes or no – as in attention:yes"), _KINDS[word.key].means)
    wanted = answer == "yes"
    return lambda view, now: (attention(view, now) is not None) is wanted


_COMPARISON: Final = re.compile(r"(?P<sign>[<>]=?|=?)(?P<count>[0-9]{1,9})(?P<unit>[A-Za-z]*)")
_SIGNS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def _compared(units: Mapping[str, int], said: Callable[[JobView, datetime], float | None]) -> Callable[[_Word], Test]:
    """Return the maker of tests that compare a number; where there is none, no comparison holds."""

    def make(word: _Word) -> Test:
        found = _COMPARISON.fullmatch(word.value)
        size = units.get(found["unit"].lower()) if found else None
        if found is None or size is None:
            kind = _KINDS[word.key]
            words = {"word": word.shown, "example": kind.example}
            problem = (
                _("{word} is no comparison – as in {example}", **words)
                if found is None
                else _("{word} has no such unit – as in {example}", **words)
            )
            raise word.error(problem, kind.means)
        count, compare = int(found["count"]), _SIGNS.get(found["sign"])

        def test(view: JobView, now: datetime) -> bool:
            number = said(view, now)
            if number is None:
                return False
            return number // size == count if compare is None else compare(number, count * size)

        return test

    return make


def _age(view: JobView, now: datetime) -> float | None:
    return (now - view.job.created).total_seconds() if view.job.created else None


def _until_expiry(view: JobView, now: datetime) -> float | None:
    job = view.job
    return None if job.expires is None or job.phase.finished else (job.expires - now).total_seconds()


def _failed(view: JobView, _now: datetime) -> float:
    return view.job.counts.failed


class _Kind(msgspec.Struct, frozen=True):
    """What may stand before a colon.

    Attributes:
        make: makes the test of a word of this kind.
        example: one such word.
        means: what the kind says of a job.
    """

    make: Callable[[_Word], Test]
    example: str
    means: str


_KINDS: Final[Mapping[str, _Kind]] = {
    "phase": _Kind(_phase, "phase:running", _("The phase begins so, or that of its tab.")),
    "model": _Kind(_part_of(lambda view: str(view.job.model)), "model:doubao", _("Part of the model, name@version.")),
    "name": _Kind(_part_of(lambda view: view.job.name), 'name:"a b"', _("Part of the name.")),
    "id": _Kind(_part_of(lambda view: view.job.id), "id:bi-2026", _("Part of the id.")),
    "tag": _Kind(_tag, "tag:team=search", _("Has the tag with this value; tag:team with any.")),
    "age": _Kind(_compared(_UNITS, _age), "age:<2d", _("Time since it was created, in s, m, h, d or w.")),
    "expires": _Kind(
        _compared(_UNITS, _until_expiry), "expires:<3h", _("Time until it expires unfinished, in s, m, h, d or w.")
    ),
    "failed": _Kind(_compared({"": 1}, _failed), "failed:>0", _("How many requests failed.")),
    "attention": _Kind(_attention, "attention:yes", _("Asks to be looked at, or no.")),
    "message": _Kind(
        _part_of(lambda view: view.job.message), "message:quota", _("Part of what the service says of it.")
    ),
}
_SYNONYMS: Final = {"status": "phase", "expiry": "expires"}


def filter_words() -> Iterator[tuple[str, str]]:
    """Return an example of each word that there is, with what it means."""
    yield "nightly", _("Part of the name, the id or the description.")
    for kind in _KINDS.values():
        yield kind.example, kind.means
    yield "!phase:failed", _("Not so: ! before any word.")


def phase_word(text: str) -> str | None:
    """Return `phase:failed` for a filter that has `failed` as a bare word, which finds that in names only."""
    known = {phase.casefold() for phase in KNOWN_PHASES}
    bare = (word.value.casefold() for word in _words(text) if not (word.key or word.quoted or word.negated))
    return next((f"phase:{value}" for value in bare if value in known), None)


def _nearest(word: str, known: Collection[str]) -> str | None:
    return next(iter(difflib.get_close_matches(word, known, n=1)), None)
