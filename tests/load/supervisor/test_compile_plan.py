import base64
import json
from pathlib import Path

import pytest

from soak.errors import ProfileError
from soak.load.plan.expectations import (
    ANY_SUCCESS,
    PlannedExpectations,
    PlannedExtractor,
    PlannedMatch,
)
from soak.load.plan.plan import Plan, requests_in
from soak.load.plan.tls_options import TlsOptions
from soak.load.scenario.rendering import RequestTemplate
from soak.load.scenario.virtual_user import VirtualUser
from soak.load.supervisor.compile_plan import plan_of
from soak.profile import parse_profile
from tests.profile_texts import GOOD


def plan(text: str, folder: Path = Path(), **environment: str) -> Plan:
    return plan_of(parse_profile(text, str(folder / "p.yaml"), environment=environment)[0])


def refusal(text: str, folder: Path = Path()) -> str:
    with pytest.raises(ProfileError) as caught:
        plan(text, folder)
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(f"{folder}/")


WHOLE = """\
target: {url: "http://127.0.0.1:8080/", tls: {ca: a.pem, insecure: false}, allow: [a.example]}
load:
  stages: [{ramp: 50/s, for: 1m}, {rate: 50/s, for: 1h}, {sine: {low: 10/s, high: 90/s, period: 10m}, for: 1h}]
  arrivals: poisson
  think: {min: 1s, max: 3s}
  seed: 7
  redirects: true
  cookies: false
endpoints:
  - request: POST /orders/{{ row.sku }}
    timeout: 3s
    headers: {X-Id: "{{ uuid() }}"}
    json: {sku: "{{ row.sku }}", quantity: 1}
    expect: {status: 201, within: 1s, body: a, headers: {a: b}, json: {"$.state": created}}
flows:
  - name: checkout
    weight: 2
    steps:
      - {request: POST /cart, form: {a: b c}, capture: {cart: $.id, place: {header: Location}}}
      - GET /cart/{{ cart }}
data: {row: {csv: a.csv, order: unique}}
auth: {request: POST /token, json: {user: soak, password: "${PASSWORD}"}, refresh: 50m}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.csv").write_text("sku,name\nA-1,one\n")
    (tmp_path / "a.pem").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("given", "kept", "returning"),
    [("", True, False), ("cookies: true", True, True), ("cookies: false", False, False)],
)
def test_arrivals_share_cookies_only_if_the_profile_says_so(
    given: str, kept: bool, returning: bool, folder: Path
) -> None:
    compiled = plan(WHOLE.replace("cookies: false", given), folder, PASSWORD="hunter2")
    assert (compiled.cookies, compiled.returning) == (kept, returning)


def test_a_plan_survives_the_pipe_in_one_line(folder: Path) -> None:
    whole = plan(WHOLE, folder, PASSWORD="hunter2")
    line = whole.to_json()
    assert "\n" not in line
    assert Plan.from_json(line) == whole
    assert whole.labels == (
        "POST /orders/{row.sku}",
        "checkout / POST /cart",
        "checkout / GET /cart/{cart}",
    )
    assert (whole.rate, whole.users, whole.ramp, whole.duration) == (90, None, 60, 7200)
    assert [piece.seconds for piece in whole.pieces] == [60, 3600, 3600]
    assert (whole.arrivals, whole.seed, whole.think, whole.redirects, whole.cookies) == (
        "poisson",
        7,
        (1, 3),
        True,
        False,
    )
    assert whole.rows[0].path == str((folder / "a.csv").resolve())
    assert whole.tls == TlsOptions(ca=str((folder / "a.pem").resolve()))
    assert whole.allow == ("a.example",)
    (order,) = whole.requests
    assert (order.timeout, order.expect.statuses, order.template_kind) == (3, (201,), "json")
    assert order.expect == PlannedExpectations(
        (201,),
        within=1,
        body=PlannedMatch("", '{"contains": "a"}', False, 'something with "a" in it'),
        headers=(PlannedMatch("a", '{"equals": "b"}', False, '"b"'),),
        json=(PlannedMatch("$.state", '{"equals": "created"}', False, '"created"'),),
    )
    (flow,) = whole.flows
    assert (flow.name, flow.weight) == ("checkout", 2)
    first, *_ = requests_in(flow.steps)
    assert first.extractors == (
        PlannedExtractor("cart", "json", "$.id"),
        PlannedExtractor("place", "header", "Location"),
    )
    assert base64.b64decode(first.body) == b"a=b+c"


def test_no_secret_is_shown_by_chance(folder: Path) -> None:
    whole = plan(WHOLE, folder, PASSWORD="hunter2")
    assert whole.auth is not None
    assert base64.b64decode(whole.auth.request.body) == b'{"user": "soak", "password": "hunter2"}'
    assert "hunter2" not in repr(whole)
    assert whole.auth.request.body not in repr(whole)


def test_constant_requests_stay_constant() -> None:
    (request,) = plan(GOOD).requests
    assert (request.path, request.template, request.expect, request.extractors) == (
        "/a",
        "",
        ANY_SUCCESS,
        (),
    )
    assert RequestTemplate(request).constant is not None


def test_a_simple_load_is_one_schedule_too() -> None:
    planned = plan(GOOD.replace("50/s", "50/s\n  ramp: 10s"))
    assert [(piece.seconds, piece.start, piece.end) for piece in planned.pieces] == [
        (10, 0, 50),
        (600, 50, 50),
    ]
    assert planned.arrivals == "constant"


def test_what_the_environment_brings_is_never_a_template() -> None:
    endpoint = """
  - request: POST /b/${A}
    headers: {X: "${A}", Y: "{{ user }} ${A}"}
    json: {a: "${A}", b: "{{ user }} ${A}", "c": ["${A}"]}
  - POST /c/${A}
