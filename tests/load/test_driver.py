"""What the load's process sends for templates, flows, rows, stages and tokens: against a service that remembers it."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from pathlib import Path

import pytest

from soak.errors import LoadError
from soak.load.supervisor.compile_plan import plan_of
from soak.load.supervisor.load_process import LoadProcess
from soak.model import Event
from soak.profile import parse_profile
from soak.windows import Window
from tests.targets.orders import Orders, orders


class Driven:
    """One run of a load: its windows, its warnings, and why it broke."""

    def __init__(self, directory: Path, url: str, load: str, rest: str) -> None:
        text = f"target: {{url: '{url}'}}\nsample: 0.25s\nload: {{{load}}}\n{rest}"
        plan = plan_of(parse_profile(text, str(directory / "p.yaml"), environment={})[0])
        self.windows: list[Window] = []
        events: list[Event] = []
        process = LoadProcess(
            plan, time.monotonic(), directory / "load.log", self.windows.append, events.append
        )
        try:
            process.start()
            assert process.wait(30)
        finally:
            process.stop()
        # A machine that stands still for seconds is noticed too; no test here is about that.
        self.warnings = [each.text for each in events if "has sent no window" not in each.text]
        self.failure = process.failure
        assert process.started is not None
        self.started = process.started

    def requests(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for window in self.windows:
            counts.update({seen.endpoint: seen.requests for seen in window.endpoints})
        return +counts

    def failures(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for window in self.windows:
            for seen in window.endpoints:
                counts.update(seen.failures)
        return counts


def rows(directory: Path, count: int) -> None:
    (directory / "skus.csv").write_text("sku\n" + "".join(f"s{n}\n" for n in range(count)))


FLOW = """
flows:
  - name: checkout
    steps:
      - {request: POST /cart, json: {sku: "{{ row.sku }}", by: "{{ user }}", ref: "{{ uuid() }}"}, expect: {status: 201},
         capture: {cart: $.id, place: {header: Location}, csrf: {regex: 'csrf=(\\w+)'}}}
      - {request: "PUT /cart/{{ cart }}", headers: {X-Csrf: "{{ csrf }}"}, json: {id: "{{ cart }}", sku: "{{ row.sku }}"}}
      - GET {{ place | path }}?end
data: {row: {csv: skus.csv, order: unique}}
"""


@pytest.mark.parametrize("load", ["rate: 60/s, think: 20ms", "users: 4, pace: 60ms, think: 10ms"])
def test_a_flow_walks_with_its_row_and_what_it_captures(load: str, tmp_path: Path) -> None:
    rows(tmp_path, 500)
    with orders() as shop:
        driven = Driven(tmp_path, shop.url, f"{load}, duration: 1s", FLOW)
    assert (driven.failure, driven.failures(), driven.warnings) == (None, Counter(), [])
    begun = shop.of("/cart")
    posts = [request for request in begun if request.method == "POST"]
    assert len(posts) > 30
    assert len({post.json["sku"] for post in posts}) == len(posts)  # unique
    puts = {request.path: request for request in begun if request.method == "PUT"}
    ends = {request.path for request in begun if request.method == "GET"}
    assert len(puts) >= len(posts) - 4
    placed = {post.json["sku"]: post for post in posts}
    if "rate" in load:  # each arrival is somebody else
        assert not any("cookie" in post.headers for post in posts)
    for path, request in puts.items():
        assert request.time - placed[request.json["sku"]].time > 0.009
        assert request.headers["cookie"] == f"cart={path.removeprefix('/cart/')}"
        number = int(path.removeprefix("/cart/"))
        assert (request.headers["x-csrf"], request.json["id"]) == (f"c{number}", number)
        assert f"{path}?end" in ends or len(ends) >= len(puts) - 4
    assert {put.json["sku"] for put in puts.values()} <= {post.json["sku"] for post in posts}
    assert sum(driven.requests().values()) == len(shop.asked)


def test_every_failed_expectation_is_counted_under_its_own_kind(tmp_path: Path) -> None:
    endpoints = """
endpoints:
  - {request: GET /slow, expect: {within: 30ms}}
  - {request: GET /a, expect: {json: {"$.state": gone}}}
  - {request: GET /b, expect: {body: missing}}
  - {request: GET /c, expect: {headers: {X-Cache: hit}}}
  - {request: GET /d, expect: {status: 201}}
  - {request: GET /e, expect: {status: 200, within: 10s, body: created, headers: {X-Cache: miss}, json: {"$.path": /e}}}
  - {request: GET /stuck, timeout: 100ms}
  - {request: GET /stuck, name: silent, timeout: {read: 100ms, total: 5s}}
  - GET /broken
