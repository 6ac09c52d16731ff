"""Node's inspector: the Chrome DevTools Protocol over one kept WebSocket, with limits on time and size."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import InvalidURI, WebSocketException
from websockets.sync.client import ClientConnection, connect

from soak.errors import OTHER_SHAPE, TargetError
from soak.sampling.fetch import Fetcher

MAX_BYTES = 64 * 2**20
PATIENCE = 60.0


@dataclass(slots=True)
class Inspector:
    """A session with one Node process. What the session started, such as sampling, ends with it."""

    address: str
    connection: ClientConnection
    _open: ExitStack
    _number: int = 0

    @classmethod
    def opened(cls, address: str) -> Inspector:
        """Open a session with the inspector at HOST:PORT; raise TargetError, with advice, if there is none."""
        url = f"http://{address}/json/list"
        try:
            answer = Fetcher(10.0).get(url)
        except TargetError as error:
            raise TargetError(
                f"{error}: the inspector is not open; start the target with --inspect={address}, or give diagnose.node.open"
            ) from None
        kept = ExitStack()
        try:
            # Only the session's name is used from the address in the answer, because the address
            # may name another host.
            name = json.loads(answer.body)[0]["id"]
            connecting = connect(
                f"ws://{address}/{name}",
                max_size=MAX_BYTES,
                compression=None,
                ping_interval=None,
                proxy=None,
            )
            connection = kept.enter_context(connecting)
        except (ValueError, LookupError, TypeError, InvalidURI):
            raise TargetError(
                f"{url}: this is no inspector; diagnose.node is the address of --inspect"
            ) from None
        except (OSError, WebSocketException) as error:
            raise TargetError(f"{address}: the inspector accepts no session ({error})") from None
        return cls(address, connection, kept)

    def call(
        self, method: str, told: Callable[[dict[str, Any]], None] = lambda _: None, **given: Any
    ) -> dict[str, Any]:
        """Return a method's result; `told` receives other messages. Raise TargetError on failure or a lost session."""
        self._number += 1
        try:
            self.connection.send(
                json.dumps({"id": self._number, "method": method, "params": given})
            )
            while (answer := json.loads(self.connection.recv(timeout=PATIENCE))).get(
                "id"
            ) != self._number:
                told(answer)
            if "error" in answer:
                raise TargetError(
                    f"{self.address}: {method}: {str(answer['error'].get('message'))[:200]}"
                )
            return dict(answer["result"])
        except TimeoutError:
            raise TargetError(
                f"{self.address}: {method} was not done within {PATIENCE:g} s"
            ) from None
        except (OSError, WebSocketException) as error:
            raise TargetError(
                f"{self.address}: the inspector's session is lost ({str(error)[:200]})"
            ) from None
        except OTHER_SHAPE as error:
            raise TargetError(
                f"{self.address}: {method}: not an inspector's answer ({error!r:.100})"
            ) from None

    def close(self) -> None:
        """End the session."""
        self._open.close()
