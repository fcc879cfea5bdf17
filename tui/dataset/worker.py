"""A process that reads parts of files: `python -m tui.dataset.worker FD`, started by `tui/dataset/workers.py`."""

from __future__ import annotations

import contextlib
import sys
from multiprocessing.connection import Connection

from tui.dataset.scan import scan


def main(descriptor: int) -> None:
    """Answer every part that comes over the connection, until it closes; an error of a part is its answer."""
    with Connection(descriptor) as parent, contextlib.suppress(EOFError, ConnectionError):
        while True:
            number, part = parent.recv()
            try:
                answer: object = scan(part)
            except Exception as error:  # noqa: BLE001  # raised again where the account is made
                answer = error
            parent.send((number, answer))


if __name__ == "__main__":
    main(int(sys.argv[1]))
