"""Answers that are cut, reset, lying, endless or nonsense: each is a counted failure, and none hangs or raises."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from soak.load.http.response import MAX_HEAD
from tests.load.exchanging import client, head
from tests.sampling.serving import http, serving

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX: y\r\n\r\n"
WHOLE = {
    "length": http("hello"),
    "chunked": CHUNKED,
    "interim": b"HTTP/1.1 100 Continue\r\n\r\n" + http("hello"),
}


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("ending", ["close", "reset"])
@pytest.mark.parametrize("name", WHOLE)
def test_an_answer_cut_at_any_byte_is_a_failure(name: str, ending: str) -> None:
    whole, cuts = WHOLE[name], iter(range(len(WHOLE[name])))

    def cut(connection: socket.socket) -> None:
        connection.sendall(whole[: next(cuts)])
        if ending == "reset":
            reset(connection)

    answers = []
    with serving(cut) as url, client(url) as sender:
        answers = [sender.send(head(url)) for _ in range(len(whole))]
    assert [response.failure for response in answers if response.failure is None] == []
    kinds = {str(response.failure) for response in answers}
    assert kinds <= {"connection closed", "protocol: answer cut short", "connection reset"}
    if ending == "close":
        assert answers[0].failure == "connection closed"
        assert answers[-1].failure == "protocol: answer cut short"


@pytest.mark.parametrize("name", WHOLE)
def test_the_same_answer_whole_but_byte_by_byte_is_a_success(name: str) -> None:
    def drip(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in WHOLE[name]:
            connection.sendall(bytes([byte]))
            time.sleep(0.0002)

    with serving(drip) as url, client(url) as sender:
        response = sender.send(head(url), keep=True)
    assert (response.failure, response.status) == (None, 200)
    assert response.body in (b"hello", b"hello world")
    assert response.size == len(response.body)


def endless(start: bytes, again: bytes) -> Callable[[socket.socket], None]:
    def send(connection: socket.socket) -> None:
        connection.sendall(start)
        with suppress(OSError):
            while True:
                connection.sendall(again * (1 + 4096 // len(again)))

    return send


OK = b"HTTP/1.1 200 OK\r\n"


def stopping(connection: socket.socket) -> None:
    connection.sendall(OK + b"\r\nabc")
    time.sleep(0.5)


MALFORMED: dict[str, tuple[bytes | Callable[[socket.socket], None], str]] = {
    "garbage": (b"garbage\r\n\r\n", "protocol"),
    "empty lines": (b"\r\n" * 10 + b"x" * 10, "protocol"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2\r\n", "protocol"),
    "no status": (b"HTTP/1.1 \r\n\r\n", "protocol"),
    "a status of letters": (b"HTTP/1.1 abc OK\r\n\r\n", "protocol"),
    "a length of letters": (OK + b"Content-Length: abc\r\n\r\n", "protocol"),
    "a negative length": (OK + b"Content-Length: -1\r\n\r\n", "protocol"),
    "an enormous length": (OK + b"Content-Length: 99999999999999999999999\r\n\r\n", "protocol"),
    "two lengths": (OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "protocol"),
    "length and chunked": (OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "protocol"),
    "a chunk size of letters": (OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "protocol"),
    "a chunk longer than said": (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabcdef\r\n0\r\n\r\n", "protocol"),
    "more body than said": (OK + b"Content-Length: 1\r\n\r\nabc", "protocol"),
    "letters for a chunk size at an odd end": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\nx\r\r\n", "protocol"),
    "an answer after an odd end of trailers": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\r\n" + http("b"), "protocol"),
    "two answers at once": (http("a") + http("b"), "protocol: more than one answer"),
    "an upgrade": (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "protocol"),
    "a null in a header": (OK + b"X: a\0b\r\n\r\n", "protocol"),
    "a header without a colon": (OK + b"nothing\r\n\r\n", "protocol"),
    "endless headers": (endless(OK, b"X: y\r\n"), "protocol: over 64 KiB of headers"),
    "one endless header": (endless(OK + b"X: ", b"y"), "protocol: over 64 KiB of headers"),
    "endless interim answers": (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "protocol: over 64 KiB of headers"),
    "endless trailers": (
        endless(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
        "protocol: over 64 KiB of headers",
    ),
    "less body than said": (lambda connection: connection.sendall(OK + b"Content-Length: 9\r\n\r\na"), "protocol: answer cut"),
    "silence": (lambda connection: time.sleep(0.5), "timeout"),
    "a body of no length that stops": (stopping, "timeout"),
    "a body that never ends": (endless(OK + b"Connection: close\r\n\r\n", b"x" * 1000), "timeout"),
    "chunks that never end": (endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), "timeout"),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_answers_are_failures_of_a_kind(name: str) -> None:
    served, kind = MALFORMED[name]
    # Only a timeout may be due to time; a crowded machine takes seconds for the others.
    with serving(served) as url, client(url, total=0.3 if kind == "timeout" else 120) as sender:
        for _ in range(2):
            response = sender.send(head(url))
            assert (response.failure or "none").startswith(kind)
            assert len(response.head) <= MAX_HEAD + (300 << 10)


def test_byte_by_byte_the_time_for_the_whole_still_holds() -> None:
    def drip(connection: socket.socket) -> None:
        with suppress(OSError):
            for byte in OK + b"X: " + b"y" * 10_000:
                connection.sendall(bytes([byte]))
                time.sleep(0.01)

    with serving(drip) as url, client(url, total=0.2) as sender:
        began = time.monotonic()
        assert sender.send(head(url)).failure == "timeout"
        assert time.monotonic() - began < 50  # bounded: the drip alone would take 100 s


def test_the_time_between_two_pieces_may_be_bounded_apart() -> None:
    def pause(connection: socket.socket) -> None:
        connection.sendall(http("hello")[:-1])
        time.sleep(0.5)

    with serving(pause) as url, client(url, total=60, read=0.1) as sender:
        assert sender.send(head(url)).failure == "timeout"


def test_after_a_failure_the_next_request_has_a_connection_of_its_own() -> None:
    responses = iter([http("hello")[:-1], http("a")])
    with (
        serving(lambda connection: connection.sendall(next(responses))) as url,
        client(url) as sender,
    ):
        assert sender.send(head(url)).failure == "protocol: answer cut short"
        assert sender.send(head(url)).failure is None
