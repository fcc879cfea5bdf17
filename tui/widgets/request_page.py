"""A request and its answer as lines to read: pure functions of what the files tell of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from textual.content import Content

from tui.dataset.lines import FileMissingError
from tui.dataset.reply import Fate
from tui.i18n import _, plural
from tui.text import human_bytes
from tui.widgets.action_keys import key_of
from tui.widgets.safe_text import line, plain
from tui.widgets.text_view import TEXT_LIMIT

if TYPE_CHECKING:
    from tui.dataset.row_details import RowDetails
    from tui.dataset.row_glance import WholeRow

Lines = Iterator[str | Content]

_VALUE: Final = 120
"""Characters of a text within a value that is no text to read, such as a picture."""
_VALUES: Final = 20
"""Members of a list or an object that are shown."""
_DEPTH: Final = 6


def input_lines(whole: WholeRow) -> list[str | Content]:
    """Return the request: its messages, then everything else in its body."""
    if isinstance(whole.no_input, FileMissingError):
        away = line((_("The requests are not on this machine."), "$warning"))
        return [away, line(("i", "bold $accent"), (_(" in the list of results brings them"), "$muted"))]
    if whole.no_input is not None:
        words = filter(None, [whole.no_input.message, whole.no_input.advice])
        return [line((each, "$warning")) for each in words]
    body = whole.details.request.get("body")
    if not isinstance(body, dict):
        return [line((_("it has no body"), "$muted"))]
    lines = [*_messages(body.get("messages")), *_parameters(body)]
    return lines or [line((_("its body is empty"), "$muted"))]


def answer_lines(whole: WholeRow) -> list[str | Content]:
    """Return what became of the request: the answer with its reasoning and usage, or the error."""
    details = whole.details
    if details.row.fate & Fate.MISSING:
        return [line((_("No file has a reply to it."), "$muted"))]
    lines: list[str | Content] = [*_facts(details)]
    lines += [Content()] if lines else []
    if details.row.fate & Fate.FAILED:
        return [*lines, *_text(details.message or _("the reply gives no reason"))]
    if details.answer:
        lines += _text(details.answer)
    elif not (calls := _tool_calls(details)):
        lines.append(line((_("the answer has no text"), "$muted")))
    else:
        lines += _json(calls)
    if details.reasoning:
        lines += [Content(), _heading(_("reasoning")), *_text(details.reasoning)]
    choices = len(_choices(details))
    if choices > 1:
        more = plural(
            "and {count} more choice: {key} shows it",
            "and {count} more choices: {key} shows them",
            choices - 1,
            key=key_of("request.json"),
        )
        lines += [Content(), line((more, "$muted"))]
    return lines


def _heading(word: str) -> Content:
    return line((word.upper(), "bold $muted"))


def _facts(details: RowDetails) -> Lines:
    if details.code:
        yield _fact(_("code"), plain(details.code, limit=1024).stylize("bold $error"))
    if details.finish_reason:
        yield _fact(_("finish"), plain(details.finish_reason, limit=1024))
    tokens = details.tokens
    if tokens is not None:
        sent = _("{count:,} sent", count=tokens.prompt), _(" ({count:,} cached)", count=tokens.cached)
        said = _(", {count:,} answered", count=tokens.completion), _(" ({count:,} reasoning)", count=tokens.reasoning)
        yield _fact(_("tokens"), line(sent[0], (sent[1], "$muted"), said[0], (said[1], "$muted")))


def _fact(label: str, value: Content) -> Content:
    return line((label.ljust(8), "$muted"), value)


def _messages(messages: object) -> Lines:
    """Yield the messages, each under its role."""
    for message in messages if isinstance(messages, list) else ():
        if not isinstance(message, dict):
            yield from _json(message)
            continue
        yield _heading(str(message.get("role", _("no role")))[:_VALUE])
        content = message.get("content")
        for part in content if isinstance(content, list) else [content]:
            yield from _part(part)
        rest = {key: value for key, value in message.items() if key not in ("role", "content")}
        if rest:
            yield from _json(rest)
        yield Content()


def _part(part: object) -> Lines:
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        part = part["text"]
    if isinstance(part, str):
        yield from _text(part)
    elif part is not None:
        yield from _json(part)


def _parameters(body: Mapping[str, object]) -> Lines:
    shown = isinstance(body.get("messages"), list) and body["messages"]
    rest = {key: value for key, value in body.items() if key != "messages" or not shown}
    if rest:
        yield _heading(_("parameters"))
        yield from _json(rest)


def _text(text: str) -> Lines:
    """Yield the lines of a text as far as they can be shown, and how much more there is."""
    yield from text[:TEXT_LIMIT].replace("\r\n", "\n").split("\n")
    if len(text) > TEXT_LIMIT:
        left = len(text) - TEXT_LIMIT
        yield line((plural("… {count} more character", "… {count} more characters", left), "$muted"))


def _json(value: object) -> Lines:
    """Yield a value as indented JSON, with what is long in it cut."""
    written = json.dumps(_shortened(value, _DEPTH), indent=2, ensure_ascii=False)
    yield from written.split("\n")


def _shortened(value: object, depth: int) -> object:
    if isinstance(value, str):
        left = len(value) - _VALUE
        return value if left <= 0 else f"{value[:_VALUE]}… ({human_bytes(left)} more)"
    if isinstance(value, dict | list) and not depth:
        return "…"
    if isinstance(value, dict):
        kept: dict[str, object] = {
            str(_shortened(key, 1)): _shortened(each, depth - 1) for key, each in list(value.items())[:_VALUES]
        }
        return kept if len(kept) == len(value) else kept | {"…": _more(value)}
    if isinstance(value, list):
        each_one = [_shortened(each, depth - 1) for each in value[:_VALUES]]
        return each_one if len(each_one) == len(value) else [*each_one, _more(value)]
    return value


def _more(value: Sequence[object] | Mapping[str, object]) -> str:
    return plural("… {count} more", "… {count} more", len(value) - _VALUES)


def _choices(details: RowDetails) -> list[object]:
    response = details.reply.get("response")
    body = response.get("body") if isinstance(response, dict) else None
    choices = body.get("choices") if isinstance(body, dict) else None
    return choices if isinstance(choices, list) else []


def _tool_calls(details: RowDetails) -> object:
    first = next(iter(_choices(details)), None)
    message = first.get("message") if isinstance(first, dict) else None
    return message.get("tool_calls") if isinstance(message, dict) else None
