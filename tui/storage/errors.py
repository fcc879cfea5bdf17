"""What can go wrong with the object store, each in the family of what the operator can do about it."""

from __future__ import annotations

from dataclasses import dataclass

from tui.errors import AccessError, ArkdeckError, ServiceError, UsageError, WorkError
from tui.i18n import _
from tui.safety import redact
from tui.text import clean


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the store, or the network in its place, answered: for the message and for the support desk.

    Attributes:
        text: its own words, or the system's.
        code: name of the error; empty when there was no body (HEAD) or no answer.
        ec: the platform's number of the error.
        status: HTTP status; 0 when there was no answer.
        request_id: by which the platform finds the request.
        endpoint: scheme and host that were asked.
        transient: the same request may succeed a moment later, so that it is worth a second try.
        outage: network or store are down for now, and will be back without anybody's doing.
        retry_after: seconds that the store asks to wait.
    """

    text: str = ""
    code: str = ""
    ec: str = ""
    status: int = 0
    request_id: str = ""
    endpoint: str = ""
    transient: bool = False
    outage: bool = False
    retry_after: float = 0.0

    def __str__(self) -> str:
        facts = (
            self.ec and f"EC {self.ec}",
            self.status and f"HTTP {self.status}",
            self.request_id and _("request {id}", id=self.request_id),
            self.endpoint,
        )
        words = ": ".join(word for word in (self.code, self.text) if word)
        details = ", ".join(str(fact) for fact in facts if fact)
        return clean(redact(f"{words} ({details})" if words and details else words or details), limit=600)


class StorageError(ArkdeckError):
    """The store did not do what it was asked.

    Attributes:
        reply: what came back.
    """

    def __init__(self, reply: Reply, *, bucket: str, key: str = "") -> None:
        self.reply = reply
        place = f"tos://{bucket}/{key}" if key else bucket
        what, advice = self.wording(clean(place, strict=True))
        super().__init__(f"{what}: {reply}", advice=advice)

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.reply.transient

    def wording(self, place: str) -> tuple[str, str]:
        """Return what happened to `place`, and what to do next."""
        return _("the object store failed on {place}", place=place), ""


class BucketMissingError(StorageError, UsageError):
    """The bucket does not exist."""

    def wording(self, place: str) -> tuple[str, str]:
        """Return what happened to `place`, and what to do next."""
        return (
            _("there is no bucket {place}", place=place),
            _("Name another (--bucket), or have it made (--create-bucket)."),
        )


class BucketNameError(StorageError, UsageError):
    """The name cannot be a bucket's, or belongs to somebody else's."""

    def wording(self, place: str) -> tuple[str, str]:
        """Return what happened to `place`, and what to do next."""
        return (
            _("the bucket cannot be called {place}", place=place),
            _("Choose 3 to 63 of a-z, 0-9 and '-', without '-' at either end, that nobody else has taken."),
        )


class KeyRefusedError(StorageError, UsageError):
    """The object key cannot be sent: `.` and `..` between slashes do not survive on the way."""

    def wording(self, place: str) -> tuple[str, str]:
        """Return what happened to `place`, and what to do next."""
        return (
            _("the object key cannot be used: {place}", place=place),
            _("Choose a key without the path segments '.' and '..'."),
        )


class ObjectMissingError(StorageError, WorkError):
    """The object does not exist (any more)."""

    def wording(self, place: str) -> tuple[str, str]:
        """Return what happened to `place`, and what to do next."""
        return _("there is no object {place}", place=place), _("It may have been deleted or have expired.")


class ObjectChangedError(StorageError, WorkError):
    """The object was replaced while it was being read."""

    def wording(self, place: str) -> tuple[str, str]:
        """Return what happened to `place`, and what to do next."""
        return (
            _("the object was replaced while it was downloaded: {place}", place=place),
            _("Nothing was published. Start the download again to get the new content."),
        )


class UploadMissingError(StorageError, ServiceError):
    """The multipart upload was completed, aborted, or has expired."""

    def wording(self, place: str) -> tuple[str, str]:
        """Return what happened to `place`, and what to do next."""
        return (
            _("the unfinished upload of {place} is gone from the store", place=place),
            _("Start the upload again."),
        )


class StorageCredentialsError(StorageError, AccessError):
    """The store does not accept the access key, the secret or the token, or the time they were used at."""

    def wording(self, place: str) -> tuple[str, str]:
        """Return what happened to `place`, and what to do next."""
        if self.reply.code == "RequestTimeTooSkewed":
            advice = _("Set this machine's clock right, then try again.")
        else:
            advice = _("Check access key, secret key, session token and region:  arkdeck doctor")
        return _("the object store does not accept the credentials for {place}", place=place), advice


class StorageDeniedError(StorageError, AccessError):
    """The credentials may not do this."""

    def wording(self, place: str) -> tuple[str, str]:
        """Return what happened to `place`, and what to do next."""
        return (
            _("the object store denies access to {place}", place=place),
            _("Ask for the permission to read and write there, or check the keys:  arkdeck doctor"),
        )


class StorageUnreachableError(StorageError, ServiceError):
    """No answer, or half of one: name resolution, connection, TLS, timeout, cut."""

    def wording(self, place: str) -> tuple[str, str]:
        """Return what happened to `place`, and what to do next."""
        return (
            _("the object store could not be reached for {place}", place=place),
            _("Check the network, the endpoint and the proxy:  arkdeck doctor"),
        )


class StorageServiceError(StorageError, ServiceError):
    """The store failed, refused for a reason of its own, or said what cannot be understood."""

    def wording(self, place: str) -> tuple[str, str]:
        """Return what happened to `place`, and what to do next."""
        advice = _("Try again later.") if self.transient else ""
        return _("the object store did not serve {place}", place=place), advice


class ContentDamagedError(StorageError, ServiceError):
    """What arrived is not what was sent: a checksum or a size differs."""

    def wording(self, place: str) -> tuple[str, str]:
        """Return what happened to `place`, and what to do next."""
        return (
            _("the content was damaged on its way: {place}", place=place),
            _("Try again. If it happens again, something between here and the store changes the bytes."),
        )


class EndpointError(UsageError):
    """The endpoint is not one of the object store's."""


class EnvironmentUnusableError(UsageError):
    """A variable of the environment names a proxy or certificates that cannot be used."""


class SourceMissingError(UsageError):
    """The file to upload is not there any more."""


class SourceChangedError(WorkError):
    """The file is not what was checked; no object was made of it."""


class SourceUnreadableError(WorkError):
    """The file to upload cannot be read."""


class TooManyPartsError(WorkError):
    """The file needs more parts than an upload may have."""


class NoSpaceError(WorkError):
    """The folder has no room for the file."""


class LocalWriteError(WorkError):
    """The system refused to write the file."""


class TargetExistsError(UsageError):
    """A file of that name is there already; it was not touched."""


class TargetUnusableError(UsageError):
    """Nothing can be written at that place."""
