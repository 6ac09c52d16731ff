"""Digest authentication, against the examples of RFC 7616 and a server that demands it."""

import re
import socket

import pytest

from soak.load.http.digest import Digest
from soak.load.plan.credentials import Credentials
from tests.load.exchanging import answering, client, head
from tests.sampling.serving import http

MUFASA = Credentials("Mufasa", "Circle of Life")
CHALLENGE = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_the_standard(
    algorithm: str, response: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    monkeypatch.setattr("secrets.token_hex", lambda _bytes: nonce)
    digest = Digest(MUFASA)
    assert digest.header("GET", "/dir/index.html") is None
    assert digest.challenged(CHALLENGE.format(algorithm))
    header = digest.header("GET", "/dir/index.html")
    assert header is not None
    assert f'response="{response}"' in header
    assert "nc=00000001" in header
    assert "nc=00000002" in (digest.header("GET", "/dir/index.html") or "")
    assert "Circle" not in repr(MUFASA)


@pytest.mark.parametrize(
    "challenge",
    ["Basic realm=x", 'Digest nonce="a", algorithm=SHA-1', 'Digest nonce="a", qop=auth-int'],
)
def test_what_cannot_be_answered(challenge: str) -> None:
    assert not Digest(MUFASA).challenged(challenge)


def test_a_user_is_challenged_once() -> None:
    seen: list[bytes] = []

    def guarded(connection: socket.socket, asked: bytes) -> None:
        seen.append(asked)
        right = re.search(rb'Authorization: Digest username="Mufasa".*uri="/a".*nc=', asked)
        challenge = "WWW-Authenticate: " + CHALLENGE.format("SHA-256")
        denied = f"HTTP/1.1 401 No\r\n{challenge}\r\nContent-Length: 0\r\n\r\n".encode()
        connection.sendall(http("fine") if right else denied)

    with answering(guarded) as url, client(url, digest=MUFASA) as sender:
        assert [sender.send(head(url, "GET /a")).status for _ in range(2)] == [200, 200]
    assert [b"Authorization" in asked for asked in seen] == [False, True, True]