"""
    value = "{{user}}{%x%}"
    _, mixed, short = plan(GOOD + endpoint, A=value).requests
    virtual_user = VirtualUser(3)
    path, headers, body, _ = RequestTemplate(mixed).render(virtual_user.context)
    assert path == "/b/%7B%7Buser%7D%7D%7B%x%%7D"
    assert (headers["X"], headers["Y"]) == (value, f"3 {value}")
    assert json.loads(body) == {"a": value, "b": f"3 {value}", "c": [value]}
    assert (
        RequestTemplate(short).render(virtual_user.context).path == "/c/%7B%7Buser%7D%7D%7B%x%%7D"
    )


ENDPOINT = GOOD + "  - request: POST /b\n"
FLOW = (
    GOOD + "flows:\n  - name: f\n    steps:\n      - {request: POST /cart, capture: {cart: $.id}}\n"
)
MISTAKES = {
    "unknown name": (
        ENDPOINT + "    body: '{{ uid() }}'\n",
        "p.yaml:9: endpoints.1.body: nothing is called uid here, did you mean uuid?",
    ),
    "no such thing": (
        ENDPOINT + "    json:\n      a: 1\n      b: '{{ zzz }}'\n",
        "p.yaml:11: endpoints.1.json.b: nothing is called zzz here; there is choice, now, randint, range, seq, user, uuid",
    ),
    "unknown column": (
        ENDPOINT + "    form: {a: '{{ row.skuu }}'}\ndata: {row: {csv: a.csv}}\n",
        "p.yaml:9: endpoints.1.form.a: data.row has no column skuu, did you mean sku?",
    ),
    "not a template": (
        ENDPOINT + "    headers: {A: '{{ user'}\n",
        "p.yaml:9: endpoints.1.headers.A: not a template: unexpected end of template, expected 'end of print statement'.",
    ),
    "unknown filter": (
        ENDPOINT + "    json: ['{{ user | intt }}']\n",
        "p.yaml:9: endpoints.1.json.0: not a template: No filter named 'intt'.",
    ),
    "in a path": (
        GOOD + "  - GET /b/{{ cart }}\n",
        "p.yaml:8: endpoints.1.request: nothing is called cart here; there is",
    ),
    "a whole path": (
        GOOD + "  - GET {{ row.sku }}?a=1\ndata: {row: {csv: a.csv}}\n",
        "p.yaml:8: endpoints.1.request: a path begins with /, which is percent-encoded where an expression puts it in: for",
    ),
    "captured later": (
        FLOW.replace("POST /cart,", '"POST /cart/{{ cart }}",'),
        "p.yaml:11: flows.0.steps.0.request: nothing is called cart here; there is",
    ),
    "captured in another flow": (
        FLOW + "  - {name: g, steps: ['GET /{{ cart }}']}\n",
        "p.yaml:12: flows.1.steps.0.request: nothing is called cart here; there is",
    ),
    "a JSONPath": (
        ENDPOINT + "    expect: {json: {state: 1}}\n",
        "p.yaml:9: endpoints.1.expect.json.state: a JSONPath begins with $, such as $.items[0].id, not 'state'",
    ),
    "a captured JSONPath": (
        FLOW.replace("$.id", "'$.['"),
        "p.yaml:11: flows.0.steps.0.capture.cart: not a JSONPath: ",
    ),
    "a token": (
        GOOD + "auth: {request: POST /t, token: access_token}\n",
        "p.yaml:8: auth.token: a JSONPath begins with $",
    ),
    "a data file": (GOOD + "data:\n  row: {csv: b.csv}\n", "p.yaml:9: data.row: …b.csv:3: 1 values, and the header has 2"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_before_the_run_with_file_line_and_key(
    mistake: str, folder: Path
) -> None:
    (folder / "b.csv").write_text("a,b\n1,2\n3\n")
    text, expected = MISTAKES[mistake]
    assert refusal(text, folder).replace(f"{folder}/", "…").startswith(expected)


def test_captures_are_seen_by_the_steps_after_them() -> None:
    _, second = requests_in(plan(FLOW + "      - GET /cart/{{ cart }}\n").flows[0].steps)
    assert second.path == "/cart/{{ cart }}"
