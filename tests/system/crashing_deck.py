"""The deck with two mistakes in it, to see how it crashes: F11 in a worker, F12 in the handler of a key."""

from typing import ClassVar

import tui.app
from tui.cli import main
from tui.safety import Secret


class CrashingDeck(tui.app.Deck):
    BINDINGS: ClassVar = [("f11", "crash_in_worker"), ("f12", "crash")]

    def action_crash(self) -> None:
        password = Secret("correct-horse-battery").reveal()
        raise RuntimeError(f"cannot go on with {password}")

    def action_crash_in_worker(self) -> None:
        self.run_worker(self._work())

    async def _work(self) -> None:
        self.action_crash()


tui.app.Deck = CrashingDeck
main()
