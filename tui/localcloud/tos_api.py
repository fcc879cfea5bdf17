"""The TOS protocol over an object storage: which operation a request is, who may call it, and how it is answered."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from tui.localcloud import tos_bucket_operations as buckets
from tui.localcloud import tos_object_operations as objects
from tui.localcloud import tos_upload_operations as uploads
from tui.localcloud.tos_call import Address, Call, find_address, json_response, parse_query, read_document
from tui.localcloud.tos_errors import MethodNotAllowed, NotModified, TosError, UnImplemented
from tui.localcloud.tos_http import Request, Response
from tui.localcloud.tos_server import TosServer
from tui.localcloud.tos_signature import SignedRequest, verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.localcloud.keys import Keys
    from tui.localcloud.object_storage import ObjectStorage


class Scope(Enum):
    """What an operation is about."""

    SERVICE = auto()
    BUCKET = auto()
    OBJECT = auto()


@dataclass(frozen=True)
class Operation:
    """An operation of the protocol.

    Attributes:
        name: the platform's.
        method: HTTP method.
        scope: what it is about.
        perform: acts and answers; raises TosError to refuse.
        by: query parameters, and headers (`x-tos-…`), that tell it from others of its method and scope.
        streams: it reads the body itself; otherwise it is given the whole.
    """

    name: str
    method: str
    scope: Scope
    perform: Callable[[Call], Response]
    by: tuple[str, ...] = ()
    streams: bool = False


OPERATIONS: Final = (
    Operation("ListBuckets", "GET", Scope.SERVICE, buckets.list_buckets),
    Operation("CreateBucket", "PUT", Scope.BUCKET, buckets.create_bucket),
    Operation("HeadBucket", "HEAD", Scope.BUCKET, buckets.head_bucket),
    Operation("DeleteBucket", "DELETE", Scope.BUCKET, buckets.delete_bucket),
    Operation("GetBucketLocation", "GET", Scope.BUCKET, buckets.get_bucket_location, by=("location",)),
    Operation("ListMultipartUploads", "GET", Scope.BUCKET, uploads.list_multipart_uploads, by=("uploads",)),
    Operation("ListObjectsType2", "GET", Scope.BUCKET, buckets.list_objects_type2, by=("list-type",)),
    Operation("ListObjects", "GET", Scope.BUCKET, buckets.list_objects),
    Operation("DeleteMultiObjects", "POST", Scope.BUCKET, buckets.delete_multi_objects, by=("delete",)),
    Operation("UploadPartCopy", "PUT", Scope.OBJECT, uploads.upload_part_copy, by=("uploadId", "x-tos-copy-source")),
    Operation("UploadPart", "PUT", Scope.OBJECT, uploads.upload_part, by=("uploadId",), streams=True),
    Operation("CopyObject", "PUT", Scope.OBJECT, objects.copy_object, by=("x-tos-copy-source",)),
    Operation("PutObject", "PUT", Scope.OBJECT, objects.put_object, streams=True),
    Operation("HeadObject", "HEAD", Scope.OBJECT, objects.head_object),
    Operation("ListParts", "GET", Scope.OBJECT, uploads.list_parts, by=("uploadId",)),
    Operation("GetFileStatus", "GET", Scope.OBJECT, objects.get_file_status, by=("stat",)),
    Operation("GetObject", "GET", Scope.OBJECT, objects.get_object),
    Operation("AbortMultipartUpload", "DELETE", Scope.OBJECT, uploads.abort_multipart_upload, by=("uploadId",)),
    Operation("DeleteObject", "DELETE", Scope.OBJECT, objects.delete_object),
    Operation("CreateMultipartUpload", "POST", Scope.OBJECT, uploads.create_multipart_upload, by=("uploads",)),
    Operation("CompleteMultipartUpload", "POST", Scope.OBJECT, uploads.complete_multipart_upload, by=("uploadId",)),
)
"""The first that fits a request is the one it means."""

_EMPTY_PARAMETERS: Final = frozenset(
    [
        *("prefix", "delimiter", "marker", "key-marker", "upload-id-marker", "part-number-marker"),
        *("start-after", "continuation-token", "encoding-type", "max-keys", "max-parts", "max-uploads"),
        *(name for operation in OPERATIONS for name in operation.by),
    ]
)
"""Parameters that may come without a value; any other would make the request an operation that is not here."""

_OTHER_OPERATIONS: Final = frozenset(
    ["versionId", "append", "offset", "modify", "x-tos-process", "objectExpires", "time", "mode", "name", "taskId"]
)
"""Parameters with a value that would."""

_HOST_ID: Final = "local-cloud"
_PUBLIC: Final = ("public-", "authenticated-read")


class TosService:
    """The object storage as a service on loopback.

    Args:
        storage: what it serves; stays its owner's to close, after `stop`.
        keys: what requests must be signed with.
        region: what they must be signed for.
        now: the wall's clock, which signatures are judged by.
    """

    def __init__(
        self,
        storage: ObjectStorage,
        keys: Keys,
        region: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._storage = storage
        self._keys = keys
        self._region = region
        self._now = now
        self._server = TosServer(self._answer, self._refuse)

    @property
    def port(self) -> int:
        """The port on 127.0.0.1, once it was started."""
        return self._server.port

    def start(self, port: int = 0) -> None:
        """Serve on a port of 127.0.0.1, any free one for 0 (OSError when it is taken)."""
        self._server.start(port)

    def stop(self) -> None:
        """Stop serving; requests in progress have two seconds to end."""
        self._server.stop()

    def _answer(self, request: Request) -> Response:
        """Answer a request: everything before `perform` has no effect, and nothing after it has."""
        request_id = secrets.token_hex(16)
        resource = request.path
        try:
            address = find_address(request)
            resource = "/" + "/".join(part for part in (address.bucket, address.key) if part)
            operation, call = self._understand(request, address)
            response = operation.perform(call)
        except TosError as error:
            response = _refusal(error, request_id, resource)
        return _identified(response, request_id)

    def _refuse(self, error: TosError) -> Response:
        """Answer what is not a request, or failed for a reason of our own."""
        request_id = secrets.token_hex(16)
        return _identified(_refusal(error, request_id, ""), request_id)

    def _understand(self, request: Request, address: Address) -> tuple[Operation, Call]:
        """Return the operation that a request means and its input, once its signature was verified."""
        signed = SignedRequest(request.method, request.host, request.path, request.query, request.headers)
        request.body.expect_sha256(verify(signed, self._keys, self._region, self._now()))
        query = parse_query(request.query)
        operation = _find_operation(request, address, query)
        document = b"" if operation.streams else read_document(request)
        return operation, Call(request, address, query, document, self._storage, self._region)


def _find_operation(request: Request, address: Address, query: dict[str, str]) -> Operation:
    empty = {name for name, value in query.items() if not value}
    if unknown := (empty - _EMPTY_PARAMETERS) | (query.keys() & _OTHER_OPERATIONS):
        raise UnImplemented(f"The local cloud has no operation with {', '.join(sorted(unknown))}.")
    if request.headers.get("x-tos-acl", "").startswith(_PUBLIC):
        raise UnImplemented("Buckets and objects of the local cloud are private.")
    scope = Scope.OBJECT if address.key else Scope.BUCKET if address.bucket else Scope.SERVICE
    given = {*query, *request.headers}
    for operation in OPERATIONS:
        if (operation.method, operation.scope) == (request.method, scope) and given.issuperset(operation.by):
            return operation
    raise MethodNotAllowed


def _refusal(error: TosError, request_id: str, resource: str) -> Response:
    if isinstance(error, NotModified):
        return Response(error.status)
    document = {
        "Code": error.code,
        "Message": error.message,
        "RequestId": request_id,
        "HostId": _HOST_ID,
        "Resource": resource,
        "EC": error.ec,
    }
    return json_response(document, {"x-tos-ec": error.ec}, error.status)


def _identified(response: Response, request_id: str) -> Response:
    """Return the answer with the ids that a client shows and a log is searched for."""
    ids = {"x-tos-request-id": request_id, "x-tos-id-2": _HOST_ID}
    return replace(response, headers={**ids, **response.headers})
