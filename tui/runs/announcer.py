"""Whoever listens is told what changed, each at their own pace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Generic, Protocol, TypeVar


class Identified(Protocol):
    """What changes, and keeps its id."""

    @property
    def id(self) -> str:
        """Tells it from others."""
        ...


T = TypeVar("T", bound=Identified)


class Announcer(Generic[T]):
    """Tells any number of listeners; who is slow hears of each thing only how it stands by then."""

    def __init__(self) -> None:
        self._listeners: set[_Listener[T]] = set()

    def listen(self) -> AsyncGenerator[T, None]:
        """Tell what changes from now on; ends, or raises, when `end` says so."""
        listener = _Listener[T]()
        self._listeners.add(listener)
        return self._told_to(listener)

    def tell(self, changed: T) -> None:
        """Tell everybody of something that changed."""
        for listener in self._listeners:
            listener.untold.pop(changed.id, None)
            listener.untold[changed.id] = changed
            listener.woken.set()

    def end(self, error: Exception | None = None) -> None:
        """Tell everybody that nothing more will change, because of an error or without one."""
        for listener in self._listeners:
            listener.ended, listener.error = True, error
            listener.woken.set()

    async def _told_to(self, listener: _Listener[T]) -> AsyncGenerator[T, None]:
        try:
            while True:
                while listener.untold:
                    yield listener.untold.pop(next(iter(listener.untold)))
                if listener.error is not None:
                    raise listener.error
                if listener.ended:
                    return
                listener.woken.clear()
                await listener.woken.wait()
        finally:
            self._listeners.discard(listener)


class _Listener(Generic[T]):
    def __init__(self) -> None:
        self.untold: dict[str, T] = {}
        self.woken = asyncio.Event()
        self.ended = False
        self.error: Exception | None = None
