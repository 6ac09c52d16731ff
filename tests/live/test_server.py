"""Who may read what is served of a run."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from soak.errors import SoakError, UsageError
from soak.live.address import Address, parse_address
from soak.live.judge import Judge, Judgement
from soak.live.page import LivePage
from soak.live.server import PageServer, PageState

SECRET = "correct horse battery staple"


def ask(
    port: int, method: str = "GET", path: str = "/", **headers: str
) -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())
    finally:
        connection.close()


@pytest.fixture
def server() -> Iterator[PageServer]:
    server = PageServer(
        "--live", Address("127.0.0.1", 0), {"/": lambda _: PageState("hello", "text/plain")}
    )
    yield server
    server.close()


@pytest.mark.parametrize("host", ["127.0.0.1:80", "localhost", "[::1]:9", "127.9.9.9"])
def test_this_machine_reads_it(server: PageServer, host: str) -> None:
    status, body, headers = ask(server.port, Host=host)
    assert (status, body) == (200, "hello")
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "10.0.0.5", ""]
)
def test_a_page_of_another_site_does_not(server: PageServer, host: str) -> None:
    assert ask(server.port, Host=host)[0] == 421


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_it_can_only_be_read(server: PageServer, method: str) -> None:
    assert ask(server.port, method)[0] == 405


def test_other_pages_are_not_found(server: PageServer) -> None:
    assert ask(server.port, path="/../etc/passwd")[0] == 404


@pytest.mark.parametrize("token", ["", "too short"])
def test_other_machines_need_a_token(token: str) -> None:
    with pytest.raises(UsageError, match="SOAK_LIVE_TOKEN"):
        PageServer("--live", Address("0.0.0.0", 0), {}, token)


def test_the_token_is_asked_for() -> None:
    server = PageServer(
        "--live", Address("0.0.0.0", 0), {"/": lambda _: PageState("hello", "text/plain")}, SECRET
    )
    try:
        assert ask(server.port)[0] == 401
        assert ask(server.port, Authorization="Bearer wrong")[0] == 401
        assert ask(server.port, Authorization=f"Bearer {SECRET}")[0] == 200
        assert (
            ask(server.port, path="/?token=correct%20horse%20battery%20staple", Host="any.example")[
                0
            ]
            == 200
        )
    finally:
        server.close()


def test_a_port_in_use_is_said(server: PageServer) -> None:
    with pytest.raises(SoakError, match="cannot listen there"):
        PageServer("--live", Address("127.0.0.1", server.port), {})


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("9000", "127.0.0.1", 9000),
        (":9000", "127.0.0.1", 9000),
        ("localhost", "localhost", 8765),
        ("0.0.0.0:1", "0.0.0.0", 1),
        ("[::1]:5", "::1", 5),
    ],
)
def test_addresses(text: str, host: str, port: int) -> None:
    assert parse_address("--live", text, 8765) == Address(host, port)


@pytest.mark.parametrize(
    "text", ["a b:1", "127.0.0.1:x", "127.0.0.1:70000", "http://127.0.0.1:80", "-x", "mine.yaml"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match=r"expected HOST:PORT|put the profile first"):
        parse_address("--live", text, 8765)


def test_the_page_waits_renews_and_ends(tmp_path: Path) -> None:
    judge = Judge(tmp_path, html=True, after=1e9)
    page = LivePage("orders <b>", judge, lambda: "12 s: 50 requests/s", Address("127.0.0.1", 0))
    port = int(page.url.rsplit(":", 1)[1].strip("/"))
    try:
        assert "orders &lt;b&gt;" in ask(port)[1]
        state = json.loads(ask(port, path="/state")[1])
        known = state.pop("page")
        assert state == {
            "version": 0,
            "final": False,
            "text": "12 s: 50 requests/s",
        }
        judge.number, judge.latest = 3, Judgement(3, None, "<html lang=en>third", None, 0.0)
        assert json.loads(ask(port, path="/state")[1])["version"] == 3
        report = f'<html data-page="{known}" data-version="3" lang=en>third'
        assert ask(port, path="/report")[1] == report
        again = LivePage("orders", judge, str, Address("127.0.0.1", 0))
        again.close()
        assert again._id != known
        page._taken.set()
        page.finish("<html lang=en>final", "the run has ended")
        state = json.loads(ask(port, path="/state")[1])
        assert (state["final"], state["text"]) == (True, "the run has ended")
        assert ask(port)[1].endswith("final")
    finally:
        page.close()
