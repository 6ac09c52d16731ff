"""A small service that goes wrong in a chosen way, some seconds after it was first asked for work.

`python -m tests.faults.faulty_service --port 8080 --fault garbage --at 10`. It answers `GET /`, and
`GET /metrics` with a steady gauge of its own; TLS where it is given a certificate.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import ssl
import struct
import sys
import time
from pathlib import Path

PAGE = (
    "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes 50000000\n"
    "# TYPE process_open_fds gauge\nprocess_open_fds 12\n"
    "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {started}\n"
    "# TYPE service_queue_length gauge\nservice_queue_length {length}\n"
)
PAGE_LEFT = "# TYPE process_open_fds gauge\nprocess_open_fds 12\n"
STARTED = time.time()
OTHER_PAGE = "# TYPE other_entries gauge\nother_entries 7\n"
HTML = "<html><body>Sign in</body></html>"


def answer(
    status: str, body: str, kind: str = "text/plain; version=0.0.4", more: str = ""
) -> bytes:
    """A whole answer."""
    data = body.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n{more}\r\n"
    return head.encode() + data


class FaultyService:
    """Answers as it should until `at` seconds after the first work, and from then on as its fault has it."""

    def __init__(
        self, fault: str, at: float, elsewhere: str, tls: ssl.SSLContext | None, later: Path | None
    ) -> None:
        self._fault, self._at, self._elsewhere = fault, at, elsewhere
        self._tls, self._later = tls, later
        self._begun: float | None = None
        self._scrapes = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk on one connection until it ends."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ", 2)[1].decode()
                if not await self._answer(path, writer):
                    return
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, path: str, writer: asyncio.StreamWriter) -> bool:
        """Write one answer; whether the connection lives on."""
        wrong = self._begun is not None and time.monotonic() - self._begun > self._at
        if path == "/metrics":
            self._scrapes += 1
            writer.write(await self._page(wrong))
            return True
        if path == "/" and self._begun is None:
            self._begun = time.monotonic()
        if not wrong:
            writer.write(answer("200 OK", "done"))
            return True
        match self._fault:
            case "exit":
                os._exit(3)
            case "garbage":
                writer.write(os.urandom(300))
                return False
            case "reset":
                connection: socket.socket = writer.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                return False
            case "503":
                writer.write(answer("503 Service Unavailable", "overloaded"))
            case "redirect":
                more = f"Location: {self._elsewhere}\r\n"
                writer.write(answer("302 Found", "", more=more))
            case "certificate" if self._tls is not None and self._later is not None:
                self._tls.load_cert_chain(self._later)
                writer.write(answer("200 OK", "done"))
                return False  # the next handshake shows the new one
            case "slow":
                await asyncio.sleep(3)
                writer.write(answer("200 OK", "done"))
            case _:
                writer.write(answer("200 OK", "done"))
        return True

    async def _page(self, wrong: bool) -> bytes:
        length = 3 + self._scrapes % 3
        good = answer("200 OK", PAGE.format(length=length, started=STARTED))
        if self._fault == "other":
            return answer("200 OK", OTHER_PAGE)
        if not wrong:
            return good
        match self._fault:
            case "page missing":
                return answer("404 Not Found", "") if self._scrapes % 2 else good
            case "page html":
                return answer("200 OK", HTML, "text/html")
            case "page slow":
                await asyncio.sleep(2.5)
            case "page garbage":
                return answer("200 OK", "\x00\x01 {{{ 7 seven\n" * 20)
            case "series vanish":
                return answer("200 OK", PAGE_LEFT)
            case "series every second":
                return answer("200 OK", PAGE_LEFT) if self._scrapes % 2 else good
            case "503":
                return answer("503 Service Unavailable", "overloaded")
            case "page redirect":
                return answer("302 Found", "", more=f"Location: {self._elsewhere}\r\n")
        return good


async def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--fault", default="none")
    parser.add_argument("--at", type=float, default=10.0)
    parser.add_argument("--elsewhere", default="http://127.0.0.1:1/")
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--later", type=Path, help="the certificate once it goes wrong")
    given = parser.parse_args()
    tls = None
    if given.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(given.certificate)
    service = FaultyService(given.fault, given.at, given.elsewhere, tls, given.later)
    async with await asyncio.start_server(
        service.serve, given.host, given.port, ssl=tls, reuse_address=True
    ) as server:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
