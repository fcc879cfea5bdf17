"""The state of the desktop's Secret Service, asked without ever opening a dialog.

`keyring` calls services available that are locked or not running, and then asks for a password on whatever
display it finds, without an end (security.md §1.1). So the state is asked first, over D-Bus alone.
"""

from __future__ import annotations

import enum
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from jeepney import Message  # type: ignore[import-untyped]
    from jeepney.io.blocking import DBusConnection  # type: ignore[import-untyped]

_BUS_NAME: Final = "org.freedesktop.secrets"
_SERVICE_PATH: Final = "/org/freedesktop/secrets"
_SERVICE: Final = "org.freedesktop.Secret.Service"
_COLLECTION: Final = "org.freedesktop.Secret.Collection"
_TIMEOUT: Final = 2.0


class KeyringState(enum.StrEnum):
    """What a keyring can be found to be; only READY is usable."""

    READY = "ready"
    LOCKED = "locked"
    NO_DEFAULT_COLLECTION = "no-default-collection"
    ACTIVATABLE = "activatable"
    NO_PROVIDER = "no-provider"
    NO_SESSION_BUS = "no-session-bus"
    SILENT = "silent"
    FAILED = "failed"


@dataclass(frozen=True)
class SecretService:
    """What the probe found.

    Attributes:
        state: of the service and its default collection.
        collection: the D-Bus path of that collection, when there is one.
        detail: the bus's own words, when it failed.
    """

    state: KeyringState
    collection: str = ""
    detail: str = ""


def probe_secret_service() -> SecretService:
    """Ask the session bus for the Secret Service's state; blocks for some seconds at most, starts nothing."""
    from jeepney import DBusErrorResponse
    from jeepney.io.blocking import open_dbus_connection

    try:
        connection = open_dbus_connection(bus="SESSION")
    except KeyError as unset:
        return SecretService(KeyringState.NO_SESSION_BUS, detail=f"{unset.args[0]} is not set")
    except TimeoutError:
        return SecretService(KeyringState.SILENT)
    except Exception as error:  # noqa: BLE001  # malformed, stale, refused: there is no bus to talk to
        return SecretService(KeyringState.NO_SESSION_BUS, detail=f"{type(error).__name__}: {error}")
    with closing(connection):
        try:
            return _Probe(connection).service()
        except TimeoutError:
            return SecretService(KeyringState.SILENT)
        except (DBusErrorResponse, OSError) as error:
            return SecretService(KeyringState.FAILED, detail=f"{type(error).__name__}: {error}")


class _Probe:
    """The questions, over one connection."""

    def __init__(self, connection: DBusConnection) -> None:
        self._connection = connection

    def service(self) -> SecretService:
        from jeepney import DBusAddress, Properties, message_bus, new_method_call

        if not self._ask(message_bus.NameHasOwner(_BUS_NAME)):
            startable = _BUS_NAME in self._ask(message_bus.ListActivatableNames())
            return SecretService(KeyringState.ACTIVATABLE if startable else KeyringState.NO_PROVIDER)
        service = DBusAddress(_SERVICE_PATH, _BUS_NAME, _SERVICE)
        collection = self._ask(new_method_call(service, "ReadAlias", "s", ("default",)))
        if collection == "/":
            return SecretService(KeyringState.NO_DEFAULT_COLLECTION)
        address = DBusAddress(collection, _BUS_NAME, _COLLECTION)
        _signature, locked = self._ask(Properties(address).get("Locked"))
        return SecretService(KeyringState.LOCKED if locked else KeyringState.READY, collection)

    def _ask(self, question: Message) -> Any:
        """Return the first value of the answer (TimeoutError, DBusErrorResponse when there is none)."""
        from jeepney.wrappers import unwrap_msg  # type: ignore[import-untyped]

        answer = self._connection.send_and_get_reply(question, timeout=_TIMEOUT)
        return unwrap_msg(answer)[0]
