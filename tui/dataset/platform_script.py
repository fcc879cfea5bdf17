"""What the platform's own script says of a file: it stops at its first fault and says nothing of the rest.

Its loop (the tutorial that the platform publishes; ark-openapi.md §2.1) counts valid lines, so the line that it
names is that count plus one, not the line's number. Where it dies of an exception of its own (a line that is a
list, an id that is one, bytes that are not UTF-8, nesting, a number of over 4300 digits) it has no wording.

It reads in text mode, where a lone CR ends a line as well. Here a CR is no line break: a line with one between
its tokens is not JSON, for us as for the script, which sees its first piece alone. Only whole requests parted by
lone CR would pass the script; they are not JSON Lines, and are said to be not JSON.
"""

from __future__ import annotations

from tui.dataset import rules


class PlatformScript:
    """Follows the check through the file and keeps what the script would have raised.

    Attributes:
        message: the platform's words, with outside text as it is; None when it has none.
    """

    def __init__(self) -> None:
        self.message: str | None = None
        self._valid = 0
        self._stopped = False
        self._last_id_line: int | None = None  # the last line whose id it would have looked up; None: all of them

    def finds_no_json(self, line: int) -> None:
        """Take a line that is not JSON to the script."""
        if not self._stopped:
            self._stop(rules.NOT_JSON.platform, line - 1)

    def dies(self, line: int) -> None:
        """Take a line that ends the script by an exception of its own."""
        if not self._stopped:
            self._stop(None, line - 1)

    def reads(self, line: int, value: object) -> None:
        """Take a line that is JSON to the script; that its id was used before is told later."""
        if self._stopped:
            return
        custom_id = value.get("custom_id") if isinstance(value, dict) else None
        if not isinstance(value, dict) or (custom_id and isinstance(custom_id, dict | list)):
            self._stop(None, line - 1)
        elif not custom_id:
            self._stop(rules.ID_MISSING.platform, line - 1)
        elif not isinstance(value.get("body"), dict):
            self._stop(rules.BODY_NOT_AN_OBJECT.platform, line, custom_id)
        else:
            self._valid += 1

    def finds_duplicate(self, line: int, custom_id: object) -> None:
        """Take a line that repeats an id of its JSON type; these come in order, once all lines were read."""
        if self._last_id_line is None or line <= self._last_id_line:
            self._stop(rules.ID_DUPLICATE.platform, line - 1, custom_id)

    def _stop(self, wording: str | None, last_id_line: int, custom_id: object = None) -> None:
        self._stopped = True
        self._last_id_line = last_id_line
        self.message = None if wording is None else wording.format(n=self._valid + 1, id=custom_id)
