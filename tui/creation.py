"""A job in the making: what the operator has chosen, what the check found, what the service says of it.

The page that makes jobs shows it and may be left at any time: the check and the questions to the service go on, and the
draft is kept until it is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tui.daemon import in_daemon, stream_from_daemon
from tui.errors import ArkdeckError, UsageError
from tui.i18n import _
from tui.runs.drafting import submission_of, troubles_of
from tui.runs.events import ModelChosen, Rehearsed
from tui.runs.input_check import InputCheck, check_with_excerpts
from tui.runs.plan import Plan, name_of_file
from tui.runs.prepare import still_as_checked
from tui.runs.rehearse import rehearse
from tui.runs.submission import Field, FieldError, plan_for, submit_words
from tui.runs.transfers import TransferState
from tui.settings.draft import Draft
from tui.text import clean

if TYPE_CHECKING:
    from tui.connection import Connection

_TELL_EVERY: Final = 0.5  # seconds


class Stage(IntEnum):
    """What is done one after the other, by the number of its tab."""

    INPUT = 1
    CHECK = 2
    JOB = 3
    REVIEW = 4
    SEND = 5


class Standing(StrEnum):
    """How a stage stands."""

    OPEN = "open"
    BUSY = "busy"
    DONE = "done"
    DOUBTFUL = "doubtful"
    WRONG = "wrong"


@dataclass(frozen=True)
class Review:
    """What would happen, for one state of the draft and the file.

    Attributes:
        plan: the submission, with the model's version once it is looked up.
        version_chosen: the version was not asked for, and is the model's primary one.
        found: the answer; None while it is awaited, or where there is an error.
        error: what would stop the submission.
    """

    plan: Plan
    version_chosen: bool = False
    found: Rehearsed | None = None
    error: ArkdeckError | None = None

    @property
    def awaited(self) -> bool:
        """Whether the answer is still to come."""
        return self.found is None and self.error is None

    @property
    def ready(self) -> bool:
        """Whether nothing that is known stands against sending it."""
        return self.found is not None and self.found.refusal is None


class Creation:
    """One job in the making.

    Attributes:
        draft: what is chosen and typed; `change` changes it.
        stage: which step is looked at.
        check: of the draft's file, or of the one that was sent.
        review: of the draft as it is.
        sent: the id of the transfer that it became; empty before.

    Args:
        connection: the cloud that is to run it.
        draft: where it was left.
        tell: is called when something is to be shown otherwise, at most twice a second while a check runs.
        keep: keeps the draft for the next time.
    """

    def __init__(
        self, connection: Connection, draft: Draft, *, tell: Callable[[], None], keep: Callable[[Draft], None]
    ) -> None:
        self.connection = connection
        self.draft = draft
        self.stage = Stage.INPUT
        self.check: InputCheck | None = None
        self.review: Review | None = None
        self.sent = ""
        self._tell = tell
        self._keep = keep

    @property
    def done_with(self) -> bool:
        """Whether it was sent, and did not fail: nothing of it is asked for again."""
        sent = self.connection.transfers.get(self.sent) if self.sent else None
        return bool(self.sent) and (sent is None or sent.state is not TransferState.FAILED)

    # What is chosen

    def change(self, **fields: object) -> None:
        """Change fields of the draft; what the service said of it before does not hold any more.

        Once it was sent this begins another job, which is no second one of the same content unless that is said anew.
        """
        if self.sent:
            fields = {"nonce": "", **fields}
            self.sent = ""
        self.draft = msgspec.structs.replace(self.draft, **fields)
        self.review = None
        if "file" in fields:
            self.check = None
        self._keep(self.draft)
        self._tell()

    def begin_anew(self, draft: Draft | None = None) -> None:
        """Put another draft, or an empty one, in the place of this one."""
        self.draft = Draft() if draft is None else draft
        self.stage, self.check, self.review, self.sent = Stage.INPUT, None, None, ""
        self._keep(self.draft)
        self._tell()

    @property
    def troubles(self) -> Mapping[str, FieldError]:
        """What is wrong with the draft, by its field."""
        found = troubles_of(self.draft)
        if not (self.draft.bucket or self.connection.profile.bucket):
            found[Field.BUCKET] = FieldError(Field.BUCKET, _("no bucket is named for the input and the results"))
        return found

    def trouble_with(self, name: str, text: str) -> str | None:
        """Return what is wrong with a text as the value of a field; None when nothing is."""
        changed = msgspec.structs.replace(self.draft, **{name: text})
        return str(trouble) if (trouble := troubles_of(changed).get(name)) is not None else None

    @property
    def proposed_name(self) -> str:
        """What the job is called unless it is named; empty while no file is chosen."""
        path = self.draft.path
        return name_of_file(path) if path is not None else ""

    def plan(self) -> Plan:
        """Return what would be sent (UsageError: the first trouble, or no file is chosen)."""
        if trouble := next(iter(self.troubles.values()), None):
            raise trouble
        draft, connection = self.draft, self.connection
        if draft.path is None:
            raise UsageError(_("no file is chosen"))
        plan = plan_for(
            "submit",
            submission_of(draft),
            connection.profile,
            connection.services.service,
            named=connection.resolved.named,
            folder=Path.cwd(),
        )
        return msgspec.structs.replace(plan, nonce=draft.nonce, parent=draft.parent)

    # What is found out

    async def run_check(self) -> None:
        """Check the input to its end; to cancel this is to stop the check."""
        path = self.draft.path
        if path is None:
            return
        check = self.check = InputCheck(path)
        self._tell()
        clock = self.connection.services.clock
        told = clock.monotonic()
        checking = stream_from_daemon(lambda: check_with_excerpts(path), name="check")
        try:
            async with aclosing(checking) as events:
                async for event in events:
                    check.take(event)
                    if (now := clock.monotonic()) - told >= _TELL_EVERY:
                        told = now
                        self._tell()
        except ArkdeckError as error:
            check.error = error
        except asyncio.CancelledError:
            check.stopped = True
            raise
        finally:
            self._tell()

    async def run_review(self) -> None:
        """Ask the service what it would make of the draft, once the input is checked; nothing is changed anywhere."""
        checked = self.check.passed if self.check is not None else None
        if checked is None or self.troubles:
            return
        asked = review = self.review = Review(self.plan())
        self._tell()
        try:
            async with aclosing(rehearse(review.plan, self.connection.services, checked=checked)) as events:
                async for event in events:
                    match event:
                        case ModelChosen(version=version):
                            plan = msgspec.structs.replace(review.plan, version=version)
                            review = Review(plan, version_chosen=True)
                        case Rehearsed():
                            review = Review(review.plan, review.version_chosen, found=event)
        except ArkdeckError as error:
            review = Review(review.plan, review.version_chosen, error=error)
        if self.review is asked:  # else the draft was changed meanwhile, and may be asked about once more
            self.review = review
            self._tell()

    async def send(self) -> None:
        """Begin to send it, as the review showed it; it goes on by itself, and the next time there is no draft.

        Raises:
            UsageError: it was not reviewed, the review stands against it, or the file is not what was checked.
            ArkdeckError: it cannot be begun.
        """
        review, check = self.review, self.check
        if review is None or not review.ready or check is None or check.passed is None:
            raise UsageError(_("look at the review first"))
        if await in_daemon(partial(still_as_checked, review.plan, check.passed), name="stat") is None:
            self.check = self.review = None
            self._tell()
            raise UsageError(
                _("{file} is gone or has changed since it was checked", file=clean(check.path.name)),
                advice=_("Nothing was sent. Check it again."),
            )
        sent = await self.connection.transfers.submit(review.plan, check.passed)
        self.sent = sent.id
        self.stage = Stage.SEND
        self._keep(Draft())
        self._tell()

    # How it stands

    def standing(self, stage: Stage) -> Standing:
        """Return how a stage stands."""
        check, review = self.check, self.review
        match stage:
            case Stage.INPUT:
                return Standing.DONE if self.draft.file or self.sent else Standing.OPEN
            case Stage.CHECK:
                return _standing_of_check(check) if check else Standing.OPEN
            case Stage.JOB:
                if self.sent:
                    return Standing.DONE
                if not self.draft.model:
                    return Standing.OPEN
                return Standing.WRONG if self.troubles else Standing.DONE
            case Stage.REVIEW:
                return _standing_of_review(review) if review else Standing.DONE if self.sent else Standing.OPEN
            case Stage.SEND:
                return Standing.BUSY if self.sent else Standing.OPEN

    @property
    def obstacle(self) -> str | None:
        """What stands against sending it; None when nothing does."""
        if self.sent:
            return _("it is on its way, or sent") if self.done_with else _("it was sent and failed: see Send")
        if not self.draft.file:
            return _("no file is chosen")
        if self.check is None or self.check.running:
            return _("the file is being checked") if self.check else _("the file is not checked yet")
        if self.check.passed is None:
            return _("the file is not in order: see Check")
        if trouble := next(iter(self.troubles.values()), None):
            return trouble.message
        if self.review is None:
            return _("look at the review first")
        if self.review.awaited:
            return _("the service is still being asked")
        if self.review.error is not None:
            return self.review.error.message
        refusal = self.review.found.refusal if self.review.found else None
        return refusal.message if refusal is not None else None

    def command(self) -> tuple[str, ...] | None:
        """Return the words of `arkdeck submit` that do the same; None while something is wrong, or for a retry."""
        with suppress(UsageError):
            plan = self.plan()
            return None if plan.parent else submit_words(plan, self.connection.profile)
        return None


def _standing_of_check(check: InputCheck) -> Standing:
    if check.running:
        return Standing.BUSY
    if check.passed is None:
        return Standing.WRONG if check.summary or check.error else Standing.OPEN
    return Standing.DOUBTFUL if check.passed.warnings else Standing.DONE


def _standing_of_review(review: Review) -> Standing:
    if review.awaited:
        return Standing.BUSY
    if not review.ready:
        return Standing.WRONG
    return Standing.DOUBTFUL if review.found is not None and review.found.existing is not None else Standing.DONE
