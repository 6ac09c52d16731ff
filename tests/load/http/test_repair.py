"""Answers that are not quite HTTP/1.1: taken where they say one thing only, refused and named where they do not."""

import socket
import time
import zlib

import pytest
import zstandard

from soak.load.http.decoding import DecodingError, decoded
from soak.load.http.response import ResponseParser
from tests.load.exchanging import answering, client, head

OK = b"HTTP/1.1 200 OK\r\n"
TAKEN = {
    "folded": OK + b"X-A: b\r\n  c\r\nContent-Length: 2\r\n\r\nok",
    "folded by a tab": OK + b"Content-Length: 2\r\nX-A: b\r\n\tc\r\n\r\nok",
    "bare line feeds": b"HTTP/1.1 200 OK\nX-A: b c\nContent-Length: 2\n\nok",
    "mixed": b"HTTP/1.1 200 OK\r\nX-A: b c\nContent-Length: 2\r\n\nok",
    "equal lengths": OK + b"Content-Length: 2\r\nX-A: b c\r\nContent-Length: 2\r\n\r\nok",
    "a list of equal lengths": OK + b"X-A: b c\r\nContent-Length: 2, 2\r\n\r\nok",
    "an interim answer before": b"HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\nX-A: b c\nContent-Length: 2\n\nok",
    "chunks after a folded head": OK
    + b"X-A: b\r\n c\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "an end of trailers with a carriage return more": OK
    + b"X-A: b c\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nT: 1\r\n\r\r\n",
    "data after a close": OK
    + b"X-A: b c\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok and more",
}
REFUSED = {
    "different lengths": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "a list of different lengths": OK + b"Content-Length: 2, 3\r\n\r\nok",
    "no length": OK + b"Content-Length: +2\r\n\r\nok",
    "a folded length": OK + b"Content-Length:\r\n 2\r\n\r\nok",
    "a folded coding": OK + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "two framings": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    "a lone carriage return": OK + b"X: a\rY: b\r\nContent-Length: 2\r\n\r\nok",
    "a blank before the colon": OK + b"X : a\r\nContent-Length: 2\r\n\r\nok",
    "a control character": OK + b"X: a\x01\r\nContent-Length: 2\r\n\r\nok",
    "a chunk size with a lone carriage return": OK
    + b"Transfer-Encoding: chunked\r\n\r\n2\rok\r\n0\r\n\r\n",
    "two answers, the first with such trailers": OK
    + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\r\nHTTP/1.1 200 OK\rContent-Length: 0\r\n\r\n",
    "two answers": OK + b"Content-Length: 2\r\n\r\nok" + OK + b"Content-Length: 2\r\n\r\nok",
}


def fed(data: bytes, size: int) -> tuple[ResponseParser, str | None]:
    parser = ResponseParser()
    parser.begin(head_only=False, keep=True)
    for place in range(0, len(data), size):
        if failure := parser.feed(data[place : place + size]):
            return parser, failure
        if parser.ended:
            break
    return parser, None


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("name", TAKEN)
def test_what_says_one_thing_only_is_taken_however_it_arrives(name: str, size: int) -> None:
    parser, failure = fed(TAKEN[name], size)
    assert (failure, parser.ended) == (None, 1)
    response = parser.response(None)
    assert (response.status, response.body, response.headers["x-a"]) == (200, b"ok", "b c")


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_taken_is_not_whole_before_its_last_byte(name: str) -> None:
    whole = TAKEN[name].removesuffix(b" and more").replace(b"\r\r\n", b"\r\r")
    for cut in range(len(whole)):
        parser, failure = fed(whole[:cut], 10_000)
        assert failure is None
        assert not parser.ended
        assert parser.closed() is not None


@pytest.mark.parametrize("size", [1, 10_000])
@pytest.mark.parametrize("name", REFUSED)
def test_what_could_mean_two_things_is_refused(name: str, size: int) -> None:
    if name.startswith("two answers") and size == 1:
        return
    _, failure = fed(REFUSED[name], size)
    assert failure is not None
    assert failure.startswith("protocol: ")


@pytest.mark.parametrize(
    ("data", "failure"),
    [
        (b"\x15\x03\x01\x00\x02\x02\x46", "protocol: the server speaks TLS: give an https URL"),
        (
            bytes([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100]),
            "protocol: the server speaks HTTP/2 (gRPC?), and soak's client HTTP/1.1",
        ),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            "protocol: 101 Switching Protocols (WebSocket?): use load.locustfile",
        ),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "protocol: Expected HTTP/, RTSP/ or ICE/"),
    ],
)
def test_other_protocols_are_named(data: bytes, failure: str) -> None:
    assert fed(data, 10_000)[1] == failure


def test_an_endless_event_stream_is_named() -> None:
    def stream(connection: socket.socket, _asked: bytes) -> None:
        connection.sendall(OK + b"Content-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        time.sleep(0.5)

    with answering(stream) as url, client(url, total=0.2) as sender:
        assert (
            sender.send(head(url)).failure
            == "timeout: an event stream that did not end (text/event-stream)"
        )


@pytest.mark.parametrize("encoding", ["none", "identity", "utf-8", "UTF8", ""])
def test_encodings_that_are_none(encoding: str) -> None:
    assert decoded(b"body", encoding, 100) == b"body"


def test_zstd_is_decoded_whole_and_bounded() -> None:
    packed = zstandard.compress(b"a" * 1000)
    assert decoded(packed, "zstd", 1000) == b"a" * 1000
    assert decoded(packed + packed, "zstd", 2000) == b"a" * 2000
    assert decoded(zstandard.compress(zlib.compress(b"b")), "deflate, zstd", 100) == b"b"
    for wrong, why in (
        (packed[:-1], "zstd cut short"),
        (b"nothing", "malformed zstd"),
        (packed, "body over 16 MiB"),
    ):
        with pytest.raises(DecodingError, match=why):
            decoded(wrong, "zstd", 999 if wrong is packed else 1000)