"""
    with orders() as shop:
        driven = Driven(tmp_path, shop.url, "rate: 80/s, duration: 1500ms, seed: 3", endpoints)
    kinds = {
        "GET /slow": "expect within", "GET /a": "expect json $.state", "GET /b": "expect body",
        "GET /c": "expect header X-Cache", "GET /d": "status 200", "GET /stuck": "timeout", "silent": "timeout",
        "GET /broken": "status 500",
    }  # fmt: skip
    failures: dict[str, Counter[str]] = {}
    for window in driven.windows:
        for seen in window.endpoints:
            failures.setdefault(seen.endpoint, Counter()).update(seen.failures)
            assert seen.failed_latency.total() == sum(seen.failures.values())
            assert seen.latency.total() == seen.requests - sum(seen.failures.values())
    requests = driven.requests()
    assert failures.pop("GET /e") == {}
    assert {name: dict(failed) for name, failed in failures.items()} == {
        name: {kind: requests[name]} for name, kind in kinds.items()
    }
    assert min(requests.values()) > 3


TEMPLATED = """
endpoints:
  - {request: "GET /a/{{ row.sku }}?{{ randint(1, 9999) }}", weight: 2}
  - {request: POST /b, json: {ref: "{{ uuid() }}", n: "{{ seq() }}"}}
  - GET /c
