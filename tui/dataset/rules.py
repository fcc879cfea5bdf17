"""The rules of the check: what each is called, how bad it is, and what the platform says of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from tui.i18n import _

if TYPE_CHECKING:
    from collections.abc import Mapping


class Severity(StrEnum):
    """What a broken rule means for the file.

    ERROR: the platform refuses the whole file.
    WARNING: one request may fail, or the platform's view is not known.
    """

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Rule:
    """One rule of the check.

    Attributes:
        id: stable, kebab-case.
        severity: what breaking it means.
        title: one line for a person.
        platform: the platform's wording with `{n}` (its line count) or `{id}`; None where it has none.
    """

    id: str
    severity: Severity
    title: str
    platform: str | None = None


@dataclass(frozen=True)
class Limits:
    """Sizes that the check holds a file to.

    Attributes:
        file_bytes: the platform's default limit for one input file, raised on request (ark-openapi.md §2).
        line_bytes: our own: a file without line breaks must not fill the memory.
        depth: brackets open at once; the platform's script dies of more.
    """

    file_bytes: int = 5_000_000_000
    line_bytes: int = 64 * 1024 * 1024
    depth: int = 1000


PLATFORM_LIMITS: Final = Limits()

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

NOT_JSON: Final = Rule("not-json", _ERROR, _("the line is not JSON"), "批量推理任务失败,第{n}行非json数据")
NOT_AN_OBJECT: Final = Rule("not-an-object", _ERROR, _("the line is JSON, but not an object"))
ID_MISSING: Final = Rule(
    "id-missing", _ERROR, _("custom_id is absent or empty"), "批量推理任务失败,第{n}行custom_id不存在"
)
ID_NOT_A_STRING: Final = Rule(
    "id-not-a-string",
    _ERROR,
    _("custom_id is not a string"),
    "批量推理输入文件格式错误,第{n}行custom_id不是string",
)
ID_DUPLICATE: Final = Rule(
    "id-duplicate", _ERROR, _("custom_id was used before"), "批量推理任务失败,custom_id={id}存在重复"
)
BODY_NOT_AN_OBJECT: Final = Rule(
    "body-not-an-object",
    _ERROR,
    _("body is not an object"),
    "批量推理任务失败,custom_id={id}的body非json字符串",
)
BYTE_ORDER_MARK: Final = Rule("byte-order-mark", _ERROR, _("the line starts with a byte order mark"))
NOT_UTF8: Final = Rule("not-utf8", _ERROR, _("the line is not UTF-8 text"))
NOT_A_NUMBER: Final = Rule("not-a-number", _ERROR, _("NaN or Infinity, which JSON does not have"))
TOO_DEEP: Final = Rule("too-deep", _ERROR, _("nested too deeply"))
LINE_TOO_LONG: Final = Rule("line-too-long", _ERROR, _("the line is too long to check"))
FILE_TOO_LARGE: Final = Rule("file-too-large", _ERROR, _("the file is over the platform's limit"))
FILE_EMPTY: Final = Rule("file-empty", _ERROR, _("the file holds no request"))
FILE_CHANGED: Final = Rule("file-changed", _ERROR, _("the file changed while it was checked"))

NO_MESSAGES: Final = Rule("no-messages", _WARNING, _("body has neither messages nor input"))
BAD_MESSAGES: Final = Rule("bad-messages", _WARNING, _("messages is not a list of objects, or is empty"))
UNKNOWN_ROLE: Final = Rule("unknown-role", _WARNING, _("a message has a role that is not known"))
BAD_PARAMETER: Final = Rule("bad-parameter", _WARNING, _("a parameter is not a number of the range that models take"))
DUPLICATE_KEY: Final = Rule("duplicate-key", _WARNING, _("a key appears more than once in an object"))
CRLF: Final = Rule("crlf", _WARNING, _("lines end in CR LF"))
MODEL_IN_BODY: Final = Rule("model-in-body", _WARNING, _("the model is named here, but the job decides it"))
UNUSED_FIELD: Final = Rule("unused-field", _WARNING, _("method and url are not part of the format"))
LONE_SURROGATE: Final = Rule("lone-surrogate", _WARNING, _("half of a surrogate pair, which is not a character"))
HUGE_NUMBER: Final = Rule("huge-number", _WARNING, _("a whole number of more digits than most programs read"))

RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {rule.id: rule for rule in tuple(globals().values()) if isinstance(rule, Rule)}
)
"""Every rule by its id, errors first."""
