r"""The language in which operators say which jobs they mean, in the deck and as `arkdeck jobs --filter`.

Words are separated by blanks, and all must hold:

    phase:running        the phase begins so, or that of its tab: `phase:queued` finds Initializing too
    model:doubao         part of the model, `name@version`; in the same way `name:` and `id:`
    tag:team             the job has the tag; `tag:team=search` with this value
    age:<2d              since it was created: s, m, h, d, w; also `expires:<3h` (of unfinished jobs), `failed:>0`
    attention:yes        it asks to be looked at, or `no`
    nightly              part of the name, the id or the description

`<`, `<=`, `>`, `>=` and `=` compare; `=`, which may be left out, goes by whole units. `!` before a word negates it.
Quotes make one word of several, and take it as it is: `name:"a b"`, `"phase:running"`; inside, `\"` and `\\` stand for
`"` and `\`. Case is no matter.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

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
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True)
class _Word:
    """A word of a filter: `!key:value`."""

    written: str
    position: int
    negated: bool
    key: str
    value: str
    quoted: bool

    def error(self, problem: str, advice: str) -> FilterError:
        place = _("“{word}” at {column}", word=clean(self.written, limit=60), column=self.position + 1)
        return FilterError(f"{place}: {problem}", advice=advice, word=self.written, position=self.position)


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
            key=(found["key"] or "").lower(),
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
        _("a quote is not closed, or goes on behind it"), _('Write quotes around a whole value: name:"a b"')
    )


# --- tests ------------------------------------------------------------------------------------------------------------


def _test(word: _Word) -> Test:
    """Return what a word says of a job."""
    if not word.key:
        if not word.value and not word.quoted:
            raise word.error(_("nothing follows"), _("Write what it negates behind it, as in !phase:failed"))
        test = _text(word)
    elif (make := _KINDS.get(word.key)) is None:
        near = _nearest(word.key, _KINDS)
        advice = _(
            "Words are {words}. To find the text itself, quote it.", words=" ".join(f"{kind}:" for kind in _KINDS)
        )
        problem = _("no such word") + (_("; did you mean {near}: ?", near=near) if near else "")
        raise word.error(problem, advice)
    else:
        if not word.value and not word.quoted:
            raise word.error(_("a value is missing"), _EXAMPLES[word.key])
        test = make(word)
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
        raise word.error(
            _("no such phase") + (_("; did you mean {near}?", near=near) if near else ""),
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
        raise word.error(_("neither yes nor no"), _EXAMPLES[word.key])
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
            raise word.error(_("not a comparison") if found is None else _("not a unit of it"), _EXAMPLES[word.key])
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


_KINDS: Final[Mapping[str, Callable[[_Word], Test]]] = {
    "phase": _phase,
    "model": _part_of(lambda view: str(view.job.model)),
    "name": _part_of(lambda view: view.job.name),
    "id": _part_of(lambda view: view.job.id),
    "tag": _tag,
    "age": _compared(_UNITS, _age),
    "expires": _compared(_UNITS, _until_expiry),
    "failed": _compared({"": 1}, _failed),
    "attention": _attention,
}

_EXAMPLES: Final[Mapping[str, str]] = {
    "phase": _("As in phase:running"),
    "model": _("As in model:doubao"),
    "name": _('As in name:nightly or name:"a b"'),
    "id": _("As in id:bi-2026"),
    "tag": _("As in tag:team or tag:team=search"),
    "age": _("As in age:<30m or age:>=2d, with s, m, h, d or w."),
    "expires": _("As in expires:<3h, with s, m, h, d or w."),
    "failed": _("As in failed:>0 or failed:12"),
    "attention": _("Write attention:yes or attention:no"),
}


def _nearest(word: str, known: Collection[str]) -> str | None:
    return next(iter(difflib.get_close_matches(word, known, n=1)), None)
