"""The load's process against a real server."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from soak.errors import LoadError, ProfileError
from soak.load.plan.plan import Plan
from soak.load.plan.tls_options import TlsOptions
from soak.load.supervisor.compile_plan import plan_of
from soak.load.supervisor.load_process import LoadProcess
from soak.profile import parse_profile
from soak.windows import Window
from tests.sampling.serving import http, serving

OK = http("hello")


def plan(url: str, load: str, endpoints: str = "[GET /a]") -> Plan:
    text = f"target: {{url: '{url}'}}\nsample: 0.5s\nload: {{{load}}}\nendpoints: {endpoints}\n"
    return plan_of(parse_profile(text, str(Path(__file__).parent / "p.yaml"), environment={})[0])


def drive(plan: Plan, tmp_path: Path) -> tuple[LoadProcess, list[Window]]:
    windows: list[Window] = []
    load = LoadProcess(plan, time.monotonic(), tmp_path / "load.log", windows.append)
    load.start()
    assert load.wait(30)
    load.stop()
    assert load.failure is None
    return load, windows


def requests(windows: list[Window]) -> Counter[str]:
    return Counter(
        {
            e.endpoint: sum(
                s.requests for w in windows for s in w.endpoints if s.endpoint == e.endpoint
            )
            for w in windows
            for e in w.endpoints
        }
    )


def failures(windows: list[Window]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for window in windows:
        for seen in window.endpoints:
            counts.update(seen.failures)
    return counts


def test_an_open_load_makes_its_arrivals_on_schedule_by_weight(tmp_path: Path) -> None:
    with serving(OK) as url:
        mix = "[{request: GET /a, weight: 3}, GET /b]"
        load, windows = drive(plan(url, "rate: 200/s, ramp: 1s, duration: 2s", mix), tmp_path)
    counted = requests(windows)
    assert sum(counted.values()) == pytest.approx(100 + 400, abs=3)
    assert counted["GET /a"] / sum(counted.values()) == pytest.approx(0.75, abs=0.07)
    assert failures(windows) == {}
    assert load.started is not None
    assert load.finished is not None
    assert load.finished - load.started == pytest.approx(3.0, abs=0.5)
    assert len(windows) >= 6


def test_closed_users_each_wait_for_their_answer(tmp_path: Path) -> None:
    def slowly(connection: object) -> None:
        for _ in range(100):
            time.sleep(0.1)
            connection.sendall(OK)  # type: ignore[attr-defined]
            if not connection.recv(65536):  # type: ignore[attr-defined]
                return

    with serving(slowly) as url:
        _, windows = drive(plan(url, "users: 4, duration: 2s"), tmp_path)
    assert max(window.users for window in windows) == 4
    assert sum(requests(windows).values()) <= 4 * 2 / 0.1 + 4
    assert sum(requests(windows).values()) >= 40
    medians = [
        seen.latency.quantile(0.5)
        for window in windows
        for seen in window.endpoints
        if seen.latency.total()
    ]
    assert min(m for m in medians if m) >= 0.098


@pytest.mark.parametrize(
    ("answer", "expect", "kind"),
    [
        (http("no", "500 Internal Server Error"), "", "status 500"),
        (OK, ", expect: {status: 201}", "status 200"),
        (http("no", "404 Not Found"), ", expect: {status: [200, 404]}", None),
        (b"garbage\r\n\r\n", "", "protocol"),
    ],
)
def test_what_counts_as_a_failure(
    tmp_path: Path, answer: bytes, expect: str, kind: str | None
) -> None:
    with serving(answer) as url:
        _, windows = drive(
            plan(url, "rate: 20/s, duration: 1s", f"[{{request: GET /a{expect}}}]"), tmp_path
        )
    counted = failures(windows)
    if kind is None:
        assert counted == {}
    else:
        assert sum(counted.values()) == sum(requests(windows).values()) > 10
        assert all(name.startswith(kind) for name in counted), counted


def test_a_refused_connection_is_its_own_kind_and_does_not_spin(tmp_path: Path) -> None:
    with serving(OK) as url:
        pass  # nobody listens there any more
    _, windows = drive(plan(url, "users: 2, duration: 1s"), tmp_path)
    assert set(failures(windows)) == {"connect: refused"}
    assert sum(requests(windows).values()) < 60


def test_an_answer_that_never_comes_is_a_timeout(tmp_path: Path) -> None:
    with serving(lambda connection: time.sleep(3)) as url:
        _, windows = drive(plan(url, "users: 1, duration: 2s, timeout: 500ms"), tmp_path)
    assert set(failures(windows)) == {"timeout"}


def test_bodies_and_headers_arrive_as_the_profile_says(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def keep(connection: object) -> None:
        connection.sendall(OK)  # type: ignore[attr-defined]
        for _ in range(200):
            data = connection.recv(65536)  # type: ignore[attr-defined]
            if not data:
                return
            seen.append(data)
            connection.sendall(OK)  # type: ignore[attr-defined]

    endpoint = "[{request: 'POST /b?x=1', headers: {X-Test: yes-1}, json: {a: [1, 'ü']}, expect: {status: 200}}]"
    with serving(keep) as url:
        drive(plan(f"{url}/base", "users: 1, duration: 1s", endpoint), tmp_path)
    text = seen[0].decode()
    assert text.startswith("POST /base/b?x=1 HTTP/1.1\r\n")
    assert "x-test: yes-1" in text.lower()
    assert "content-type: application/json" in text.lower()
    assert text.endswith('{"a": [1, "\\u00fc"]}')


@pytest.mark.parametrize("trace", ["on", "off", "{header: true}"])
def test_requests_carry_trace_ids_that_the_windows_name(tmp_path: Path, trace: str) -> None:
    seen: list[bytes] = []

    def keep(connection: object) -> None:
        while True:
            connection.sendall(http("no", "500 Broken"))  # type: ignore[attr-defined]
            data = connection.recv(65536)  # type: ignore[attr-defined]
            if not data:
                return
            seen.append(data)

    with serving(keep) as url:
        text = f"target: {{url: '{url}'}}\nsample: 0.5s\nload: {{users: 1, duration: 1s}}\nendpoints: [GET /a]\ntrace: {trace}\n"
        _, windows = drive(plan_of(parse_profile(text, "p.yaml", environment={})[0]), tmp_path)
    sent = {
        trace_id.decode()
        for data in seen
        for trace_id in re.findall(rb"traceparent: 00-(\w{32})-\w{16}-01\r\n", data)
    }
    alone = {
        trace_id.decode()
        for data in seen
        for trace_id in re.findall(rb"X-Trace-ID: (\w{32})\r\n", data)
    }
    kept = [exemplar for window in windows for exemplar in window.exemplars]
    assert [(example.failure, example.status) for example in kept] == [("status 500", 500)] * 5
    assert all(0 < example.time < 30 for example in kept)
    if trace == "off":
        assert (sent, alone, {example.trace for example in kept}) == (set(), set(), {""})
    else:
        assert len(sent) == len(seen)
        assert (
            len({example.trace for example in kept} & sent) >= 4
        )  # the first request is not among those seen
        assert alone == (sent if "header" in trace else set())


def test_windows_say_how_the_generator_fared(tmp_path: Path) -> None:
    with serving(OK) as url:
        _, windows = drive(plan(url, "rate: 100/s, duration: 2s"), tmp_path)
    generators = [window.generator for window in windows]
    assert all(fared is not None and fared.memory > 10 << 20 for fared in generators)
    assert sum(fared.asked or 0 for fared in generators if fared) == pytest.approx(200, abs=1)
    assert 0 < sum(fared.cpu_seconds for fared in generators if fared) < 2.5


def test_a_stop_ends_the_load_in_order(tmp_path: Path) -> None:
    with serving(OK) as url:
        windows: list[Window] = []
        load = LoadProcess(
            plan(url, "rate: 50/s, duration: 1h"),
            time.monotonic(),
            tmp_path / "load.log",
            windows.append,
        )
        load.start()
        time.sleep(1.2)
        load.stop()
    assert load.failure is None
    assert load.finished is not None
    assert sum(requests(windows).values()) > 30


def test_the_load_ends_within_two_seconds_of_its_supervisor(tmp_path: Path) -> None:
    with serving(OK) as url:
        code = f"""
