"""What tests of the client share: a client for a URL, and the head of a request."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from soak.load.http.client import Client, ClientOptions
from soak.load.http.connection_options import Origin, Timeouts
from soak.load.http.request_head import head_of


@contextmanager
def client(
    url: str, total: float = 5.0, read: float | None = None, **options: Any
) -> Iterator[Client]:
    """A client for a URL's origin; its connections are closed at the end."""
    timeouts = Timeouts(connect=total, total=total, read=read)
    client = Client(ClientOptions(Origin.of(url), timeouts, **options))
    try:
        yield client
    finally:
        client.close()


def head(url: str, request: str = "GET /", length: int = 0, **headers: str) -> bytes:
    method, _, target = request.partition(" ")
    return head_of(
        method, target, Origin.of(url), {k.replace("_", "-"): v for k, v in headers.items()}, length
    )


@contextmanager
def answering(answer: Callable[[socket.socket, bytes], None]) -> Iterator[str]:
    """A server of one connection after another, which gives each request to a function; gives its URL."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                while asked := connection.recv(65536):
                    answer(connection, asked)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()
