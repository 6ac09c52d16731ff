"""The client against raw servers: connections kept and lost, answers of all shapes, large bodies both ways."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import tracemalloc
import zlib
from math import inf
from threading import Semaphore

import brotli
import pytest

from soak.load.http.connection_options import Origin
from soak.load.http.keep_alive import announced_keep_alive
from soak.load.http.request_head import head_of
from soak.load.http.response import MAX_BODY, TOO_LARGE
from tests.load.exchanging import client, head
from tests.sampling.serving import http, serving


class Conversations:
    """Serves each connection's requests from a list of answers, then closes; remembers what was asked."""

    def __init__(self, *connections: list[bytes], pause: float = 0.0) -> None:
        self._connections = iter(connections)
        self._first = b""
        self.asked: list[tuple[int, bytes]] = []
        self.opened, self.pause = 0, pause

    def __call__(self, connection: socket.socket) -> None:
        """`serving` has read the first request and not kept it."""
        number, self.opened = self.opened, self.opened + 1
        for index, response in enumerate(next(self._connections, [])):
            asked = b"(first)" if index == 0 else connection.recv(65536)
            if not asked:
                return
            self.asked.append((number, asked))
            connection.sendall(response)
        time.sleep(self.pause)


def test_a_connection_is_kept_from_request_to_request() -> None:
    server = Conversations([http(str(n)) for n in range(5)])
    with serving(server) as url, client(url) as sender:
        responses = [sender.send(head(url), keep=True) for _ in range(5)]
    assert [response.body for response in responses] == [b"0", b"1", b"2", b"3", b"4"]
    assert server.opened == 1


@pytest.mark.parametrize(
    "response",
    [
        http("a", Connection="close"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
        b"HTTP/1.0 200 OK\r\n\r\na",
        b"HTTP/1.1 200 OK\r\n\r\na",
    ],
)
def test_a_connection_that_is_not_to_be_kept_is_not(response: bytes) -> None:
    server = Conversations([response], [response])
    with serving(server) as url, client(url) as sender:
        for _ in range(2):
            answer = sender.send(head(url), keep=True)
            assert (answer.failure, answer.status, answer.body) == (None, 200, b"a")
    assert server.opened == 2


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_stale_connection_is_no_failure(method: str) -> None:
    server = Conversations([http("a")], [http("b")])
    with serving(server) as url, client(url) as sender:
        assert sender.send(head(url, f"{method} /"), keep=True).body == b"a"
        assert sender.send(head(url, f"{method} /"), keep=True).body == b"b"
    assert server.opened == 2


def test_what_is_not_idempotent_is_sent_once() -> None:
    posted: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        connection.sendall(http("a"))
        posted.append(connection.recv(65536))  # and hangs up: whether it was done nobody knows

    with serving(serve) as url, client(url) as sender:
        assert sender.send(head(url)).failure is None
        assert sender.send(head(url, "POST /", 1), b"x").failure in (
            "connection closed",
            "connection reset",
        )
    assert len(posted) == 1


@pytest.mark.parametrize(
    "farewell",
    [b"", b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"],
)
def test_a_connection_that_the_server_has_closed_is_not_used_again(farewell: bytes) -> None:
    """Whatever the server says before it closes an idle connection is no response to the next request."""
    received, closed = Semaphore(0), Semaphore(0)

    def serve(connection: socket.socket) -> None:
        connection.sendall(http("a"))
        received.acquire(timeout=30)
        connection.sendall(farewell)
        connection.shutdown(socket.SHUT_RDWR)
        closed.release()

    with serving(serve) as url, client(url) as conn:
        for _ in range(2):
            response = conn.send(head(url, "POST /", 1), b"x", keep=True)
            assert (response.failure, response.body) == (None, b"a")
            received.release()
            closed.acquire(timeout=30)


def test_a_request_that_says_close_closes() -> None:
    server = Conversations([http("a")], [http("b")])
    with serving(server) as url, client(url) as conn:
        for body in (b"a", b"b"):
            closing = head(url, "POST /", 1, connection="Close")
            response = conn.send(closing, b"x", keep=True)
            assert (response.failure, response.body) == (None, body)
    assert server.opened == 2


def test_a_post_with_an_idempotency_key_may_be_sent_again() -> None:
    def hangs_up(connection: socket.socket) -> None:
        connection.sendall(http("a"))
        connection.recv(65536)

    with serving(hangs_up) as url, client(url) as conn:
        keyed = head(url, "POST /", 1, Idempotency_Key="1")
        assert [conn.send(keyed, b"x").failure for _ in range(3)] == [None] * 3


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        (b"Keep-Alive: timeout=5", 4.5),
        (b"keep-alive: max=9, timeout = 10", 9.0),
        (b"Keep-Alive: timeout=0", inf),
        (b"X: y", inf),
    ],
)
def test_what_a_server_announces_of_idle_connections(lines: bytes, seconds: float) -> None:
    assert announced_keep_alive(b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n\r\n") == seconds


def test_a_second_stale_connection_is_a_failure() -> None:
    server = Conversations([http("a")], [])
    with serving(server) as url, client(url) as sender:
        assert sender.send(head(url)).failure is None
        assert sender.send(head(url)).failure in ("connection closed", "connection reset")
    assert server.opened == 2


@pytest.mark.parametrize(
    ("method", "response", "status"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304),
        (
            "GET",
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            200,
        ),
    ],
)
def test_answers_without_a_body_leave_the_connection_usable(
    method: str, response: bytes, status: int
) -> None:
    server = Conversations([response, http("next")])
    with serving(server) as url, client(url) as sender:
        first = sender.send(head(url, f"{method} /"), keep=True)
        assert (first.failure, first.status, first.size, first.body) == (None, status, 0, b"")
        assert sender.send(head(url), keep=True).body == b"next"
    assert server.opened == 1


