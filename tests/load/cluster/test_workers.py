"""A master and its workers against a real server: the load is whole, and so are the windows; losses are noticed and marked."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from soak.errors import LoadError
from soak.load.plan.plan import Plan
from soak.load.supervisor.load_process import LoadProcess
from soak.model import Event
from soak.windows import Window, WorkerCoverage
from tests.load.supervisor.test_load_process import OK, ended, locust_plan, plan, requests
from tests.sampling.serving import free_port, serving

#: Ends a test that hangs, in seconds: no test measures time by it.
PATIENCE = 120.0


@dataclass
class Driven:
    load: LoadProcess
    windows: list[Window] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def workers(self) -> list[psutil.Process]:
        assert self.load._process is not None
        return psutil.Process(self.load._process.pid).children()

    def coverages(self) -> list[WorkerCoverage]:
        return [window.coverage for window in self.windows if window.coverage is not None]


@contextmanager
def driving(asked: Plan, tmp_path: Path) -> Iterator[Driven]:
    driven = Driven(None)  # type: ignore[arg-type]
    load = LoadProcess(
        asked, time.monotonic(), tmp_path / "load.log", driven.windows.append, driven.events.append
    )
    driven.load = load
    try:
        load.start()
        yield driven
    finally:
        load.stop()


def test_two_processes_make_the_arrivals_of_one(tmp_path: Path) -> None:
    with serving(OK) as url:
        mix = "[{request: GET /a, weight: 3}, GET /b]"
        with driving(
            plan(url, "rate: 200/s, ramp: 1s, duration: 2s, processes: 2", mix), tmp_path
        ) as driven:
            assert driven.load.wait(PATIENCE)
    load = driven.load
    assert load.failure is None
    counted = requests(driven.windows)
    assert sum(counted.values()) == 100 + 400
    assert counted["GET /a"] / 500 == pytest.approx(0.75, abs=0.08)
    assert driven.coverages() == [WorkerCoverage(2, 2, 1.0)] * len(driven.windows)
    assert load.started is not None
    assert load.finished is not None
    assert load.finished - load.started == pytest.approx(3.0, abs=0.5)
    ends = [window.time - load.started for window in driven.windows[:6]]
    assert ends == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.5, 3.0], abs=0.3)


def test_closed_users_are_divided_and_none_is_lost(tmp_path: Path) -> None:
    def slowly(connection: object) -> None:
        for _ in range(100):
            time.sleep(0.1)
            connection.sendall(OK)  # type: ignore[attr-defined]
            if not connection.recv(65536):  # type: ignore[attr-defined]
                return

    with (
        serving(slowly) as url,
        driving(plan(url, "users: 5, duration: 2s, processes: 2"), tmp_path) as driven,
    ):
        assert driven.load.wait(PATIENCE)
    assert max(window.users for window in driven.windows) == 5
    assert 50 <= sum(requests(driven.windows).values()) <= 5 * 2 / 0.1 + 5


def test_own_locust_users_are_divided_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from locust import FastHttpUser, constant, task\n"
        "class Many(FastHttpUser):\n"
        "    wait_time = constant(0.1)\n"
        "    @task\n"
        "    def go(self):\n"
        "        self.client.get('/many')\n"
        "class One(FastHttpUser):\n"
        "    fixed_count = 1\n"
        "    wait_time = constant(0.1)\n"
        "    @task\n"
        "    def go(self):\n"
        "        self.client.get('/one')\n"
    )
    with serving(OK) as url:
        asked = Plan.from_json(locust_plan(url, path).to_json().replace('"distributed": null', TWO))
        with driving(asked, tmp_path) as driven:
            assert driven.load.wait(PATIENCE)
    assert driven.load.failure is None
    assert max(window.users for window in driven.windows) == 3
    counted = requests(driven.windows)
    # Of three users one is the fixed one, on all workers together.
    assert counted["GET /many"] / counted["GET /one"] == pytest.approx(2.0, rel=0.3)


TWO = '"distributed": {"processes": 2, "expect": 0, "bind": "", "wait": 30.0, "lost": "rebalance"}'


def test_a_killed_worker_is_noticed_marked_and_made_up_for(tmp_path: Path) -> None:
    with (
        serving(OK) as url,
        driving(plan(url, "rate: 120/s, duration: 6s, processes: 3"), tmp_path) as driven,
    ):
        time.sleep(1.7)
        victim = driven.workers()[0]
        killed = time.monotonic() - driven.load._origin
        victim.kill()
        assert driven.load.wait(PATIENCE)
    assert driven.load.failure is None
    [event] = driven.events
    assert event.kind == "worker"
    assert 0 <= event.time - killed < 3
    assert f"process {victim.pid}) was killed by signal 9" in event.text
    assert "the 2 others take over its share" in event.text
    coverages = driven.coverages()
    assert coverages[0] == WorkerCoverage(3, 3, 1.0)
    short = [coverage for coverage in coverages if coverage.covered < 1]
    assert set(short) == {WorkerCoverage(2, 3, 2 / 3)}
    assert 1 <= len(short) <= 7  # within 3 s and what it takes to take over
    assert coverages[-2] == WorkerCoverage(2, 3, 1.0)
    # The last two seconds have the whole rate again.
    after = [window for window in driven.windows if window.coverage == WorkerCoverage(2, 3, 1.0)][
        1:5
    ]
    assert sum(requests(after).values()) / sum(window.seconds for window in after) == pytest.approx(
        120, rel=0.15
    )


def test_a_worker_that_falls_silent_is_noticed_and_its_users_run_elsewhere(tmp_path: Path) -> None:
    with (
        serving(OK) as url,
        driving(plan(url, "users: 4, duration: 6s, processes: 2"), tmp_path) as driven,
    ):
        time.sleep(1.2)
        stopped = time.monotonic() - driven.load._origin
        driven.workers()[0].send_signal(signal.SIGSTOP)
        assert driven.load.wait(PATIENCE)
    [event] = driven.events
    assert 0 < event.time - stopped < 3.0
    assert "was not heard of for" in event.text
    assert driven.windows[-2].users == 4
    assert driven.coverages()[-2] == WorkerCoverage(1, 2, 1.0)


def test_a_machine_that_stands_still_loses_no_worker(tmp_path: Path) -> None:
    """All processes are stopped for longer than a silence may last, as when a laptop or a machine is suspended."""
    with (
        serving(OK) as url,
        driving(plan(url, "users: 4, duration: 6s, processes: 2"), tmp_path) as driven,
    ):
        assert driven.load._process is not None
        time.sleep(1.2)
        family = [driven.load._process.pid, *(worker.pid for worker in driven.workers())]
        for signalled in (signal.SIGSTOP, signal.SIGCONT):
            for pid in family:
                os.kill(pid, signalled)
            time.sleep(3.5)
        assert driven.load.wait(PATIENCE)
    assert driven.load.failure is None
    assert driven.events == []
    assert driven.coverages()[-2] == WorkerCoverage(2, 2, 1.0)


def test_the_run_is_broken_where_that_is_asked_for(tmp_path: Path) -> None:
    asked = "rate: 20/s, duration: 1h, processes: 2, workers: {lost: break}"
    with serving(OK) as url, driving(plan(url, asked), tmp_path) as driven:
        workers = driven.workers()
        workers[1].kill()
        assert driven.load.wait(PATIENCE)
        assert driven.load.failure is not None
        assert "was killed by signal 9" in driven.load.failure
        assert driven.load.failure.endswith("and load.workers.lost is break")
        assert all_ended(workers, PATIENCE)


def test_with_no_worker_left_the_run_is_broken(tmp_path: Path) -> None:
    with (
        serving(OK) as url,
        driving(plan(url, "rate: 20/s, duration: 1h, processes: 2"), tmp_path) as driven,
    ):
        for worker in driven.workers():
            worker.kill()
        assert driven.load.wait(PATIENCE)
        assert driven.load.failure is not None
        assert "no worker is left" in driven.load.failure


def all_ended(processes: list[psutil.Process], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not all(map(ended, processes)):
        time.sleep(0.05)
    return all(map(ended, processes))


def test_a_stop_ends_all_workers_in_order_with_their_last_windows(tmp_path: Path) -> None:
    with (
        serving(OK) as url,
        driving(plan(url, "rate: 50/s, duration: 1h, processes: 2"), tmp_path) as driven,
    ):
        workers = driven.workers()
        time.sleep(1.2)
        driven.load.stop()
        assert all_ended(workers, PATIENCE)
    assert driven.load.failure is None
    assert driven.load.finished is not None
    assert driven.load.started is not None
    made = sum(requests(driven.windows).values())
    assert made == pytest.approx(50 * (driven.load.finished - driven.load.started), abs=8)


@pytest.mark.parametrize("victim", ["supervisor", "master"])
def test_no_worker_outlives_its_supervisor_or_its_master(tmp_path: Path, victim: str) -> None:
    with serving(OK) as url:
        code = f"""
