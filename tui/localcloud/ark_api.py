"""The Ark OpenAPI over HTTP: the gateway's checks, the action, the envelope (ark-openapi.md §1, §5, §6)."""

from __future__ import annotations

import logging
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import msgspec

from tui.localcloud.ark_actions import ACTIONS, Action, BatchService
from tui.localcloud.ark_errors import ApiError, business_error, gateway_error, played_error
from tui.localcloud.ark_requests import Fields, TosLocation, read_fields
from tui.localcloud.ark_signature import ReceivedRequest, verify
from tui.localcloud.disk import DISK_FULL, is_disk_full
from tui.localcloud.front_desk import NO_REPLY, BreakOffError, FrontDesk, Visit
from tui.localcloud.http_messages import Request, Response
from tui.localcloud.http_server import HttpServer
from tui.localcloud.jobs import CHINA_TIME
from tui.localcloud.tos_errors import EntityTooLarge, TosError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui.localcloud.keys import Keys

SERVICE: Final = "ark"
VERSION: Final = "2024-01-01"
_MAX_BODY: Final = 4 * 1024 * 1024
_logger: Final = logging.getLogger(__name__)


class ArkApi:
    """The Ark OpenAPI as a service on loopback.

    Args:
        service: what the actions do.
        keys: that requests must be signed with.
        region: of the credential scope.
        desk: receives requests.
    """

    def __init__(self, service: BatchService, keys: Keys, region: str, desk: FrontDesk) -> None:
        self._service = service
        self._keys = keys
        self._region = region
        self._desk = desk
        self._server = HttpServer("ark", self._answer, self._refuse)

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
        visit = self._receive()
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        metadata: dict[str, Any] = {"RequestId": visit.request_id}
        try:
            received = _received(request)
            _require_action(query)
            metadata |= {
                "Action": query["Action"],
                "Version": query["Version"],
                "Service": SERVICE,
                "Region": self._region,
            }
            result = self._perform(received, query, visit)
            response = _envelope(200, {"ResponseMetadata": metadata, "Result": result})
        except ApiError as error:
            response = _refusal(error, metadata, visit)
        except TosError as error:
            response = _refusal(gateway_error("MissingRequestInfo", error.message), metadata, visit)
        except (BreakOffError, ConnectionError):
            response = NO_REPLY
        except Exception as error:
            if not is_disk_full(error):
                _logger.exception("the Ark OpenAPI failed")
            message = DISK_FULL if is_disk_full(error) else "The local cloud failed."
            response = _refusal(gateway_error("InternalError", message), metadata, visit)
        return visit.leave(request, response)

    def _refuse(self, error: TosError) -> Response:
        """Answer what is not a request."""
        visit = self._receive()
        refused = gateway_error("MissingRequestInfo", error.message)
        return visit.leave(None, _refusal(refused, {"RequestId": visit.request_id}, visit))

    def _receive(self) -> Visit:
        return self._desk.receive(new_request_id(datetime.now(UTC)))

    def _perform(self, received: ReceivedRequest, query: Mapping[str, str], visit: Visit) -> dict[str, Any]:
        """Do what a request asks for: everything before `answer` has no effect, and nothing after it has."""
        action = ACTIONS.get(query["Action"])
        if action is not None:
            visit.meet(query["Action"], **self._subject(action, received.body, query))
        if received.method != "POST":
            raise gateway_error("MethodNotAllowed", f"The method {received.method} is not allowed.")
        verify(received, self._keys, service=SERVICE, region=self._region, now=visit.now)
        if action is None or query["Version"] != VERSION:
            raise gateway_error(
                "InvalidActionOrVersion",
                f"Could not find operation {query['Action']} for version {query['Version']}.",
            )
        if visit.fault.refuses:
            raise played_error(visit.fault.status, visit.fault.code)
        fields = read_fields(_with_id(action, _decode(received.body), query), action.fields)
        result = action.answer(self._service, fields)
        visit.job = visit.job or result.get("Id", "")
        return result

    def _subject(self, action: Action, body: bytes, query: Mapping[str, str]) -> dict[str, str]:
        """Return which job or input a request is about, as far as it can be read before it is admitted."""
        try:
            about = msgspec.convert(_with_id(action, _decode(body), query), _Subject)
        except (ApiError, msgspec.ValidationError, RecursionError):
            return {}
        return {
            "bucket": about.input_file_tos_location.bucket_name,
            "key": about.input_file_tos_location.object_key,
            "job": about.id,
            "name": self._service.name_of(about.id) if about.id else about.name,
        }


class _Subject(Fields, frozen=True, kw_only=True):
    """What a request may be about."""

    id: str = ""
    name: str = ""
    input_file_tos_location: TosLocation = TosLocation()


def new_request_id(now: datetime) -> str:
    """Return an id like the gateway's: fourteen digits of China's time, then eighteen upper-case hex digits."""
    return f"{now.astimezone(CHINA_TIME):%Y%m%d%H%M%S}{secrets.token_hex(9).upper()}"


def _received(request: Request) -> ReceivedRequest:
    try:
        body = request.body.read(_MAX_BODY)
    except EntityTooLarge:
        raise business_error("InvalidParameter", f"The request body is larger than {_MAX_BODY} bytes.") from None
    return ReceivedRequest(request.method, request.path, request.query, request.headers, body)


def _envelope(status: int, document: Mapping[str, Any]) -> Response:
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "X-Tt-Logid": document["ResponseMetadata"]["RequestId"],
    }
    return Response(status, headers, msgspec.json.encode(document))


def _refusal(error: ApiError, metadata: Mapping[str, Any], visit: Visit) -> Response:
    visit.code = error.code
    number = {} if error.number is None else {"CodeN": error.number}
    told = {"Code": error.code, **number, "Message": error.message}
    return _envelope(error.status, {"ResponseMetadata": {**metadata, "Error": told}})


def _with_id(action: Action, body: dict[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of an action, with the job's id from the query where the action takes it there."""
    return {"Id": query["Id"], **body} if action.id_in_query and "Id" in query else body


def _require_action(query: Mapping[str, str]) -> None:
    for name in ("Action", "Version"):
        if not query.get(name):
            raise gateway_error("MissingParameter", f"The request is missing {name} parameter.")


def _decode(body: bytes) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(body or b"{}")
    except (ValueError, RecursionError):
        raise business_error("InvalidParameter", "The request body is not JSON.") from None
    if not isinstance(fields, dict):
        raise business_error("InvalidParameter", "The request body is not a JSON object.")
    return fields