def test_headers_are_those_of_the_answer_itself() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: hint\r\n\r\n"
    folded = b"HTTP/1.1 200 OK\r\nX-One: a\r\nX-ONE:b \r\nEmpty:\r\nContent-Length: 0\r\n\r\n"
    with serving(hints + folded) as url, client(url) as sender:
        response = sender.send(head(url))
    assert response.headers == {"x-one": "a, b", "empty": "", "content-length": "0"}


def packed(encoding: str, body: bytes) -> bytes:
    match encoding:
        case "gzip":
            return gzip.compress(body[:3]) + gzip.compress(body[3:])
        case "deflate":
            return zlib.compress(body)
        case "raw deflate":
            packer = zlib.compressobj(wbits=-15)
            return packer.compress(body) + packer.flush()
        case "gzip, br":
            return bytes(brotli.compress(gzip.compress(body)))
    return bytes(brotli.compress(body, quality=1))


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw deflate", "br", "gzip, br"])
def test_a_body_is_decoded_when_asked_for(encoding: str) -> None:
    body = b"hello, hello, hello" * 10
    data = packed(encoding, body)
    served = http(data, Content_Encoding=encoding.removeprefix("raw "))
    with serving(served) as url, client(url) as sender:
        response = sender.send(head(url), keep=True)
        assert (response.failure, response.body, response.size) == (None, body, len(data))
        response = sender.send(head(url))
        assert (response.failure, response.body, response.size) == (None, b"", len(data))
    with (
        serving(http(data[:-9], Content_Encoding=encoding.removeprefix("raw "))) as url,
        client(url) as sender,
    ):
        assert str(sender.send(head(url), keep=True).failure).startswith("protocol: ")
        assert sender.send(head(url)).failure is None


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a_body_that_explodes_when_decoded_is_a_failure_and_takes_no_memory(encoding: str) -> None:
    bomb = packed(encoding, bytes(10 * MAX_BODY))
    assert len(bomb) < 1 << 20
    with serving(http(bomb, Content_Encoding=encoding)) as url, client(url) as sender:
        tracemalloc.start()
        response = sender.send(head(url), keep=True)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (response.failure, response.body) == (TOO_LARGE, b"")
    assert peak < 4 * MAX_BODY