import time
from pathlib import Path
from soak.load.plan.plan import Plan
from soak.load.supervisor.load_process import LoadProcess
plan = Plan.from_json({plan(url, "users: 2, duration: 1h").to_json()!r})
load = LoadProcess(plan, time.monotonic(), Path({str(tmp_path / "load.log")!r}), lambda window: None)
load.start()
print(load._process.pid, flush=True)
time.sleep(60)
"""
        supervisor = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
        )
        assert supervisor.stdout is not None
        child = psutil.Process(int(supervisor.stdout.readline()))
        os.kill(supervisor.pid, signal.SIGKILL)
        supervisor.wait()
        supervisor.stdout.close()
        deadline = time.monotonic() + 2.0
        while not ended(child) and time.monotonic() < deadline:
            time.sleep(0.05)
        in_time = ended(child)
        if not in_time:
            child.kill()
        assert in_time


def ended(process: psutil.Process) -> bool:
    """Gone, or a zombie that whoever adopted it has yet to collect."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_load_that_dies_says_so(tmp_path: Path) -> None:
    with serving(OK) as url:
        load = LoadProcess(
            plan(url, "rate: 20/s, duration: 1h"),
            time.monotonic(),
            tmp_path / "load.log",
            lambda window: None,
        )
        load.start()
        assert load._process is not None
        os.kill(load._process.pid, signal.SIGKILL)
        assert load.wait(5)
        load.stop()
    assert load.failure == "the load process was killed by signal 9 before the load was done"


