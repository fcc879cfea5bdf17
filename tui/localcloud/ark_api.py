"""The Ark OpenAPI over HTTP: the gateway's checks, the action, the envelope (ark-openapi.md §1, §5, §6)."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.responses import Response
from starlette.routing import Route

from tui.localcloud.ark_actions import ACTIONS, Action, BatchService
from tui.localcloud.ark_errors import ApiError, business_error, gateway_error
from tui.localcloud.ark_requests import read_fields
from tui.localcloud.ark_signature import ReceivedRequest, verify
from tui.localcloud.jobs import CHINA_TIME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from tui.localcloud.keys import Keys

SERVICE: Final = "ark"
VERSION: Final = "2024-01-01"
_METHODS: Final = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]


class ArkApi:
    """Answers requests; `app` is the ASGI application.

    Args:
        service: what the actions do.
        keys: that requests must be signed with.
        region: of the credential scope.
    """

    def __init__(self, service: BatchService, keys: Keys, region: str) -> None:
        self._service = service
        self._keys = keys
        self._region = region
        self.app = Starlette(routes=[Route("/{path:path}", self._serve, methods=_METHODS)])

    async def _serve(self, request: Request) -> Response:
        received = ReceivedRequest(
            method=request.method,
            path=request.scope["raw_path"].decode("latin-1"),
            query=request.scope["query_string"].decode("latin-1"),
            headers=dict(request.headers),
            body=await request.body(),
        )
        status, envelope = self.answer(received)
        return Response(
            msgspec.json.encode(envelope),
            status_code=status,
            media_type="application/json; charset=utf-8",
            headers={"X-Tt-Logid": envelope["ResponseMetadata"]["RequestId"]},
        )

    def answer(self, received: ReceivedRequest) -> tuple[int, dict[str, Any]]:
        """Return the HTTP status and the envelope for a request."""
        query = QueryParams(received.query)
        now = datetime.now(UTC)  # the wall's: official signers know no other
        metadata: dict[str, Any] = {"RequestId": new_request_id(now)}
        try:
            _require_action(query)
            metadata |= {
                "Action": query["Action"],
                "Version": query["Version"],
                "Service": SERVICE,
                "Region": self._region,
            }
            action = self._admit(received, query, now)
            return 200, {"ResponseMetadata": metadata, "Result": self._perform(action, received, query)}
        except ApiError as refused:
            number = {} if refused.number is None else {"CodeN": refused.number}
            metadata["Error"] = {"Code": refused.code, **number, "Message": refused.message}
            return refused.status, {"ResponseMetadata": metadata}

    def _admit(self, received: ReceivedRequest, query: Mapping[str, str], now: datetime) -> Action:
        """Return the action that a properly signed request names."""
        if received.method != "POST":
            raise gateway_error("MethodNotAllowed", f"The method {received.method} is not allowed.")
        verify(received, self._keys, service=SERVICE, region=self._region, now=now)
        action = ACTIONS.get(query["Action"])
        if action is None or query["Version"] != VERSION:
            raise gateway_error(
                "InvalidActionOrVersion",
                f"Could not find operation {query['Action']} for version {query['Version']}.",
            )
        return action

    def _perform(self, action: Action, received: ReceivedRequest, query: Mapping[str, str]) -> dict[str, Any]:
        body = _decode(received.body)
        if action.id_in_query and "Id" in query:
            body = {"Id": query["Id"]} | body
        return action.answer(self._service, read_fields(body, action.fields))


def new_request_id(now: datetime) -> str:
    """Return an id like the gateway's: fourteen digits of China's time, then eighteen upper-case hex digits."""
    return f"{now.astimezone(CHINA_TIME):%Y%m%d%H%M%S}{secrets.token_hex(9).upper()}"


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
