"""HTTP/1.1 with keep-alive on one socket, in front of a WSGI application; the standard library does the parsing."""

from __future__ import annotations

import socket
import sys
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

MAX_BODY = 1 << 20


class ClientConnection(BaseHTTPRequestHandler):
    """One client's connection, for any number of requests.

    The base class would serve and close the connection in its constructor. Here the constructor
    only prepares, and `serve` is called whenever the client has sent something.
    """

    protocol_version = "HTTP/1.1"
    timeout = 10  # seconds for a client to finish a request it began
    wbufsize = 1 << 16
    disable_nagle_algorithm = True

    def __init__(
        self,
        client: socket.socket,
        peer: tuple[str, int],
        address: tuple[str, int],
        app: WSGIApplication,
    ):
        self.request, self.client_address = client, peer
        self._address, self._app = address, app
        self.setup()

    def serve(self) -> bool:
        """Answer the request that has arrived, and any sent right behind it; return True if the client may send more."""
        try:
            self.handle_one_request()
            while not self.close_connection and self._more():
                self.handle_one_request()
        except OSError:
            return False
        return not self.close_connection

    def close(self) -> None:
        """Close the connection."""
        for part in (self.wfile, self.rfile, self.connection):
            try:
                part.close()
            except OSError:  # the client closed first, with an answer half sent
                continue

    def answer(self) -> None:
        """Run the application for one request."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdigit()):
            self._refuse(411)
        elif int(length) > MAX_BODY:
            self._refuse(413)
        else:
            self._run(self.rfile.read(int(length)))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer  # noqa: N815

    def log_message(self, *_args: Any, **_kwargs: Any) -> None:
        """Log nothing: a log line per request would be the busiest part of this service."""

    def _more(self) -> bool:
        """Return True if another request is already in the buffer, where a selector does not see it."""
        self.connection.settimeout(0)
        try:
            return bool(self.rfile.peek(1))  # type: ignore[attr-defined]  # a BufferedReader, which typeshed hides
        finally:
            self.connection.settimeout(self.timeout)

    def _refuse(self, status: int) -> None:
        self.close_connection = True
        self.send_error(status)

    def _run(self, body: bytes) -> None:
        answer: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], _exc_info: object = None
        ) -> Any:
            answer[:] = [(status, headers)]

        chunks = self._app(self._environ(body), start_response)
        try:
            content = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        [(status, headers)] = answer
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        if "content-length" not in {name.lower() for name, _ in headers}:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _environ(self, body: bytes) -> WSGIEnvironment:
        path, _, query = self.path.partition("?")
        host, port = self._address
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            if name.lower() not in ("content-type", "content-length"):
                environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
        return environ
