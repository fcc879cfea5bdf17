"""The check of an input file: one pass over its bytes, every fault of every line, and the file's fingerprint.

A second pass over the lines in question is made only when ids seem to repeat.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, Final

from tui.dataset import rules
from tui.dataset.duplicates import FirstUses, IdIndex, Suspect
from tui.dataset.json_line import BOM, LineError, LineParser, NotJsonError, NotUtf8Error, Parsed, TooDeepError
from tui.dataset.lines import Line, open_file, read_lines
from tui.dataset.platform_script import PlatformScript
from tui.dataset.request import faults, id_text, oddities, shown_id
from tui.dataset.rules import PLATFORM_LIMITS, RULES, Limits, Rule, Severity
from tui.fingerprint import Fingerprint, Fingerprinter
from tui.i18n import _, plural
from tui.text import clean, human_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_PROGRESS_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True)
class Issue:
    """One fault.

    Attributes:
        line: physical line from 1; None for the file as a whole.
        offset: of the line's first byte in the file; None for the file as a whole.
        rule: id of the rule, a key of RULES.
        severity: the rule's.
        custom_id: the request's, when it is known; text from outside, cut at 1024 characters.
        path: JSON path of the place, such as `$.body.messages[2].role`.
        message: what is wrong, ready to be shown.
        other_line: for a repeated id, the line that had it first.
    """

    line: int | None
    offset: int | None
    rule: str
    severity: Severity
    custom_id: str | None
    path: str | None
    message: str
    other_line: int | None = None

    def as_json(self, file: str) -> dict[str, object]:
        """Return the issue as the command prints it; `file` is the name the operator gave."""
        shape: dict[str, object] = {
            "file": file,
            "line": self.line,
            "offset": self.offset,
            "rule": self.rule,
            "severity": str(self.severity),
            "custom_id": self.custom_id,
            "path": self.path,
            "message": self.message,
        }
        return shape if self.other_line is None else {**shape, "other_line": self.other_line}


@dataclass(frozen=True)
class CheckProgress:
    """Bytes of the file that were checked, of all."""

    done: int
    total: int


@dataclass(frozen=True)
class CheckSummary:
    """What the check found in all.

    Attributes:
        requests: lines that are not blank, good or bad.
        errors: issues that make the platform refuse the file, also those beyond `max_issues`.
        warnings: the other issues, likewise.
        bytes: size of what was read.
        seconds: the check took.
        fingerprint: of what was read.
        counts: issues by rule id, of the rules that were broken.
        platform_message: what the platform's script would say, outside text in it as it is; None when it
            accepts the file or dies without a word of its own.
    """

    requests: int
    errors: int
    warnings: int
    bytes: int
    seconds: float
    fingerprint: Fingerprint
    counts: Mapping[str, int]
    platform_message: str | None


CheckEvent = Issue | CheckProgress | CheckSummary


def check_file(path: Path, *, max_issues: int = 100, limits: Limits = PLATFORM_LIMITS) -> Iterator[CheckEvent]:
    """Check an input file; it blocks, so an interface runs it on a thread of its own.

    Issues of lines come in their order; repeated ids and those of the file after them; the summary is last.
    Memory grows with the longest line, and with the requests by some 18 bytes each, 33 where all ids repeat.

    Args:
        path: a regular file.
        max_issues: issues of one rule that are yielded; 0 for all. Totals count all in any case.
        limits: what the platform takes.

    Raises:
        UsageError: the file is missing, not a regular file, or cannot be read.
    """
    with open_file(path) as file:
        yield from _Check(file, max_issues, limits).run()


class _Check:
    def __init__(self, file: BinaryIO, max_issues: int, limits: Limits) -> None:
        self._file = file
        self._stat = os.fstat(file.fileno())
        self._max_issues = max_issues
        self._limits = limits
        self._counts: Counter[str] = Counter()
        self._parser = LineParser(limits.depth)
        self._ids = IdIndex()
        self._script = PlatformScript()
        self._requests = 0
        self._crlf_lines = 0
        self._first_crlf: Line | None = None

    def run(self) -> Iterator[CheckEvent]:
        started = time.monotonic()
        fingerprinter = Fingerprinter()
        for line in self._lines(tee=fingerprinter.update):
            if isinstance(line, CheckProgress):
                yield line
            else:
                yield from self._line_issues(line)
        fingerprint = fingerprinter.finish(self._stat)
        yield from self._repeated_ids()
        yield from self._file_issues(fingerprint.size)
        yield CheckProgress(fingerprint.size, fingerprint.size)
        yield self._summary(fingerprint, time.monotonic() - started)

    def _lines(self, *, tee: Callable[[bytes], None] | None = None) -> Iterator[Line | CheckProgress]:
        reported = 0
        for line in read_lines(self._file, self._limits.line_bytes, tee=tee):
            if line.offset - reported >= _PROGRESS_BYTES:
                reported = line.offset
                yield CheckProgress(reported, max(reported, self._stat.st_size))
            yield line

    def _line_issues(self, line: Line) -> Iterator[Issue]:
        if line.data.endswith(b"\r"):
            self._crlf_lines += 1
            self._first_crlf = self._first_crlf or line._replace(data=b"")
        marked = line.data.startswith(BOM)
        if marked:
            yield from self._issue(rules.BYTE_ORDER_MARK, _("byte order mark; save the file without it"), line)
        try:
            parsed = self._parse(line)
        except LineError as error:
            self._requests += 1
            self._tell_script(line, error, marked=marked)
            yield from self._issue(*_fault_of_line(line, error, self._limits), line)
            return
        if marked:
            self._script.finds_no_json(line.number)
        self._requests += marked or parsed is not None
        if parsed is not None:
            yield from self._request_issues(line, parsed)

    def _parse(self, line: Line) -> Parsed | None:
        if not line.whole:
            raise _TooLongError
        try:
            return self._parser.parse(line.data.removeprefix(BOM))
        except MemoryError:
            raise _TooLongError from None

    def _tell_script(self, line: Line, error: LineError, *, marked: bool) -> None:
        is_text = not isinstance(error, NotUtf8Error)
        if isinstance(error, NotJsonError) or (marked and is_text):
            self._script.finds_no_json(line.number)
        else:
            self._script.dies(line.number)

    def _request_issues(self, line: Line, parsed: Parsed) -> Iterator[Issue]:
        if parsed.huge:
            self._script.dies(line.number)
        else:
            self._script.reads(line.number, parsed.value)
        custom_id = parsed.value.get("custom_id") if isinstance(parsed.value, dict) else None
        text = id_text(custom_id)
        if text is not None:
            self._ids.add(line.number, text)
        for fault in faults(parsed.value):
            yield from self._issue(fault.rule, fault.message, line, path=fault.path, custom_id=custom_id)
        if parsed.odd:
            for fault in oddities(parsed.value):
                yield from self._issue(fault.rule, fault.message, line, path=fault.path, custom_id=custom_id)

    def _repeated_ids(self) -> Iterator[Issue | CheckProgress]:
        groups, suspects = self._ids.suspects()
        suspect = next(suspects, None)
        if suspect is None:
            return
        uses = FirstUses(groups)
        self._file.seek(0)
        for line in self._lines():
            if isinstance(line, CheckProgress):
                yield CheckProgress(line.total, line.total)  # a sign of life: the file was counted once already
            elif line.number == suspect.line:
                yield from self._repeated_id(line, suspect, uses)
                suspect = next(suspects, None)
                if suspect is None:
                    return

    def _repeated_id(self, line: Line, suspect: Suspect, uses: FirstUses) -> Iterator[Issue]:
        try:
            parsed = self._parse(line)
        except LineError:  # the file is not what it was a moment ago, which is reported as such
            return
        custom_id = parsed.value.get("custom_id") if parsed and isinstance(parsed.value, dict) else None
        text = id_text(custom_id)
        if text is None:
            return
        repeat = uses.repeat(suspect, text, is_string=isinstance(custom_id, str))
        if repeat is None:
            return
        if repeat.same_type:
            self._script.finds_duplicate(line.number, custom_id)
        message = _(
            "custom_id {id} was used on line {line}",
            id=clean(text, strict=True, limit=80),
            line=repeat.first_line,
        )
        yield from self._issue(
            rules.ID_DUPLICATE,
            message,
            line,
            path="$.custom_id",
            custom_id=custom_id,
            other_line=repeat.first_line,
        )

    def _file_issues(self, size: int) -> Iterator[Issue]:
        if self._first_crlf is not None:
            message = plural("{count} line ends in CR LF", "{count} lines end in CR LF", self._crlf_lines)
            yield from self._issue(rules.CRLF, message, self._first_crlf)
        if size > self._limits.file_bytes:
            message = _(
                "the file has {size}; the platform takes {limit} by default",
                size=_gigabytes(size),
                limit=_gigabytes(self._limits.file_bytes),
            )
            yield from self._issue(rules.FILE_TOO_LARGE, message)
        if not self._requests:
            yield from self._issue(rules.FILE_EMPTY, _("the file holds no request"))
        before, now = self._stat, os.fstat(self._file.fileno())
        if (size, before.st_size, before.st_mtime_ns) != (now.st_size, now.st_size, now.st_mtime_ns):
            yield from self._issue(rules.FILE_CHANGED, _("the file changed while it was checked; check it again"))

    def _issue(
        self,
        rule: Rule,
        message: str,
        line: Line | None = None,
        *,
        path: str | None = None,
        custom_id: object = None,
        other_line: int | None = None,
    ) -> Iterator[Issue]:
        """Count the issue, and yield it unless its rule has had its share."""
        self._counts[rule.id] += 1
        if self._max_issues and self._counts[rule.id] > self._max_issues:
            return
        number, offset = (None, None) if line is None else (line.number, line.offset)
        yield Issue(number, offset, rule.id, rule.severity, shown_id(custom_id), path, message, other_line)

    def _summary(self, fingerprint: Fingerprint, seconds: float) -> CheckSummary:
        totals: Counter[Severity] = Counter()
        for rule, count in self._counts.items():
            totals[RULES[rule].severity] += count
        return CheckSummary(
            requests=self._requests,
            errors=totals[Severity.ERROR],
            warnings=totals[Severity.WARNING],
            bytes=fingerprint.size,
            seconds=seconds,
            fingerprint=fingerprint,
            counts=MappingProxyType(dict(self._counts)),
            platform_message=self._script.message,
        )


class _TooLongError(LineError):
    """The line is longer than the limit and was not kept."""


def _fault_of_line(line: Line, error: LineError, limits: Limits) -> tuple[Rule, str]:
    match error:
        case NotUtf8Error():
            position = line.offset + error.position + (len(BOM) if line.data.startswith(BOM) else 0)
            message = _("not UTF-8: byte 0x{byte:02X} at offset {position}", byte=error.byte, position=position)
            return rules.NOT_UTF8, message + _encoding_hint(line.data)
        case NotJsonError():
            message = _("not JSON at character {column}: {reason}", column=error.column, reason=error.reason)
            return rules.NOT_JSON, message
        case TooDeepError():
            return rules.TOO_DEEP, _("more than {limit} brackets open at once", limit=limits.depth)
        case _:
            limit = human_bytes(limits.line_bytes)
            return rules.LINE_TOO_LONG, _("the line is longer than {limit}; it was not checked", limit=limit)


def _encoding_hint(data: bytes) -> str:
    if data.startswith(_UTF16_MARKS):
        return _("; it looks like UTF-16")
    try:
        return _("; it may be GBK") if data.decode("gb18030").strip().isprintable() else ""
    except UnicodeDecodeError:
        return ""


def _gigabytes(size: int) -> str:
    return _("{count} GB", count=f"{size / 1e9:,.3f}")
