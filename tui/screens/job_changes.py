"""The forms that change a job or make a new one of it: what is in them, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from tui.ark.errors import ActiveJobError, ArkError, KeyRefusedError
from tui.ark.models import WINDOW_DAYS, FoundationModelRef, parse_model, parse_window
from tui.errors import ArkdeckError, UsageError
from tui.i18n import _
from tui.runs.changes import ChangeFailed, Deed, change
from tui.runs.clone import CLONE_TAG, clone, clone_name, new_token
from tui.runs.database import JournalError
from tui.runs.prepare import NoPrimaryVersionError
from tui.screens.job_form import Field, JobForm
from tui.widgets.action_keys import key_of

if TYPE_CHECKING:
    from tui.ark.models import Job, Location
    from tui.ark.replies import Receipt
    from tui.connection import Connection

_LONGEST_NAME: Final = 200  # characters that the platform's console takes


def update_form(job: Job, connection: Connection) -> JobForm:
    """Return the form for a job's name and description."""

    async def send(changed: Mapping[str, str]) -> str:
        name, description = changed.get("name"), changed.get("description")
        results = change(Deed.UPDATE, [job.id], connection.services, name=name, description=description)
        try:
            async with aclosing(results):
                async for result in results:
                    connection.poller.refresh([job.id])
                    if isinstance(result, ChangeFailed):
                        raise result.cause
        except JournalError as error:  # it is done
            return _("job updated, but {trouble}", trouble=error.message)
        return _("job updated")

    return JobForm(
        _("Update {name}", name=_title_of(job)),
        [_name_field(job.name), _description_field(job)],
        verb=_("Save"),
        send=send,
        unchanged=_("nothing is changed yet"),
        about=[(_("job"), job.id)],
    )


def clone_form(job: Job, connection: Connection, made: Callable[[str], None]) -> JobForm:
    """Return the form for a new job on the input of another; `made` is told the id of the job that came of it."""

    async def create(changed: Mapping[str, str], *, dry_run: bool) -> Receipt:
        token = new_token()
        try:
            return await clone(
                job,
                connection.services,
                name=changed.get("name"),
                description=changed.get("description"),
                model=parse_model(changed["model"]) if "model" in changed else None,
                window_days=_days(changed["window"]) if "window" in changed else None,
                dry_run=dry_run,
                token=token,
            )
        except ArkdeckError as error:
            error.advice = _advice_here(error, token)
            raise

    async def models() -> Sequence[str]:
        known = await connection.services.ark.list_models()
        return [str(FoundationModelRef(each.name, each.primary_version)) for each in known]

    async def send(changed: Mapping[str, str]) -> str:
        try:
            receipt = await create(changed, dry_run=False)
        except JournalError as error:  # the job exists: to send it again would make another
            return error.message
        finally:  # it may be there whatever the reply was
            connection.poller.refresh()
        made(receipt.job_id)
        return _("created {job}", job=receipt.job_id)

    async def rehearse(changed: Mapping[str, str]) -> str:
        await create(changed, dry_run=True)
        return _("The service would create this job.")

    fields = [
        _name_field(clone_name(job.name)),
        _description_field(job),
        Field(id="model", label=_("model"), value=str(job.model), check=_wrong_model, offers=models),
        Field(id="window", label=_("window, days"), value=_window_of(job), check=_wrong_window),
    ]
    places = [(_("input"), _place(job.input)), (_("output"), _place(job.output)), (_("project"), job.project)]
    return JobForm(
        _("Clone {name}", name=_title_of(job)),
        fields,
        verb=_("Create"),
        send=send,
        rehearse=rehearse,
        about=[(label, text) for label, text in places if text],
        consequence=_(
            "A new job on the same input, with the same tags. Nothing is uploaded; its answers are paid for."
        ),
        once=True,
    )


def _advice_here(error: ArkdeckError, token: str) -> str:
    """Return what to do about a clone that was not made, in the words of the form and the list."""
    match error:
        case NoPrimaryVersionError(model=model, nearest=names):
            return _(
                "The service has: {names} …\nOr write the version behind the name: {model}@VERSION",
                names=", ".join(names),
                model=model,
            )
        case ActiveJobError(job_id=job_id):
            return _(
                "The service takes one job on an input at a time, and {job} is still active: it is in the list.",
                job=job_id,
            )
        case KeyRefusedError():
            return _("Leave the form and press {key} for profiles and keys.", key=key_of("app.profiles"))
        case ArkError(maybe_applied=True):
            return _(
                "Look for it before you clone again: leave the form, press {key} and type  tag:{tag}",
                key=key_of("jobs.filter"),
                tag=f"{CLONE_TAG}={token}",
            )
        case _:
            return error.advice


def _title_of(job: Job) -> str:
    return job.name if job.name.strip() else job.id


def _name_field(name: str) -> Field:
    return Field(id="name", label=_("name"), value=name, check=_wrong_name)


def _description_field(job: Job) -> Field:
    return Field(id="description", label=_("description"), value=job.description)


def _window_of(job: Job) -> str:
    return str(job.window_days) if job.window_days else ""


def _place(place: Location) -> str:
    return f"tos://{place.bucket}/{place.key}" if place.bucket else ""


def _wrong_name(name: str) -> str | None:
    if not name.strip():
        return _("a job needs a name")
    if len(name) > _LONGEST_NAME:
        return _("{count} characters; a name has at most {most}", count=len(name), most=_LONGEST_NAME)
    return None


def _wrong_model(model: str) -> str | None:
    try:
        parse_model(model)
    except UsageError:
        return _("not a model: write NAME or NAME@VERSION")
    return None


def _days(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() and len(text) < 5 else parse_window(text)


def _wrong_window(text: str) -> str | None:
    return None if _days(text) in WINDOW_DAYS else _("a number of days from 1 to 28")