def locust_plan(url: str, path: Path) -> Plan:
    text = f"target: {{url: '{url}'}}\nsample: 0.5s\nload: {{users: 3, duration: 2s, locustfile: {path}}}\n"
    return plan_of(parse_profile(text, "p.yaml", environment={})[0])


def test_own_locust_users_are_recorded_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from locust import FastHttpUser, constant, task\n"
        "print('this must not reach the supervisor')\n"
        "class Mine(FastHttpUser):\n"
        "    wait_time = constant(0.05)\n"
        "    @task\n"
        "    def go(self):\n"
        "        self.client.get('/x', name='/named')\n"
        "        with self.client.get('/y', catch_response=True) as answer:\n"
        "            answer.failure('not what I wanted')\n"
    )
    with serving(OK) as url:
        _, windows = drive(locust_plan(url, path), tmp_path)
    counted = requests(windows)
    assert set(counted) == {"GET /named", "GET /y"}
    assert counted["GET /named"] > 20
    assert sum(failures(windows).values()) == counted["GET /y"]
    assert "this must not" in (tmp_path / "load.log").read_text()


def test_a_log_that_is_full_is_begun_anew_and_the_last_two_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soak.load.supervisor.load_process.MAX_LOG_BYTES", 10_000)
    path = tmp_path / "mine.py"
    path.write_text(
        "from locust import FastHttpUser, constant, task\n"
        "class Mine(FastHttpUser):\n"
        "    wait_time = constant(0.02)\n"
        "    @task\n"
        "    def go(self):\n"
        "        print('x' * 500)\n"
        "        self.client.get('/x')\n"
    )
    with serving(OK) as url:
        drive(locust_plan(url, path), tmp_path)
    kept = {file.name: file.stat() for file in tmp_path.glob("load.log*")}
    assert set(kept) == {"load.log", "load.log.1"}
    assert max(log.st_size for log in kept.values()) < 11_000
    assert {log.st_mode & 0o777 for log in kept.values()} == {0o600}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 1\n", "has no Locust user class"),
        ("import nothing_there\n", "No module named"),
        ("def (\n", "SyntaxError"),
    ],
)
def test_a_locustfile_that_cannot_be_used(tmp_path: Path, source: str, expected: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(source)
    load = LoadProcess(
        locust_plan("http://127.0.0.1:9", path),
        time.monotonic(),
        tmp_path / "load.log",
        lambda window: None,
    )
    with pytest.raises(LoadError, match=expected):
        load.start()


def test_a_tls_file_that_cannot_be_used_fails_at_once(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing\n")
    asked = plan("https://127.0.0.1:9", "users: 1, duration: 1s")
    asked = replace(asked, tls=TlsOptions(ca=str(tmp_path / "ca.pem")))
    load = LoadProcess(asked, time.monotonic(), tmp_path / "load.log", lambda window: None)
    with pytest.raises(LoadError, match="could not start"):
        load.start()


def test_arrivals_at_random_have_service_times_too(tmp_path: Path) -> None:
    with serving(OK) as url:
        _, windows = drive(plan(url, "rate: 100/s, duration: 1s, arrivals: poisson"), tmp_path)
    seen = [endpoint for window in windows for endpoint in window.endpoints]
    assert (
        sum(endpoint_window.service.total() for endpoint_window in seen)
        == sum(endpoint_window.latency.total() for endpoint_window in seen)
        > 50
    )
    assert sum(endpoint_window.dropped for endpoint_window in seen) == 0


def test_the_plan_says_how_the_profile_wants_to_be_connected(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    text = """
target: {url: 'https://a.example.com', allow: ['*.example.com'], tls: {ca: ca.pem}}
load: {users: 1, duration: 1s, cookies: false, redirects: true}
endpoints: [GET /]
"""
    planned = plan_of(parse_profile(text, str(tmp_path / "p.yaml"), environment={})[0])
    assert Plan.from_json(planned.to_json()) == planned
    assert planned.tls == TlsOptions(ca=str(tmp_path / "ca.pem"))
    assert (planned.cookies, planned.redirects, planned.allow) == (False, True, ("*.example.com",))
    with pytest.raises(ProfileError, match=r"target\.tls\.ca: no file other\.pem"):
        parse_profile(text.replace("ca.pem", "other.pem"), str(tmp_path / "p.yaml"), environment={})
