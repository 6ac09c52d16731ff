"""Multipart bodies, fields and headers that come twice, headers for all requests, and passwords."""

import base64
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from soak.errors import ProfileError
from soak.load.http.connection_options import Origin
from soak.load.http.request_head import head_of
from soak.load.plan.plan import Plan, requests_in
from soak.load.scenario.rendering import RenderedRequest, RequestTemplate
from soak.load.scenario.virtual_user import VirtualUser
from soak.load.supervisor.compile_plan import plan_of
from soak.profile import parse_profile

BEGIN = "target: {url: 'http://127.0.0.1:8080'}\nload: {users: 1, duration: 1m}\n"


def plan(text: str, folder: Path = Path(), **environment: str) -> Plan:
    made = plan_of(parse_profile(BEGIN + text, str(folder / "p.yaml"), environment=environment)[0])
    assert Plan.from_json(made.to_json()) == made
    return made


def rendered(text: str, folder: Path = Path(), **environment: str) -> RenderedRequest:
    (request,) = plan(text, folder, **environment).requests
    return RequestTemplate(request).render(VirtualUser(7).context)


def parts(request: RenderedRequest) -> list[Any]:
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    return list(message_from_bytes(head + request.body).get_payload())


def test_a_multipart_body_holds_fields_files_and_templates(tmp_path: Path) -> None:
    content = bytes(range(256)) * 20
    (tmp_path / "a.png").write_bytes(content)
    text = """endpoints:
  - request: POST /upload
    multipart:
      title: "user {{ user }}, ${WORD}"
      tag: [a, "${WORD}"]
      photo: [{file: a.png}, {file: a.png, name: 'x"y.bin', type: application/pdf}]
"""
    request = rendered(text, tmp_path, WORD="{{x}}")
    fields = parts(request)
    assert [part.get_param("name", header="content-disposition") for part in fields] == [
        "title",
        "tag",
        "tag",
        "photo",
        "photo",
    ]
    assert [part.get_payload() for part in fields[:3]] == ["user 7, {{x}}", "a", "{{x}}"]
    assert [part.get_content_type() for part in fields[3:]] == ["image/png", "application/pdf"]
    assert [part.get_filename() for part in fields[3:]] == ["a.png", "x%22y.bin"]
    assert all(content in request.body.split(b"\r\n--")[place] for place in (3, 4))


def test_what_comes_twice_is_sent_twice() -> None:
    text = """endpoints:
  - request: POST /a
    headers: {Accept: [text/html, "x/{{ user }}"], X: 1}
    form: {tag: [a, "b {{ user }}"], one: 2}
"""
    request = rendered(text)
    assert request.body == b"tag=a&tag=b+7&one=2"
    head = head_of(
        "POST", request.path, Origin.of("http://a"), request.headers, len(request.body)
    ).decode()
    assert "\r\nAccept: text/html\r\nAccept: x/7\r\n" in head
    assert "\r\nX: 1\r\n" in head


def test_headers_of_all_requests_are_below_a_requests_own() -> None:
    text = """headers: {User-Agent: mine, X-Tenant: acme, X-User: "{{ user }}"}
endpoints: [GET /a, {request: GET /b, headers: {x-tenant: other}}]
flows: [{name: f, steps: [{repeat: 2, steps: [GET /c]}]}]
setup: [GET /d]
"""
    made = plan(text)
    first, second = (
        RequestTemplate(request).render(VirtualUser(7).context) for request in made.requests
    )
    assert first.headers == {
        "Accept": "*/*",
        "User-Agent": "mine",
        "X-Tenant": "acme",
        "X-User": "7",
    }
    assert second.headers == {
        "Accept": "*/*",
        "User-Agent": "mine",
        "x-tenant": "other",
        "X-User": "7",
    }
    line = made.to_json()
    assert line.count('"X-Tenant": "acme"') == 3


def test_a_header_of_all_requests_waits_for_what_setup_captures() -> None:
    text = """headers: {X-Tenant: acme, X-Token: "{{ token }}"}
setup:
  - {request: POST /login, capture: {token: $.token}}
  - {repeat: 2, steps: [GET /me]}
endpoints: [GET /a]
teardown: [POST /logout]
"""
    made = plan(text)
    login, me = requests_in(made.setup)
    [logout] = requests_in(made.teardown)
    assert "X-Token" not in login.headers
    assert login.headers["X-Tenant"] == "acme"
    for request in (me, *made.requests, logout):
        assert request.headers["X-Token"] == "{{ token }}"


def test_passwords() -> None:
    basic = plan(
        "auth: {basic: {user: Aladdin, password: '${P}'}}\nendpoints: [GET /]\n", P="open sesame"
    )
    assert (
        basic.requests[0].headers["Authorization"] == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    )  # RFC 7617, section 2
    assert basic.auth is None
    own = plan(
        "auth: {basic: {user: a, password: b}}\nendpoints: [{request: GET /, headers: {authorization: c}}]\n"
    )
    assert "Authorization" not in own.requests[0].headers
    digest = plan("auth: {digest: {user: a, password: hunter2}}\nendpoints: [GET /]\n")
    assert digest.digest is not None
    assert digest.digest.password == "hunter2"
    assert "hunter2" not in repr(digest)
    assert base64.b64encode(b"a:hunter2").decode() not in repr(digest)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("auth: {basic: {user: 'a:b', password: c}}", "p.yaml:3: auth.basic.user: "),
        (
            "auth: {token: $.a}",
            "p.yaml:3: auth: give exactly one of request (for a token), basic and digest",
        ),
        (
            "auth: {basic: {user: a, password: b}, refresh: 3s}",
            "p.yaml:3: auth: refresh goes with a request for a token",
        ),
        ("headers: {'A B': c}", "p.yaml:3: headers: 'A B' is no name for a header"),
        ("headers: {A: '{{ lost }}'}", "p.yaml:3: headers.A: nothing is called lost here"),
        (
            "endpoints: [{request: POST /, multipart: {a: {file: b}}}]",
            "p.yaml:3: endpoints.0.multipart.a: no file b",
        ),
        (
            "endpoints: [{request: POST /, multipart: {a: b}, body: c}]",
            "p.yaml:3: endpoints.0: only one of body and multi",
        ),
        (
            "endpoints: [{request: POST /, multipart: {a: '{{ lost }}'}}]",
            "p.yaml:3: endpoints.0.multipart.a: nothing",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_file_and_line(text: str, message: str) -> None:
    more = "" if text.startswith("endpoints") else "\nendpoints: [GET /]\n"
    with pytest.raises(ProfileError) as caught:
        plan(text + more)
    assert str(caught.value).startswith(message)
    assert "hunter2" not in str(caught.value)
