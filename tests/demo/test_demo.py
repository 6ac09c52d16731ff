"""The bundled service leaks what it is told to, by the amount it says, where it says, and otherwise stays healthy."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from requests import ConnectionError as ConnectionFailure
from requests import Session

from tests.targets import Target, running

N = 50
PAGE = 66 * 1024
DEMO = [sys.executable, "-m", "soak.demo"]
RESIDENT, DESCRIPTORS, THREADS = (
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_threads",
)
IN_USE, IDLE = "db_pool_connections_in_use", "db_pool_connections_idle"
ROUND = [
    ("GET", "/healthz", 200),
    ("GET", "/products/7", 200),
    ("GET", "/search?q=lamp", 200),
    ("GET", "/orders", 200),
    ("POST", "/orders", 201),
    ("GET", "/invoices/latest", 200),
    ("GET", "/shipping/de", 200),
    ("GET", "/shipping/is", 200),
]


@pytest.fixture
def http() -> Iterator[Session]:
    with Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture(scope="module")
def healthy() -> Iterator[Target]:
    with running(DEMO) as target:
        yield target


def send(http: Session, target: Target, method: str, path: str, status: int) -> None:
    order = {"product": 7, "quantity": 2} if method == "POST" else None
    assert http.request(method, target.url + path, json=order).status_code == status


def scrape(http: Session, target: Target) -> dict[str, float]:
    """The unlabelled series of /metrics."""
    families = text_string_to_metric_families(http.get(f"{target.url}/metrics").text)
    return {
        sample.name: sample.value
        for family in families
        for sample in family.samples
        if not sample.labels
    }


def growth(
    http: Session, target: Target, *requests: tuple[str, str, int], turns: int = N
) -> dict[str, float]:
    """What so many turns of the requests add to each series."""
    before = scrape(http, target)
    for _ in range(turns):
        for request in requests:
            send(http, target, *request)
    return {name: value - before[name] for name, value in scrape(http, target).items()}


def test_without_a_leak_nothing_grows(http: Session, healthy: Target) -> None:
    grown = growth(http, healthy, *ROUND)
    assert grown[RESIDENT] < 200_000
    assert {name: grown[name] for name in (DESCRIPTORS, THREADS, IN_USE, IDLE)} == dict.fromkeys(
        (DESCRIPTORS, THREADS, IN_USE, IDLE), 0
    )


@pytest.mark.parametrize(
    ("leak", "request_", "series"),
    [
        ("descriptors", ("GET", "/invoices/latest", 200), {DESCRIPTORS: N, THREADS: 0, IN_USE: 0}),
        ("threads", ("POST", "/orders", 201), {DESCRIPTORS: 0, THREADS: N, IN_USE: 0}),
        (
            "pool",
            ("GET", "/shipping/is", 200),
            {DESCRIPTORS: N - 8, THREADS: 0, IN_USE: N, IDLE: -8},
        ),
    ],
)
def test_a_leak_keeps_one_thing_a_request_behind_one_endpoint(
    http: Session, leak: str, request_: tuple[str, str, int], series: dict[str, float]
) -> None:
    with running([*DEMO, "--leak", leak, "--warm-up", "1"]) as target:
        others = [request for request in ROUND if request != request_]
        elsewhere = growth(http, target, *others)
        grown = growth(http, target, request_)
    assert [elsewhere[name] for name in (DESCRIPTORS, THREADS, IN_USE)] == [0, 0, 0]
    assert {name: grown[name] for name in series} == series


def test_the_memory_leak_keeps_a_page_a_request(http: Session) -> None:
    with running([*DEMO, "--leak", "memory"]) as target:
        elsewhere = growth(
            http, target, *(request for request in ROUND if "/search" not in request[1])
        )
        grown = growth(http, target, ("GET", "/search?q=lamp", 200), turns=6 * N)
    assert elsewhere[RESIDENT] < 200_000
    # The first pages fill what the warm-up left free: up to 1 MiB.
    assert 6 * N * PAGE - 2**20 < grown[RESIDENT] < 1.1 * 6 * N * PAGE
    assert [grown[name] for name in (DESCRIPTORS, THREADS, IN_USE)] == [0, 0, 0]


def test_connections_do_not_show_in_the_thread_count(healthy: Target) -> None:
    sessions = [Session() for _ in range(20)]
    counts = {scrape(session, healthy)[THREADS] for session in sessions for _ in range(2)}
    for session in sessions:
        session.close()
    assert len(counts) == 1


def test_the_pool_gives_way_to_concurrent_requests(healthy: Target) -> None:
    failures: list[int] = []

    def client() -> None:
        with Session() as session:
            for _ in range(20):
                status = session.post(f"{healthy.url}/orders", json={"product": 1}).status_code
                if status != 201:
                    failures.append(status)

    clients = [threading.Thread(target=client) for _ in range(10)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    assert failures == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/products/0", None, 404),
        ("GET", "/orders/1000000", None, 404),
        ("GET", "/nothing", None, 404),
        ("DELETE", "/orders", None, 405),
        ("POST", "/orders", "{", 400),
        ("POST", "/orders", "[]", 400),
        ("POST", "/orders", '{"product": true}', 400),
        ("POST", "/orders", '{"product": 7, "quantity": -1}', 400),
        ("POST", "/orders", '{"product": 201}', 404),
        ("POST", "/orders", "x" * (1 << 20) + "x", 413),
    ],
)
def test_bad_requests_are_refused(
    http: Session, healthy: Target, method: str, path: str, body: str | None, status: int
) -> None:
    headers = {"Content-Type": "application/json"} if body else {}
    try:
        answer = http.request(method, healthy.url + path, data=body, headers=headers)
    except ConnectionFailure:
        assert status == 413  # refused before it was read
    else:
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--leak", "everything"], "invalid choice: 'everything'"),
        (["--port", "http"], "'http' is no port"),
        (["--port", "70000"], "'70000' is no port"),
        (["--warm-up", "-1"], "'-1' is no number of rounds"),
        (["--warm-up", "many"], "'many' is no number of rounds"),
        (["--verbose"], "unrecognized arguments: --verbose"),
    ],
)
def test_bad_arguments_exit_2_with_one_line(arguments: list[str], complaint: str) -> None:
    result = subprocess.run(
        [*DEMO, *arguments], capture_output=True, text=True, timeout=600, check=False
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert complaint in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_taken_port_exits_1_with_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = subprocess.run(
            [*DEMO, "--port", port], capture_output=True, text=True, timeout=600, check=False
        )
    assert result.returncode == 1
    assert result.stderr == f"python -m soak.demo: port {port}: Address already in use\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    process = subprocess.Popen(
        [*DEMO, "--leak", "threads", "--warm-up", "0"], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("listening on http://127.0.0.1:")
        assert len(list(tmp_path.iterdir())) == 1
        process.send_signal(number)
        assert process.wait(5) == 0
    assert list(tmp_path.iterdir()) == []