import time
from pathlib import Path
from soak.load.plan.plan import Plan
from soak.load.supervisor.load_process import LoadProcess
plan = Plan.from_json({plan(url, "users: 2, duration: 1h, processes: 2").to_json()!r})
load = LoadProcess(plan, time.monotonic(), Path({str(tmp_path / "load.log")!r}), lambda window: None)
load.start()
print(load._process.pid, flush=True)
time.sleep(60)
"""
        supervisor = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
        )
        assert supervisor.stdout is not None
        master = psutil.Process(int(supervisor.stdout.readline()))
        workers = master.children()
        os.kill(supervisor.pid if victim == "supervisor" else master.pid, signal.SIGKILL)
        in_time = all_ended([*workers, master], PATIENCE)
        supervisor.kill()
        supervisor.wait()
        supervisor.stdout.close()
        for process in workers:
            if not ended(process):
                process.kill()
        assert len(workers) == 2
        assert in_time


def test_workers_that_do_not_come_are_waited_for_and_then_named(tmp_path: Path) -> None:
    workers = f"workers: {{expect: 2, bind: '127.0.0.1:{free_port()}', wait: 1s}}"
    asked = plan("http://127.0.0.1:9", f"rate: 20/s, duration: 1s, {workers}")
    with (
        pytest.raises(
            LoadError,
            match=r"0 of 2 workers joined at 127\.0\.0\.1:\d+ within 1 s.*soak worker --master",
        ),
        driving(asked, tmp_path),
    ):
        pass


def test_a_stop_ends_the_wait_for_workers(tmp_path: Path) -> None:
    workers = f"workers: {{expect: 1, bind: '127.0.0.1:{free_port()}'}}"
    asked = plan("http://127.0.0.1:9", f"rate: 20/s, duration: 1s, {workers}")
    load = LoadProcess(asked, time.monotonic(), tmp_path / "load.log", lambda _: None)
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    with pytest.raises(LoadError, match="stopped before the load began"):
        load.start(stop=stop)


def test_what_breaks_a_workers_load_breaks_the_run_and_says_why(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from locust import User\n"
        "from soak.load.locustfile import locustfile_load\n"
        "class Mine(User):\n"
        "    pass\n"
        "def broken(*_):\n"
        "    raise ValueError('no such shop')\n"
        "locustfile_load.LocustfileLoad.distribute = broken\n"
    )
    asked = Plan.from_json(
        locust_plan("http://127.0.0.1:9", path).to_json().replace('"distributed": null', TWO)
    )
    with driving(asked, tmp_path) as driven:
        assert driven.load.wait(PATIENCE)
        assert driven.load.failure is not None
        assert "ValueError: no such shop" in driven.load.failure
