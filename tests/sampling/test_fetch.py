"""Where the supervisor's own questions may go: never to what a name must not lead to."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from soak.errors import TargetError
from soak.profile import hosts
from soak.sampling.fetch import Answer, Fetcher, accepted, check_peer
from soak.target import reach


@pytest.fixture
def metadata(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A listener whose address counts as a metadata service's."""
    address = frozenset({ipaddress.ip_address("127.0.0.1")})
    monkeypatch.setattr(hosts, "_METADATA", address)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_nothing_is_sent_to_where_a_name_must_not_lead(metadata: socket.socket) -> None:
    port = metadata.getsockname()[1]
    with pytest.raises(TargetError, match=r"127\.0\.0\.1, which is a cloud's metadata service"):
        Fetcher(timeout=5.0).get(f"http://localhost:{port}/metrics")
    with pytest.raises(TargetError, match="nothing is sent there"):
        reach(f"http://localhost:{port}", patience=5.0)
    for _ in range(2):
        with metadata.accept()[0] as asked:
            assert asked.recv(100) == b""


@pytest.mark.parametrize(
    ("host", "address", "refused"),
    [
        ("x.localhost", "203.0.113.7", "another machine"),
        ("x.localhost", "::1", ""),
        ("evil.test", "169.254.169.254", "metadata"),
        ("evil.test", "fd00:ec2::254", "metadata"),
        ("evil.test", "203.0.113.7", ""),
    ],
)
def test_who_may_answer_for_a_name(host: str, address: str, refused: str) -> None:
    connected: Any = SimpleNamespace(getpeername=lambda: (address, 80))
    said = ""
    try:
        check_peer(host, connected)
    except TargetError as error:
        said = str(error)
    assert said.startswith(f"{host} leads to {address}, which is " if refused else "")
    assert refused in said
    assert bool(said) is bool(refused)


@pytest.mark.parametrize(
    ("status", "kind", "body", "said"),
    [
        (
            500,
            "text/plain",
            b"It failed:\n\n  x was\tcollected before\x1b[0m\n",
            "It failed: x was collected before[0m",
        ),
        (503, "text/plain", b"a" * 900, "a" * 200),
        (500, "text/html", b"<h1>It failed</h1>", None),
        (500, "text/plain", b" \n", None),
        (404, "text/plain", b"no such page", None),
    ],
)
def test_a_servers_own_words_about_its_error_are_told(
    status: int, kind: str, body: bytes, said: str | None
) -> None:
    """As of a metrics page that cannot be collected; without what would steer a terminal."""
    with pytest.raises(TargetError) as error:
        accepted(Answer(status, kind, body), "http://127.0.0.1/metrics")
    tail = "" if said is None else f", saying {said!r}"
    assert str(error.value) == f"http://127.0.0.1/metrics: answered {status}{tail}"
