"""Redirects and cookies."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from soak.load.http.client import MAX_REDIRECTS
from soak.load.http.connection_options import Origin
from soak.load.http.cookies import MAX_COOKIES, CookieJar
from soak.load.http.request_head import redirected, with_cookies
from tests.load.exchanging import client, head
from tests.sampling.serving import http, serving

HERE = Origin("http", "127.0.0.1", 80)


def moved(status: str, location: str, **headers: str) -> bytes:
    return http("", status, Location=location, **headers)


def talking(
    asked: list[bytes], response: Callable[[bytes], bytes]
) -> Callable[[socket.socket], None]:
    """A server that sees what it is asked: the first answer on a connection is a redirect that makes clients ask again."""

    def serve(connection: socket.socket) -> None:
        connection.sendall(moved("307 Temporary Redirect", "/start"))
        while request := connection.recv(65536):
            asked.append(request)
            connection.sendall(response(request))

    return serve


def test_redirects_are_not_followed_unless_asked() -> None:
    with serving(moved("302 Found", "/b")) as url, client(url) as sender:
        assert sender.send(head(url)).status == 302


def test_a_redirect_is_followed_on_the_same_connection_with_method_and_body() -> None:
    asked: list[bytes] = []
    with (
        serving(talking(asked, lambda _: http("there"))) as url,
        client(url, redirects=True) as sender,
    ):
        response = sender.send(
            head(url, "PUT /a?x=1", 4, Authorization="secret"), b"body", keep=True
        )
    assert (response.status, response.body) == (200, b"there")
    assert asked[0].startswith(b"PUT /start HTTP/1.1\r\n")
    assert b"Authorization: secret\r\n" in asked[0]
    assert asked[0].endswith(b"\r\n\r\nbody")


@pytest.mark.parametrize(
    ("status", "method", "expected"),
    [
        (301, "POST", "GET"), (302, "POST", "GET"), (303, "POST", "GET"), (303, "PUT", "GET"), (303, "HEAD", "HEAD"),
        (301, "PUT", "PUT"), (302, "GET", "GET"), (307, "POST", "POST"), (308, "POST", "POST"), (303, "DELETE", "GET"),
    ],
)  # fmt: skip
def test_methods_are_rewritten_as_rfc_9110_says(status: int, method: str, expected: str) -> None:
    asked = head("http://a", f"{method} /x", 4, Content_Type="text/plain", Accept="*/*")
    new, with_body = redirected(asked, status, "/y?z", HERE, same_origin=True)
    assert new.startswith(f"{expected} /y?z HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode())
    assert with_body == (expected == method) == (b"Content-" in new)
    assert b"Accept: */*\r\n" in new
    assert new.count(b"Host:") == 1


def test_another_origin_sees_no_credentials_and_must_be_allowed() -> None:
    asked: list[bytes] = []
    with serving(talking(asked, lambda _: http("there"))) as there:
        elsewhere = there.replace("127.0.0.1", "localhost")
        with serving(moved("302 Found", f"{elsewhere}/b")) as url:
            asking = head(url, Authorization="secret", Cookie="own=1", X_Kept="yes")
            with client(url, redirects=True) as sender:
                assert sender.send(asking).failure == "redirect: host not allowed"
            assert asked == []
            with client(url, redirects=True, allowed=lambda host: host == "localhost") as sender:
                response = sender.send(asking, keep=True)
    assert (response.failure, response.body) == (None, b"there")
    assert b"secret" not in asked[0]
    assert b"own=1" not in asked[0]
    assert b"X-Kept" not in asked[0]  # it may be a key


@pytest.mark.parametrize(
    ("location", "away"),
    [
        ("https://login.example.com/", True),
        ("//login.example.com/", True),
        ("https://127.0.0.1.example.com/", True),
        ("/there", False),
        ("http://localhost:1/", False),
        ("http://[::1", False),
    ],
)
def test_a_redirect_that_is_not_followed_may_lead_away(location: str, away: bool) -> None:
    here = lambda host: host == "localhost"  # noqa: E731
    with serving(moved("302 Found", location)) as url, client(url, allowed=here) as sender:
        asking = head(url)
        assert sender.leads_away(asking, sender.send(asking)) is away


def test_a_circle_ends() -> None:
    with serving(moved("302 Found", "/again")) as url, client(url, redirects=True) as sender:
        assert sender.send(head(url)).failure == f"redirect: more than {MAX_REDIRECTS}"


@pytest.mark.parametrize(
    "location", ["ftp://x/", "http://", "http://[::1", "http://a:99999999/", "//"]
)
def test_a_redirect_to_nonsense_is_a_failure(location: str) -> None:
    with (
        serving(moved("302 Found", location)) as url,
        client(url, redirects=True, allowed=lambda host: False) as sender,
    ):
        assert sender.send(head(url)).failure in (
            "protocol: a redirect to no URL",
            "redirect: host not allowed",
            "redirect: more than 10",
        )


def test_a_redirect_cannot_smuggle_a_header() -> None:
    asked: list[bytes] = []
    responses = iter([moved("302 Found", "/a b%0d%0aX: y\tz\xfc"), http("end")])
    with (
        serving(talking(asked, lambda _: next(responses))) as url,
        client(url, redirects=True) as sender,
    ):
        assert sender.send(head(url)).failure is None
    assert [line for line in asked[1].split(b"\r\n") if line.startswith(b"X")] == []
    assert asked[1].split(b"\r\n")[0].count(b" ") == 2


def test_a_users_cookies_come_back_and_are_its_own() -> None:
    asked: list[bytes] = []
    response = http("", Set_Cookie="id=7; Path=/; HttpOnly")
    with serving(talking(asked, lambda _: response)) as url:
        with client(url, redirects=True) as sender, client(url, redirects=True) as other:
            sender.send(head(url))
            sender.send(head(url))
            other.send(head(url))
        assert [b"Cookie: id=7\r\n" in request for request in asked] == [False, True, False]
        with client(url, redirects=True, cookies=False) as sender:
            sender.send(head(url))
            sender.send(head(url))
    assert b"Cookie" not in asked[-1]


def test_cookies_join_those_that_a_request_has_of_its_own() -> None:
    asked = with_cookies(head("http://a", Cookie="own=1", Accept="x"), "id=7")
    assert asked.count(b"Cookie") == 1
    assert b"Cookie: own=1; id=7\r\n" in asked
    assert asked.endswith(b"Accept: x\r\n\r\n")
    asked = with_cookies(head("http://a", Cookie="id=8; own=1"), "state=a; id=7")
    assert (
        b"Cookie: id=8; own=1; state=a\r\n" in asked
    )  # its own stand for the jar's of the same name


SHOP, TLS_SHOP = Origin("http", "shop.example.com", 80), Origin("https", "shop.example.com", 443)


@pytest.mark.parametrize(
    ("cookie", "origin", "path", "sent"),
    [
        ("a=1", SHOP, "/x/y", True), ("a=1", SHOP, "/", False), ("a=1; Path=/", SHOP, "/", True),
        ("a=1; Path=/x", SHOP, "/x/y", True), ("a=1; Path=/x", SHOP, "/xy", False), ("a=1; Path=/x", SHOP, "/x?q", True),
        ("a=1; Path=/; Domain=example.com", Origin("http", "www.example.com", 80), "/", True),
        ("a=1; Path=/; Domain=.example.com", Origin("http", "badexample.com", 80), "/", False),
        ("a=1; Path=/", Origin("http", "sub.shop.example.com", 80), "/", False),
        ("a=1; Path=/; Domain=other.com", SHOP, "/", False), ("a=1; Path=/; Domain=com", SHOP, "/", False),
        ("a=1; Path=/; Max-Age=0", SHOP, "/", False), ("a=1; Path=/; Max-Age=60", SHOP, "/", True),
        ("a=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", SHOP, "/", False),
        ("a=1; Path=/; Expires=nonsense", SHOP, "/", True),
        ("a=1; Path=/; Max-Age=9; Expires=Thu, 01 Jan 1970 00:00:00 GMT", SHOP, "/", True),
        ("a=1; Path=/; Secure", SHOP, "/", False), ("=1; Path=/", SHOP, "/", False), ("nonsense", SHOP, "/", False),
        ("a=" + "x" * 5000, SHOP, "/x/y", False),
    ],
)  # fmt: skip
def test_which_cookies_are_sent_where(cookie: str, origin: Origin, path: str, sent: bool) -> None:
    jar = CookieJar()
    jar.take(SHOP, "/x/login", [("set-cookie", cookie)])
    assert jar.header(origin, path) == ("a=1" if sent else "")


def test_secure_cookies_need_tls_on_both_ways() -> None:
    jar = CookieJar()
    jar.take(TLS_SHOP, "/", [("set-cookie", "a=1; Secure")])
    assert jar.header(TLS_SHOP, "/") == "a=1"
    assert jar.header(SHOP, "/") == ""


def test_a_later_cookie_replaces_and_removes() -> None:
    jar = CookieJar()
    jar.take(
        SHOP, "/", [("set-cookie", "a=1"), ("set-cookie", "b=2; Path=/deep"), ("set-cookie", "a=3")]
    )
    assert jar.header(SHOP, "/deep/x") == "b=2; a=3"
    jar.take(SHOP, "/", [("set-cookie", "a=; Max-Age=0")])
    assert jar.header(SHOP, "/deep/x") == "b=2"


def test_ever_new_cookies_do_not_pile_up() -> None:
    jar = CookieJar()
    for number in range(3 * MAX_COOKIES):
        jar.take(SHOP, "/", [("set-cookie", f"c{number}=1")])
    assert len(jar) == MAX_COOKIES
    assert f"c{3 * MAX_COOKIES - 1}=1" in jar.header(SHOP, "/")


def test_another_origin_sees_no_key_and_no_body() -> None:
    """A redirect to another port, host or scheme carries nothing of what may be secret; an upgrade to https does."""
    asked = head(
        "http://a",
        "POST /x",
        4,
        X_API_Key="secret",
        Authorization="secret",
        Accept="*/*",
        X_Token="secret",
    )
    elsewhere, _ = redirected(asked, 307, "/y", HERE, same_origin=False)
    assert b"secret" not in elsewhere
    assert b"Accept: */*" in elsewhere

    asked_there: list[bytes] = []
    with serving(talking(asked_there, lambda _: http("there"))) as there:
        target = moved("307 Temporary Redirect", f"{there}/z")
        with serving(target) as url, client(url, redirects=True) as conn:
            response = conn.send(head(url, "POST /a", 4), b"body")
    assert response.failure == "redirect: another origin asks for the body"
    assert asked_there == []
