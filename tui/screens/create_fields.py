"""The fields of a job in the making: what they are called, what they show, and what there is to choose from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
from textual.content import Content

from tui.ark.models import CustomModelRef, FoundationModelRef
from tui.creation import Creation
from tui.errors import UsageError
from tui.i18n import _
from tui.runs.submission import LONGEST_WINDOW
from tui.screens.field import Candidate, Completion
from tui.widgets.glyphs import glyphs
from tui.widgets.safe_text import identifier, line, plain
from tui.widgets.table import Column

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from tui.ark.models import FoundationModel
    from tui.connection import Connection

COLUMNS: Final = (
    Column("label", _("FIELD"), 14),
    Column("value", _("VALUE"), 30, grow=3),
    Column("note", _("NOTE"), 18, grow=2, drop=1),
)

_WINDOWS: Final = (1, 2, 3, 7, 14, 28)
_VALUE_LIMIT: Final = 1024


class DraftField(msgspec.Struct, frozen=True):
    """One field of the draft.

    Attributes:
        name: of the draft's field.
        label: before it.
        usual: what an empty one means, given the job in the making.
        note: what has to be known of it.
        yes_or_no: it is turned on and off instead of typed.
    """

    name: str
    label: str
    usual: Callable[[Creation], str]
    note: str = ""
    yes_or_no: bool = False


FIELDS: Final = (
    DraftField("model", _("model"), lambda _creation: "", _("NAME, NAME@VERSION or a custom model's id")),
    DraftField("window", _("window"), lambda _creation: LONGEST_WINDOW, _("time that the job may take")),
    DraftField("name", _("name"), lambda creation: creation.proposed_name),
    DraftField("description", _("description"), lambda _creation: ""),
    DraftField("project", _("project"), lambda creation: creation.connection.profile.project),
    DraftField("tags", _("tags"), lambda _creation: "", _("KEY=VALUE, divided by blanks")),
    DraftField("bucket", _("bucket"), lambda creation: creation.connection.profile.bucket, _("of input and results")),
    DraftField("input_prefix", _("input goes to"), lambda creation: creation.connection.profile.input_prefix),
    DraftField("output_prefix", _("results go to"), lambda creation: creation.connection.profile.output_prefix),
    DraftField(
        "create_bucket", _("new bucket"), lambda _creation: "", _("make the bucket if it is missing"), yes_or_no=True
    ),
    DraftField("nonce", _("second job"), lambda _creation: "", _("also where the content has a job"), yes_or_no=True),
)
"""The fields in the order of the page."""

BY_NAME: Final = {each.name: each for each in FIELDS}


def field_cells(field: DraftField, creation: Creation, widths: Mapping[str, int]) -> list[Content]:
    """Return the cells of a field's row, for the columns in `widths`: what is wrong with it stands in its note."""
    trouble = creation.troubles.get(field.name)
    cells = {"label": line((field.label, "$muted")), "value": _value(field, creation), "note": _note(field, trouble)}
    if "note" not in widths and trouble is not None:
        cells["value"] = line(cells["value"], "  ", cells["note"])
    return [cells[column] for column in widths]


def _value(field: DraftField, creation: Creation) -> Content:
    value = getattr(creation.draft, field.name)
    if field.yes_or_no:
        return line((_("yes"), "bold")) if value else line((_("no"), "$muted"))
    if value:
        return identifier(value, limit=_VALUE_LIMIT).stylize("bold")
    usual = field.usual(creation)
    return identifier(usual, limit=_VALUE_LIMIT) if usual else line((glyphs().dash, "$muted"))


def _note(field: DraftField, trouble: UsageError | None) -> Content:
    if trouble is not None:
        return line((f"{glyphs().cross} ", "$error"), plain(trouble.message, limit=_VALUE_LIMIT).stylize("$error"))
    return line((field.note, "$muted"))


def completion_of(field: DraftField, creation: Creation) -> Completion | None:
    """Return where the values of a field come from; None where there is nothing to choose from."""
    connection = creation.connection
    match field.name:
        case "model":
            return Completion(_models(connection), _up_to("@"))
        case "window":
            return Completion(_windows)
        case "project":
            return Completion(_projects(connection))
        case "bucket":
            return Completion(_buckets(connection))
        case "input_prefix" | "output_prefix":
            bucket = creation.draft.bucket or connection.profile.bucket
            return Completion(_folders(connection, bucket), _up_to("/")) if bucket else None
    return None


def _up_to(sign: str) -> Callable[[str], str]:
    """Return a stem that reaches up to the last `sign`."""
    return lambda text: text[: text.rfind(sign) + 1]


def _models(connection: Connection) -> Callable[[str], Awaitable[Sequence[Candidate]]]:
    """List the service's models and the custom ones of known jobs; behind `NAME@` the versions of a model."""

    async def under(stem: str) -> Sequence[Candidate]:
        ark = connection.services.ark
        if stem:
            versions = await ark.list_model_versions(stem.removesuffix("@"))
            return [Candidate(f"{stem}{each.version}", each.status.lower()) for each in versions]
        listed = [_foundation(each) for each in await ark.list_models()]
        custom = {str(model): None for model in _models_in_use(connection) if isinstance(model, CustomModelRef)}
        return [*(Candidate(each, _("custom")) for each in custom), *listed]

    return under


def _foundation(model: FoundationModel) -> Candidate:
    """Return a model, which is taken in its primary version unless one is chosen behind the `@`."""
    versions = f"{model.name}@"
    if not model.primary_version:
        return Candidate(versions, _("{vendor}  no primary version", vendor=model.vendor_name), more=True)
    note = _("{vendor}  primary version {version}", vendor=model.vendor_name, version=model.primary_version)
    return Candidate(model.name, note, closer=versions)


def _models_in_use(connection: Connection) -> list[CustomModelRef | FoundationModelRef]:
    return [view.job.model for view in connection.poller.board.views.values()]


async def _windows(_stem: str) -> Sequence[Candidate]:
    return [Candidate(f"{days}d") for days in _WINDOWS]


def _projects(connection: Connection) -> Callable[[str], Awaitable[Sequence[Candidate]]]:
    async def under(_stem: str) -> Sequence[Candidate]:
        seen = {view.job.project for view in connection.poller.board.views.values()} | {connection.profile.project}
        return [Candidate(each) for each in sorted(filter(None, seen))]

    return under


def _buckets(connection: Connection) -> Callable[[str], Awaitable[Sequence[Candidate]]]:
    async def under(_stem: str) -> Sequence[Candidate]:
        return [Candidate(each) for each in await connection.services.store.buckets()]

    return under


def _folders(connection: Connection, bucket: str) -> Callable[[str], Awaitable[Sequence[Candidate]]]:
    async def under(stem: str) -> Sequence[Candidate]:
        found = await connection.services.store.folders(bucket, stem)
        here = [Candidate(stem, _("this folder"))] if stem else []
        return [*here, *(Candidate(each, more=True) for each in found)]

    return under