data: {row: {csv: skus.csv}}
"""


def story(shop: Orders) -> list[tuple[str, bytes]]:
    return [(request.path, request.body) for request in shop.asked]


def test_the_same_seed_makes_the_same_requests(tmp_path: Path) -> None:
    rows(tmp_path, 50)
    told = []
    for load in (
        "rate: 100/s, duration: 600ms, arrivals: poisson",
        "users: 1, duration: 2s, pace: 10ms",
    ):
        for seed in (1, 1, 2):
            with orders() as shop:
                Driven(tmp_path, shop.url, f"{load}, seed: {seed}", TEMPLATED)
            told.append(story(shop))
    for first, again, other in (told[:3], told[3:]):
        assert len(first) > 30
        length = min(len(first), len(again)) - 5
        # Two requests under way at once may arrive in either order.
        assert len(set(first[:length]) - set(again)) == 0
        assert len(set(first[:length]) - set(other)) > length / 3
    assert told[3][:30] == told[4][:30]  # one user: in order, too


def test_stages_are_seen_in_the_windows(tmp_path: Path) -> None:
    stages = "stages: [{rate: 40/s, for: 1s}, {rate: 0/s, for: 2s}, {ramp: 120/s, for: 0.5s}, {rate: 120/s, for: 1s}]"
    with orders() as shop:
        driven = Driven(tmp_path, shop.url, stages, "endpoints: [GET /]\n")
    at = [request.time - shop.asked[0].time for request in shop.asked]
    own = [window.generator for window in driven.windows if window.generator is not None]
    assert sum(seen.asked or 0.0 for seen in own) == pytest.approx(40 + 30 + 120)
    assert len(at) == sum(seen.made for seen in own)  # a machine that stalls may miss the last ones
    # The longest pause comes after the fortieth request, and windows end in it.
    pauses = [after - before for before, after in itertools.pairwise(at)]
    assert pauses.index(max(pauses)) == 39
    seen = itertools.accumulate(
        sum(each.requests for each in window.endpoints) for window in driven.windows
    )
    assert 40 in seen


def test_users_come_go_and_think_as_staged(tmp_path: Path) -> None:
    load = "stages: [{users: 6, for: 1s}, {users: 2, for: 1s}], think: {min: 90ms, max: 110ms}"
    with orders() as shop:
        driven = Driven(tmp_path, shop.url, load, "endpoints: ['GET /{{ user }}']\n")
    users = [window.users for window in driven.windows]
    assert max(users) == 6
    assert 2 in users[users.index(6) :]
    by_user: dict[str, list[float]] = {}
    for asked in shop.asked:
        by_user.setdefault(asked.path, []).append(asked.time)
    assert len(by_user) == 6
    gaps = [b - a for moments in by_user.values() for a, b in itertools.pairwise(moments)]
    assert min(gaps) > 0.085
    assert sorted(gaps)[len(gaps) // 2] < 0.15
    assert (
        sorted(len(moments) for moments in by_user.values())[-3] <= 12
    )  # four were there for half of the time


def test_users_end_when_rows_do_and_the_run_says_so(tmp_path: Path) -> None:
    rows(tmp_path, 15)
    endpoint = "endpoints: ['GET /{{ row.sku }}']\ndata: {row: {csv: skus.csv, order: unique}}\n"
    for load in ("users: 3", "rate: 50/s"):
        with orders() as shop:
            driven = Driven(tmp_path, shop.url, f"{load}, duration: 20s", endpoint)
        assert sorted(request.path for request in shop.asked) == sorted(f"/s{n}" for n in range(15))
        assert driven.warnings == [
            "every row of data.row has been used, and GET /{row.sku} cannot go on"
        ]
        assert driven.failure is not None
        assert driven.failure.startswith("every row of the data has been used")


def test_templates_that_always_fail_end_the_run_and_others_are_counted(tmp_path: Path) -> None:
    hopeless = "endpoints: ['GET /{{ 1 // (user - user) }}', GET /a]\n"
    for load in ("users: 3, pace: 20ms", "rate: 100/s"):
        with orders() as shop:
            driven = Driven(tmp_path, shop.url, f"{load}, duration: 20s", hopeless)
        label = "GET /{1 // (user - user)}"
        assert driven.warnings == [
            f"{label} could not be made of its template: template: ZeroDivisionError"
        ]
        assert driven.failures()["template: ZeroDivisionError"] >= 20
        assert driven.failure is not None
        assert driven.failure.startswith(f"none of the first 20 requests of {label} could be made")
    now_and_then = "endpoints: ['GET /{{ 1 // (seq() % 3) }}']\n"
    with orders() as shop:
        driven = Driven(tmp_path, shop.url, "rate: 100/s, duration: 1s", now_and_then)
    assert driven.failure is None
    assert driven.failures() == {"template: ZeroDivisionError": 33}
    assert driven.requests() == {"GET /{1 // (seq() % 3)}": 100}


AUTH = """
endpoints: [{request: GET /a}, {request: POST /b, json: {n: "{{ seq() }}"}}]
auth: {request: POST /token, json: {password: "{{ not a template }}"}, token: $.access_token}
"""


def test_a_token_that_is_refused_is_renewed_beside_the_requests(tmp_path: Path) -> None:
    with orders(lifetime=1.3) as shop:
        driven = Driven(tmp_path, shop.url, "rate: 50/s, duration: 3s", AUTH)
    assert driven.failure is None
    assert shop.of("/token")[0].json == {"password": "{{ not a template }}"}
    assert len(shop.issued) == 3
    failures = driven.failures()
    assert set(failures) == {"status 401"}
    assert failures["status 401"] < 75  # most are answered, however late a token comes
    assert set(driven.requests()) == {"GET /a", "POST /b"}  # the token's own are not counted
    assert sum(driven.requests().values()) == 150


def test_a_token_is_renewed_before_it_ends_and_a_failed_renewal_is_told(tmp_path: Path) -> None:
    refreshing = AUTH.replace("auth: {", "auth: {refresh: 0.4s, ")
    with orders(lifetime=60) as shop:
        driven = Driven(tmp_path, shop.url, "rate: 50/s, duration: 1s", refreshing)
        assert (driven.failures(), driven.warnings, len(shop.issued)) == ({}, [], 3)
    sent = {request.headers["authorization"] for request in shop.of("/a", "/b")}
    assert sent == {"Bearer t1", "Bearer t2", "Bearer t3"}
    with orders(lifetime=60, tokens=1) as shop:
        driven = Driven(tmp_path, shop.url, "rate: 50/s, duration: 1s", refreshing)
    assert (driven.failure, driven.failures()) == (None, {})
    assert driven.warnings == ["auth: the token could not be renewed: status 503"]


def test_no_token_no_run(tmp_path: Path) -> None:
    with (
        orders(lifetime=60, tokens=0) as shop,
        pytest.raises(
            LoadError, match=r"auth: no token from POST /token: status 503 \(3 attempts\)"
        ),
    ):
        Driven(tmp_path, shop.url, "rate: 50/s, duration: 1s", AUTH)
    assert len(shop.asked) == 3


LOCUSTFILE = """
from locust import User, constant, task
class Quiet(User):
    wait_time = constant(0.05)
    @task
    def go(self):
        self.environment.events.request.fire(
            request_type="X", name="y", response_time=1, response_length=0, exception=None, context={})
"""


def test_the_users_of_a_locustfile_are_staged_too(tmp_path: Path) -> None:
    (tmp_path / "quiet.py").write_text(LOCUSTFILE)
    stages = "stages: [{users: 3, for: 2s}, {users: 1, for: 2s}], locustfile: quiet.py"
    driven = Driven(tmp_path, "http://127.0.0.1:9", stages, "")
    users = [window.users for window in driven.windows]
    assert max(users) == 3
    assert 1 in users[users.index(3) :]
    assert driven.requests()["X y"] > 60
