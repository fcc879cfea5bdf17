"""The TOS protocol over an object storage: which operation a request is, who may call it, and how it is answered."""

from __future__ import annotations

import contextlib
import logging
import re
import secrets
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from tui.localcloud import tos_bucket_operations as buckets
from tui.localcloud import tos_object_operations as objects
from tui.localcloud import tos_upload_operations as uploads
from tui.localcloud.disk import is_disk_full
from tui.localcloud.faults import FaultPlan
from tui.localcloud.front_desk import NO_REPLY, BreakOffError, FrontDesk, Visit
from tui.localcloud.http_messages import Request, Response
from tui.localcloud.http_server import HttpServer
from tui.localcloud.request_log import RequestLog
from tui.localcloud.tos_call import (
    CHECKSUM_HEADER,
    STORAGE_CLASS,
    Address,
    Call,
    find_address,
    json_response,
    parse_query,
    read_document,
)
from tui.localcloud.tos_errors import (
    DiskFull,
    InternalError,
    MethodNotAllowed,
    NotModified,
    PlayedError,
    TosError,
    UnImplemented,
)
from tui.localcloud.tos_signature import SignedRequest, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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

_OTHER_FEATURES: Final = (
    *("x-tos-tagging", "x-tos-server-side-encryption", "x-tos-copy-source-server-side-encryption"),
    *("x-tos-callback", "x-tos-grant-", "x-tos-object-expires", "x-tos-copy-source-version-id", "x-tos-trash-path"),
)
"""Beginnings of headers and parameters that ask for what is not here; to drop them would be to lie."""

_ONLY_VALUES: Final = {
    "x-tos-acl": ("private", "default"),
    "x-tos-az-redundancy": ("single-az",),
    "x-tos-bucket-type": (buckets.BUCKET_TYPE,),
    "x-tos-project-name": (buckets.PROJECT,),
    "x-tos-storage-class": (STORAGE_CLASS,),
}
"""Headers that have a value or two alone; as parameters they say nothing: the Python SDK lists with `hns` always."""

_HOST_ID: Final = "local-cloud"
_PART_NUMBER: Final = re.compile("[0-9]{1,9}")
_logger: Final = logging.getLogger(__name__)


class TosService:
    """The object storage as a service on loopback.

    Args:
        storage: what it serves; stays its owner's to close, after `stop`.
        keys: what requests must be signed with.
        region: what they must be signed for.
        desk: receives requests; one of its own without faults when omitted.
    """

    def __init__(self, storage: ObjectStorage, keys: Keys, region: str, desk: FrontDesk | None = None) -> None:
        self._storage = storage
        self._keys = keys
        self._region = region
        self._desk = desk or FrontDesk("tos", FaultPlan(), RequestLog())
        self._server = HttpServer("tos", self._answer, self._refuse)

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
        """Answer a request, whatever comes of it."""
        visit = self._desk.receive(secrets.token_hex(16))
        resource = request.path
        try:
            address = find_address(request)
            resource = "/" + "/".join(part for part in (address.bucket, address.key) if part)
            response = self._perform(request, address, visit)
        except TosError as error:
            response = _refusal(error, visit, resource)
        except (BreakOffError, ConnectionError):
            response = NO_REPLY
        except Exception as error:
            if not is_disk_full(error):
                _logger.exception("the object storage failed")
            response = _refusal(DiskFull() if is_disk_full(error) else InternalError(), visit, resource)
        return visit.leave(request, _identified(response, visit.request_id))

    def _perform(self, request: Request, address: Address, visit: Visit) -> Response:
        """Do what a request asks for: everything before `perform` has no effect, and nothing after it has."""
        query = parse_query(request.query)
        operation = _find_operation(request, address, query)
        if isinstance(operation, Operation):
            part = int(number) if _PART_NUMBER.fullmatch(number := query.get("partNumber", "")) else None
            visit.meet(operation.name, bucket=address.bucket, key=address.key, part=part)
        signed = SignedRequest(request.method, request.host, request.path, request.query, request.headers)
        request.body.expect_sha256(verify(signed, self._keys, self._region, visit.now))
        if isinstance(operation, TosError):
            raise operation
        fault = visit.fault
        if fault.refuses:
            raise PlayedError(fault.status, fault.code)
        document = b"" if operation.streams else read_document(request)
        if fault.upload == "forgotten":
            self._forget_upload(address, query)
        response = operation.perform(Call(request, address, query, document, self._storage, self._region))
        return _with_wrong_crc(response) if fault.crc == "wrong" else response

    def _forget_upload(self, address: Address, query: dict[str, str]) -> None:
        with contextlib.suppress(TosError):  # it is forgotten already, or never was
            self._storage.abort_upload(address.bucket, address.key, query.get("uploadId", ""))

    def _refuse(self, error: TosError) -> Response:
        """Answer what is not a request."""
        visit = self._desk.receive(secrets.token_hex(16))
        return visit.leave(None, _identified(_refusal(error, visit, ""), visit.request_id))


def _find_operation(request: Request, address: Address, query: dict[str, str]) -> Operation | TosError:
    """Return what a request means, or why it means nothing: to be said to those alone who signed it."""
    empty = {name for name, value in query.items() if not value}
    if unknown := (empty - _EMPTY_PARAMETERS) | (query.keys() & _OTHER_OPERATIONS):
        return UnImplemented(f"The local cloud has no operation with {', '.join(sorted(unknown))}.")
    if missing := _missing_feature(request.headers, query):
        return UnImplemented(missing)
    scope = Scope.OBJECT if address.key else Scope.BUCKET if address.bucket else Scope.SERVICE
    given = {*query, *request.headers}
    for operation in OPERATIONS:
        if (operation.method, operation.scope) == (request.method, scope) and given.issuperset(operation.by):
            return operation
    return MethodNotAllowed()


def _missing_feature(headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    """Say what the headers and parameters ask for that is not here; empty when it all is."""
    for name in (*headers, *query):
        if name.startswith(_OTHER_FEATURES):
            return f"The local cloud does not have {name}."
    for name, kept in _ONLY_VALUES.items():
        if headers.get(name, kept[0]) not in kept:
            return f"The local cloud knows {name} as {' or '.join(kept)} only."
    if query.get("recursive", "false") != "false":
        return "The local cloud deletes objects, not folders."
    return ""


def _refusal(error: TosError, visit: Visit, resource: str) -> Response:
    visit.code = error.code
    if isinstance(error, NotModified):
        return Response(error.status)
    document = {
        "Code": error.code,
        "Message": error.message,
        "RequestId": visit.request_id,
        "HostId": _HOST_ID,
        "Resource": resource,
        "EC": error.ec,
    }
    return json_response(document, {"x-tos-ec": error.ec}, error.status)


def _with_wrong_crc(response: Response) -> Response:
    """Return the answer with another checksum than the content's, where it carries one."""
    carried = {name: str(int(value) ^ 1) for name, value in response.headers.items() if name == CHECKSUM_HEADER}
    return replace(response, headers={**response.headers, **carried})


def _identified(response: Response, request_id: str) -> Response:
    """Return the answer with the ids that a client shows and a log is searched for."""
    ids = {"Server": "TosServer", "x-tos-request-id": request_id, "x-tos-id-2": _HOST_ID}
    return replace(response, headers={**ids, **response.headers})
