"""The errors of the object storage: a class is an error code of the platform, with HTTP status and EC number.

The code names are those of the official SDKs. The EC numbers of a missing bucket, a missing object and an
existing object are the platform's: the SDKs decide by them after a HEAD. The platform's other numbers are not
known; the local cloud makes them of a family of its own, 0001, and the HTTP status.
"""

# ruff: noqa: N818  # a class is named exactly as the code it stands for

from __future__ import annotations

from typing import ClassVar, Final

from tui.localcloud.disk import DISK_FULL


class TosError(Exception):
    """An answer other than success.

    Args:
        message: what is wrong, for the caller to read; the class's own text when omitted.

    Attributes:
        code: the platform's name of the error.
        status: HTTP status.
        ec: the platform's number of the error, in the header `x-tos-ec` and the body.
    """

    code: str
    status: int
    ec: str
    text: ClassVar[str]

    def __init_subclass__(cls, *, status: int, text: str, ec: str = "", code: str = "") -> None:
        super().__init_subclass__()
        cls.code = code or cls.__name__
        cls.status = status
        cls.ec = ec or f"0001-{status:08d}"
        cls.text = text

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.text)
        self.message = message or self.text


class NoSuchBucket(TosError, status=404, ec="0006-00000001", text="The specified bucket does not exist."):
    """The bucket is missing."""


class NoSuchKey(TosError, status=404, ec="0017-00000003", text="The specified key does not exist."):
    """The object is missing."""


class NoSuchUpload(TosError, status=404, text="The specified multipart upload does not exist."):
    """The multipart upload was never made, completed or aborted."""


class BucketAlreadyExists(TosError, status=409, text="The requested bucket name is not available."):
    """The bucket exists already."""


class BucketNotEmpty(TosError, status=409, text="The bucket you tried to delete is not empty."):
    """Objects or unfinished uploads are in the bucket."""


class InvalidBucketName(TosError, status=400, text="The specified bucket is not valid."):
    """Not 3 to 63 characters of a-z, 0-9 and '-', or a '-' at an end."""


class DuplicateObject(TosError, status=409, ec="0015-00000008", text="The object already exists."):
    """The object exists and the caller forbade to overwrite it."""


class KeyTooLong(TosError, status=400, text="Your key is too long."):
    """The object key is over 1024 bytes."""


class InvalidKey(TosError, status=400, text="The specified key is not valid."):
    """The object key is not UTF-8."""


class EntityTooLarge(TosError, status=400, text="Your proposed upload exceeds the maximum allowed size."):
    """A body is larger than the operation takes."""


class EntityTooSmall(TosError, status=400, text="Your proposed upload is smaller than the minimum allowed size."):
    """A part other than the last is under 5 MiB."""


class InvalidPart(TosError, status=400, text="One or more of the specified parts could not be found."):
    """A part to complete with was not uploaded, or its ETag is another."""


class InvalidPartNumber(TosError, status=400, text="Part number must be an integer between 1 and 10000, inclusive."):
    """The part number is out of range."""


class BadDigest(TosError, status=400, text="The Content-MD5 you specified did not match what we received."):
    """The body is not the one that was promised by Content-MD5."""


class InvalidDigest(TosError, status=400, text="The Content-MD5 you specified is not valid."):
    """Content-MD5 is not the Base64 of 16 bytes."""


class ContentSHA256Mismatch(
    TosError, status=400, text="The x-tos-content-sha256 you specified did not match what we received."
):
    """The body is not the one that was signed."""


class UnexpectedEOF(TosError, status=400, text="The request body ended before its length was reached."):
    """The connection was cut inside a body."""


class MalformedBody(TosError, status=400, text="The request body is not well-formed."):
    """The JSON of a request body cannot be read."""


class InvalidArgument(TosError, status=400, text="Invalid argument."):
    """A header or a query parameter has an impossible value."""


class InvalidRequest(TosError, status=400, text="Invalid request."):
    """What arrived is not a request of this protocol."""


class MethodNotAllowed(TosError, status=405, text="The specified method is not allowed against this resource."):
    """The method means nothing here."""


class ExpectationFailed(TosError, status=417, text="Expect can be 100-continue only."):
    """The caller expects something that HTTP does not know."""


class UnImplemented(TosError, status=501, text="The local cloud does not have this operation."):
    """The platform may have this operation; the local cloud does not."""


class PreconditionFailed(TosError, status=412, text="At least one of the preconditions you specified did not hold."):
    """If-Match or its like does not hold."""


class NotModified(TosError, status=304, text="Not modified."):
    """If-None-Match or If-Modified-Since says that the caller has it already."""


class RangeNotSatisfiable(
    TosError,
    status=416,
    code="Requested Range Not Satisfiable",
    text="The requested range cannot be satisfied.",
):
    """The range begins behind the end of the object."""


class AccessDenied(TosError, status=403, text="Access Denied."):
    """The request is anonymous, expired, or carries what it did not sign."""


class InvalidAccessKeyId(TosError, status=403, text="The access key does not exist in our records."):
    """The access key is not this cloud's."""


class InvalidSecurityToken(TosError, status=403, text="The security token is missing or not valid."):
    """The STS token does not belong to the access key."""


class RequestTimeTooSkewed(
    TosError, status=403, text="The difference between the request time and the server's time is too large."
):
    """The date of the request is more than 15 minutes away."""


class SignatureDoesNotMatch(
    TosError,
    status=403,
    text="The request signature we calculated does not match the signature you provided. Check your keys.",
):
    """Something that was signed is not what arrived, or the secret key is another."""


class AuthorizationHeaderMalformed(TosError, status=400, text="The authorization header you provided is not valid."):
    """The Authorization header cannot be read, or is for another region or service."""


class AuthorizationQueryParametersError(
    TosError, status=400, text="The authorization query parameters you provided are not valid."
):
    """The signature of a URL cannot be read, or is for another region or service."""


class InternalError(TosError, status=500, text="We encountered an internal error. Please try again."):
    """The local cloud itself failed."""


class DiskFull(TosError, status=507, code="InternalError", text=DISK_FULL):
    """A write found no room."""


class TooManyRequests(TosError, status=429, code="ExceedQPSLimit", text="Please reduce your request rate."):
    """The account sends more than it may."""


class ServiceUnavailable(TosError, status=503, text="Please reduce your request rate."):
    """The service cannot answer now."""


_USUAL_CODES: Final = {
    400: "InvalidArgument",
    403: "AccessDenied",
    404: "NoSuchKey",
    412: "PreconditionFailed",
    429: "ExceedQPSLimit",
    503: "ServiceUnavailable",
}


class PlayedError(TosError, status=500, code="InternalError", text="A fault of the local cloud was asked for."):
    """A refusal as a fault words it; what the fault leaves open follows from the other half.

    Args:
        status: HTTP status.
        code: error code.
    """

    def __init__(self, status: int | None, code: str) -> None:
        super().__init__()
        errors = TosError.__subclasses__()
        self.status = status or next((error.status for error in errors if error.code == code), 400)
        self.code = code or _USUAL_CODES.get(self.status, "InternalError")
        self.ec = next((error.ec for error in errors if error.code == self.code), f"0001-{self.status:08d}")
