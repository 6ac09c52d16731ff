"""A small HTTP server on one thread: JSON pages, on loopback or with a token."""

from __future__ import annotations

import hmac
import json
import socket
import threading
from typing import Any, Callable, Dict  # noqa: UP035 - Python 3.8 cannot subscript collections.abc

_SECONDS = 10.0
_MOST_HEAD = 1 << 14
_LOOPBACK = ("127.", "localhost", "::1", "[::1]")
Pages = Dict[str, Callable[[], Dict[str, Any]]]  # noqa: UP006 - Python 3.8 knows no other


def listen(address: str, token: str, pages: Pages) -> threading.Thread:
    """Serve pages at HOST:PORT from a separate thread; raise ValueError or OSError if that fails."""
    host, _, port = address.rpartition(":")
    if not host.startswith(_LOOPBACK) and not token:
        raise ValueError("SOAK_HOOK: other addresses than loopback's need a SOAK_HOOK_TOKEN")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host.strip("[]"), int(port)))
    listener.listen(4)
    thread = threading.Thread(
        target=_serve, args=(listener, token, pages), name="soak-hook", daemon=True
    )
    thread.start()
    return thread


def _serve(listener: socket.socket, token: str, pages: Pages) -> None:
    while True:
        connection, _ = listener.accept()
        with connection:
            try:
                connection.settimeout(_SECONDS)
                connection.sendall(_answer(_request(connection), token, pages))
            except Exception:  # noqa: BLE001, S112 - whatever a caller does, the service must not notice
                continue


def _request(connection: socket.socket) -> bytes:
    """Read a request's head, of up to 16 KiB."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _MOST_HEAD:
        part = connection.recv(4096)
        if not part:
            break
        head += part
    return head


def _answer(head: bytes, token: str, pages: Pages) -> bytes:
    line, *fields = head.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
    sent = {
        key.strip().lower(): value.strip()
        for key, _, value in (field.partition(":") for field in fields)
    }
    if token and not hmac.compare_digest(
        sent.get("authorization", "").encode(), b"Bearer " + token.encode()
    ):
        return _http("401 Unauthorized", {"error": "wrong token"})
    page = pages.get(line.partition(" ")[2].partition(" ")[0])
    if page is None:
        return _http("404 Not Found", {"error": "no such page"})
    try:
        return _http("200 OK", page())
    except Exception as error:  # noqa: BLE001 - soak tells it; the service must not notice
        return _http("500 Internal Server Error", {"error": f"{type(error).__name__}: {error}"})


def _http(status: str, document: dict[str, Any]) -> bytes:
    body = json.dumps(document).encode()
    head = "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    return (head % (status, len(body))).encode() + body
