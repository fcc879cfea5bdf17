"""The columns of an export: what of a request, of its answer and of what became of it stands in each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tui.dataset.results import Tokens
from tui.dataset.row_details import RowDetails
from tui.errors import UsageError
from tui.i18n import _

Value = object
"""None, a text, a number, or any JSON value of a field named by its path."""

_INDEX: Final = re.compile(r"-?[0-9]{1,9}")


class UnknownColumnError(UsageError):
    """There is no column of that name."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: as it was asked for; the heading.
        is_number: whole numbers, or nothing, stand in it; otherwise texts, or whatever JSON the path leads to.
        reads_request: the input has to be read for it.
        of: what stands in it for a row.
    """

    name: str
    is_number: bool
    reads_request: bool
    of: Callable[[RowDetails], Value]


def _tokens(count: Callable[[Tokens], int]) -> Callable[[RowDetails], Value]:
    return lambda row: count(row.tokens) if row.tokens is not None else None


_TEXTS: Final[Mapping[str, Callable[[RowDetails], Value]]] = {
    "custom_id": lambda row: row.custom_id,
    "verdict": lambda row: row.verdict,
    "flags": lambda row: ",".join(row.flags),
    "answer": lambda row: row.answer,
    "reasoning": lambda row: row.reasoning,
    "finish_reason": lambda row: row.finish_reason,
    "code": lambda row: row.code,
    "message": lambda row: row.message,
}
_NUMBERS: Final[Mapping[str, Callable[[RowDetails], Value]]] = {
    "prompt_tokens": _tokens(lambda tokens: tokens.prompt),
    "completion_tokens": _tokens(lambda tokens: tokens.completion),
    "cached_tokens": _tokens(lambda tokens: tokens.cached),
    "reasoning_tokens": _tokens(lambda tokens: tokens.reasoning),
}

NAMES: Final = (*_TEXTS, *_NUMBERS)
"""The columns that have names; all others are paths."""

DEFAULT: Final = "custom_id,verdict,answer,finish_reason,prompt_tokens,completion_tokens,code,message"
"""What is exported unless columns are chosen."""


def parse_columns(text: str) -> tuple[Column, ...]:
    """Return the columns that a text names, divided by commas, as in `custom_id,answer,input:body.messages.0.content`.

    Raises:
        UnknownColumnError: one of them is unknown, stands there twice, or is no path.
    """
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if names.count(name) > 1:
            raise UnknownColumnError(_("the column {name} stands there twice", name=name))
    return tuple(map(_column, names))


def _column(name: str) -> Column:
    if name in _TEXTS:
        return Column(name, is_number=False, reads_request=False, of=_TEXTS[name])
    if name in _NUMBERS:
        return Column(name, is_number=True, reads_request=False, of=_NUMBERS[name])
    source, _colon, path = name.partition(":")
    steps = path.split(".")
    if source == "input" and all(steps):
        return Column(name, is_number=False, reads_request=True, of=lambda row: _at(row.request, steps))
    if source == "reply" and all(steps):
        return Column(name, is_number=False, reads_request=False, of=lambda row: _at(row.reply, steps))
    raise UnknownColumnError(
        _("no column {name!r}", name=name),
        advice=_(
            "There are: {names}\nFields of a request by their path: input:body.messages.0.content; of its reply: "
            "reply:response.body.model",
            names=", ".join(NAMES),
        ),
    )


def _at(value: object, steps: Sequence[str]) -> Value:
    """Return what a path leads to: keys of objects, places in lists from 0, or from -1 at the end; None without one."""
    for step in steps:
        match value:
            case dict():
                value = value.get(step)
            case list() if _INDEX.fullmatch(step) and -len(value) <= int(step) < len(value):
                value = value[int(step)]
            case _:
                return None
    return value