def test_a_large_answer_is_counted_and_not_held() -> None:
    piece, times = bytes(1 << 20), 40

    def serve(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(piece) * times))
        for _ in range(times):
            connection.sendall(piece)

    with serving(serve) as url, client(url) as sender:
        tracemalloc.start()
        response = sender.send(head(url))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert (response.failure, response.size) == (None, len(piece) * times)
        assert peak < 2 << 20
        kept = sender.send(head(url), keep=True)
        assert (kept.failure, kept.size) == (TOO_LARGE, len(piece) * times)
        assert len(kept.body) <= MAX_BODY


def test_a_large_request_is_sent_without_a_copy() -> None:
    body = bytes(8 << 20)
    got = [0]

    def serve(connection: socket.socket) -> None:
        connection.settimeout(0.2)
        try:
            while data := connection.recv(1 << 20):
                got[0] += len(data)
        except TimeoutError:
            connection.sendall(http("ok"))

    with serving(serve) as url, client(url) as sender:
        tracemalloc.start()
        response = sender.send(head(url, "POST /", len(body)), memoryview(body))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert response.failure is None
    assert peak < 4 << 20  # the server's own pieces
    assert got[0] > len(body) - 65536  # its first read, of head and body, was the server's own


def test_an_early_answer_ends_the_sending() -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(http("too large", "413 Content Too Large", Connection="close"))
        time.sleep(0.3)

    with serving(serve) as url, client(url) as sender:
        response = sender.send(head(url, "POST /", 64 << 20), bytes(64 << 20))
    assert (response.failure, response.status) == (None, 413)


def test_a_server_that_answers_while_it_reads_is_listened_to() -> None:
    size = 16 << 20

    def echo(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        left = size
        while left:
            piece = connection.recv(min(left, 1 << 16)) if left > 65536 else b"x" * left
            connection.sendall(piece)
            left -= len(piece)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(
            1 << 16
        ):  # closed with some of the request unread, it would reset the answer away
            pass

    with serving(echo) as url, client(url) as sender:
        response = sender.send(head(url, "POST /", size), bytes(size))
    assert (response.failure, response.size) == (None, size)


def test_a_server_that_never_reads_is_a_timeout() -> None:
    with serving(lambda connection: time.sleep(0.6)) as url, client(url, total=0.2) as sender:
        assert sender.send(head(url, "POST /", 64 << 20), bytes(64 << 20)).failure == "timeout"


def test_ipv6() -> None:
    listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    url = f"http://[::1]:{listener.getsockname()[1]}"
    asked: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            asked.append(connection.recv(65536))
            connection.sendall(http("six"))

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    with client(url) as sender:
        assert sender.send(head(url), keep=True).body == b"six"
    server.join(5)
    listener.close()
    assert f"Host: {url.removeprefix('http://')}\r\n".encode() in asked[0]


def test_a_name_is_looked_up() -> None:
    with serving(http("a")) as url, client(url.replace("127.0.0.1", "localhost")) as sender:
        assert sender.send(head(url)).failure is None


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://127.0.0.1:9", "connect: refused"),
        ("http://soak-test.invalid", "connect: "),
        ("http://0.0.0.0:0", "connect: "),
    ],
)
def test_no_connection_is_a_kind_of_its_own(url: str, kind: str) -> None:
    with client(url) as sender:
        assert str(sender.send(head(url)).failure).startswith(kind)


def test_a_connection_that_is_not_taken_up_is_a_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for socket_ in waiting:
            socket_.setblocking(False)
            socket_.connect_ex(address)
        url = f"http://127.0.0.1:{address[1]}"
        with client(url, total=0.2) as asking:
            assert asking.send(head(url)).failure in ("connect: timeout", "timeout")
        for socket_ in waiting:
            socket_.close()


def test_a_head_cannot_smuggle_another() -> None:
    origin = Origin.of("http://a")
    for headers in ({"X": "a\r\nY: b"}, {"X\n": "a"}):
        with pytest.raises(ValueError, match="line break"):
            head_of("GET", "/", origin, headers, 0)
    with pytest.raises(ValueError, match="target"):
        head_of("GET", "/ HTTP/1.1\r\nX: y", origin, {}, 0)
