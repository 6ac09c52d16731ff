"""Locust's web UI beside a load: what it counts, and what it refuses; in a process of its own, since Locust patches it."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from soak.cli.view_options import ViewOptions
from soak.errors import UsageError
from soak.load.supervisor.compile_plan import plan_of
from soak.load.supervisor.load_process import LoadProcess
from soak.model import Event
from soak.profile import parse_profile
from tests.load.locustfile.running import PATIENCE, counting_server

CODE = """
from dataclasses import replace
from werkzeug.test import Client
from soak.latency import Histogram, bucket_of
from soak.load.measure.locust_ui import LocustUi, LocustUiError, guarded
from soak.load.plan.plan import Plan
from soak.windows import EndpointWindow, Window

plan = Plan("http://127.0.0.1:1", (), 60, 0, 1, 10, locust_ui="127.0.0.1:0")
ui = LocustUi(plan)
app = ui._ui.app
@app.route("/mine")
def mine():
    return "mine"
@app.route("/pause", endpoint="locust.pause")  # as a later Locust may have it: a GET that changes something
def pause():
    raise AssertionError("it was asked")
@app.route("/broken")
def broken():
    raise RuntimeError("broken")
client = Client(guarded(app))
HOST = {"Host": "localhost:8089"}
def get(path, **headers):
    return client.get(path, headers=HOST | {name.replace("_", "-"): text for name, text in headers.items()})

# Two processes' windows as one master merges them: 40 requests of 30 ms, of which 4 failed after 100 ms.
def window(number):
    fast, failed = Histogram({bucket_of(0.03): 18}), Histogram({bucket_of(0.1): 2})
    seen = EndpointWindow("GET /a b", 20, {"status 500": 2}, 2000, fast, failed)
    own = EndpointWindow("create order", 0, {}, 0, Histogram(), Histogram())
    return Window(number, 1.0, 7, (seen, own))
for number in range(2):
    ui.take(window(float(number)))
told = get("/stats/requests").json
[entry, total] = told["stats"]
assert (entry["method"], entry["name"], entry["num_requests"], entry["num_failures"]) == ("GET", "/a b", 40, 4), entry
assert (total["num_requests"], told["user_count"], told["state"]) == (40, 7, "running"), told
assert 30 <= entry["median_response_time"] < 31 and entry["response_time_percentile_0.95"] == 100, entry
assert abs(entry["avg_response_time"] - 37) < 1, entry  # (36 x 30 + 4 x 100) / 40
assert entry["avg_content_length"] == 100
[error] = told["errors"]
assert (error["method"], error["name"], error["error"], error["occurrences"]) == ("GET", "/a b", "status 500", 4), error
assert error["first_seen"] and told["fail_ratio"] == 0.1

# A port that is in use is said in one line.
taken = f"127.0.0.1:{ui._server.address[1]}"
try:
    LocustUi(replace(plan, locust_ui=taken))
except LocustUiError as error:
    assert f"--locust-ui {taken}: cannot listen there: " in str(error), error
else:
    raise AssertionError("it listened twice")

# Whatever reads is answered, and to no other origin.
reading = ("/", "/stats/requests/csv", "/stats/failures/csv", "/stats/report", "/exceptions", "/exceptions/csv",
           "/tasks", "/logs", "/worker-count", "/mine")
for path in reading:
    answer = get(path, Origin="http://evil.example")
    assert answer.status_code == 200, (path, answer.status_code)
for answer in (get("/", Origin="null"), get("/none", Origin="http://e"), get("/broken", Origin="http://e"), get("/swarm")):
    names = {name.lower() for name in answer.headers.keys()}
    assert not any(name.startswith("access-control-") for name in names), names
    assert {"x-frame-options", "cross-origin-resource-policy"} <= names
assert "soak drives this load" in get("/").text
assert get("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate").status_code == 200  # a link to it
assert get("/stats/requests", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors").status_code == 403
for host in ("evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "10.0.0.1:8089", ""):
    assert get("/stats/requests", Host=host).status_code == 421, host

# Whatever changes is refused, by each method, from the page itself too.
for path in ("/swarm", "/stop", "/stats/reset", "/user", "/login"):
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        answer = client.open(path, method=method, headers=HOST | {"Sec-Fetch-Site": "same-origin"}, data={"user_count": 1})
        assert answer.status_code == 403 and "soak drives this load" in answer.text, (path, method, answer.status_code)
assert client.post("/mine", headers=HOST).status_code == 403
assert get("/pause").status_code == 403
assert get("/stats/requests").json["stats"][-1]["num_requests"] == 40  # as before
"""


def test_it_shows_what_windows_tell_and_changes_nothing() -> None:
    result = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, timeout=600, check=False
    )
    assert result.returncode == 0, result.stderr


LOCUSTFILE = """
from locust import HttpUser, constant, events, task
class Mine(HttpUser):
    wait_time = constant(0.05)
    @task
    def go(self): self.client.get("/a")
@events.init.add_listener
def init(environment, web_ui, **_):
    @web_ui.app.route("/mine")
    def mine(): return f"{environment.stats.num_requests} so far"
"""


def load_with_ui(tmp_path: Path, url: str, seen: list[Event]) -> LoadProcess:
    (tmp_path / "mine.py").write_text(LOCUSTFILE)
    text = f"target: {{url: '{url}'}}\nload: {{users: 2, duration: 60s, locustfile: mine.py}}\n"
    plan = plan_of(parse_profile(text, str(tmp_path / "p.yaml"), environment={})[0])
    return LoadProcess(
        replace(plan, locust_ui="127.0.0.1:0"),
        time.monotonic(),
        tmp_path / "load.log",
        lambda _: None,
        seen.append,
    )


def test_a_locustfiles_load_serves_it_with_the_routes_that_the_locustfile_adds(
    tmp_path: Path,
) -> None:
    seen: list[Event] = []
    with counting_server() as (url, asked):
        load = load_with_ui(tmp_path, url, seen)
        try:
            load.start(PATIENCE)
            [said] = [event.text for event in seen if event.kind == "view"]
            while asked["/a"] < 2:
                time.sleep(0.05)
            with urllib.request.urlopen(said.split()[-1] + "mine", timeout=PATIENCE) as answer:
                assert int(answer.read().split()[0]) > 0
        finally:
            load.stop()


@pytest.mark.parametrize(
    ("text", "where"),
    [("8089", "127.0.0.1:8089"), ("localhost:1", "localhost:1"), ("[::1]:9", "[::1]:9")],
)
def test_its_address_is_this_machines_own(text: str, where: str) -> None:
    assert ViewOptions.of({"locust_ui": text}).locust_ui == where
    with pytest.raises(UsageError, match="served to this machine alone"):
        ViewOptions.of({"locust_ui": "0.0.0.0:8089"})
