"""Rows from a model's answers: a job's requests asked ahead, handed over in their order."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from tui.localcloud.answer_rows import Response, answered_row, identity, refused_row
from tui.localcloud.online_rules import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from tui.localcloud.input_check import InputLine
    from tui.localcloud.jobs import Model
    from tui.localcloud.model_endpoint import Answered, ModelEndpoint

AHEAD: Final = 16
"""Requests of a job that are asked, or answered and not yet handed over."""


class ModelAnswerer:
    """Answers the requests of one job by asking a model.

    Args:
        endpoint: asked.
        model: the job's.
    """

    def __init__(self, endpoint: ModelEndpoint, model: Model) -> None:
        self._endpoint = endpoint
        self._model = model
        self._asked: deque[Future[Answered | Refusal]] = deque()

    def answer_next(self, requests: Sequence[InputLine], created: int) -> list[tuple[bool, bytes]]:
        """Return for the first of `requests` that are ready whether each is answered, and its row; ask ahead.

        Args:
            requests: what comes next; the following call goes on behind those that were returned.
            created: unused, the model has a clock of its own.
        """
        for request in requests[len(self._asked) : AHEAD]:
            self._asked.append(self._endpoint.ask(self._model, request.body))
        rows: list[tuple[bool, bytes]] = []
        while len(rows) < len(requests) and self._asked and self._asked[0].done():
            rows.append(_row(requests[len(rows)].custom_id, self._asked.popleft().result()))
        return rows

    def close(self) -> None:
        """Give up what was asked; it will be asked again when the job goes on."""
        while self._asked:
            self._asked.pop().cancel()


def _row(custom_id: str, answer: Answered | Refusal) -> tuple[bool, bytes]:
    name = identity(custom_id).hex()
    if isinstance(answer, Refusal):
        return False, refused_row(name, custom_id, answer, name[16:])
    return True, answered_row(name, custom_id, Response(answer.request_id or name[16:], 200, answer.body))
