"""A small HTTP server whose answers tests choose."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def serving(answer: bytes | Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve the same raw bytes to every request on every connection, or let a function have the socket; gives the URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    done = threading.Event()
    threads = []

    def converse(connection: socket.socket) -> None:
        with connection:
            connection.settimeout(5)
            try:
                while connection.recv(65536):
                    if callable(answer):
                        answer(connection)
                        return
                    connection.sendall(answer)
            except OSError:
                return

    def accept() -> None:
        while not done.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            thread = threading.Thread(target=converse, args=(connection,), daemon=True)
            thread.start()
            threads.append(thread)

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        done.set()
        acceptor.join()
        listener.close()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def http(
    body: bytes | str,
    status: str = "200 OK",
    content_type: str = "text/plain; version=0.0.4",
    **headers: str,
) -> bytes:
    """A whole answer."""
    data = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {len(data)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + data


@contextmanager
def answering(pages: dict[str, bytes], seen: list[str] | None = None) -> Iterator[str]:
    """Serve whole answers (from `http`) by path with its query; 404 for any other. `seen` gathers what was asked."""

    def converse(connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(65536)
            if not piece:
                return
            head += piece
        top, _, body = head.partition(b"\r\n\r\n")
        length = int((re.search(rb"(?i)content-length: *(\d+)", top) or [b"", b"0"])[1])
        while len(body) < length:
            body += connection.recv(65536)
        if seen is not None:
            seen.append((top + b"\r\n\r\n" + body).decode())
        path = top.split(b" ")[1].decode()
        connection.sendall(pages.get(path, http("no such page", "404 Not Found")))

    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    done = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection:
            connection.settimeout(0.2)
            while not done.is_set():
                try:
                    if not connection.recv(1, socket.MSG_PEEK):
                        return
                    converse(connection)
                except TimeoutError:
                    continue
                except OSError:
                    return

    def accept() -> None:
        while not done.is_set():
            try:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
            except TimeoutError:
                continue

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        done.set()
        acceptor.join()
        listener.close()
