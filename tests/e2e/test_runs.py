"""Whole runs against the demo service: what is left behind, and what becomes of faults and interruptions."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from soak.model import Ending, EventKind
from soak.profile import parse_profile
from soak.recording import load_recording
from soak.runner import Run
from tests.e2e.driving import SOAK, Outcome, soak, until_decided
from tests.sampling.serving import free_port
from tests.targets import Target, running

ROOT = Path(__file__).parents[2]
FILES = {
    "run.json",
    "profile.yaml",
    "recording.sqlite",
    "load.log",
    "analysis.json",
    "report.html",
    "junit.xml",
    "summary.md",
    "suspects.sarif",
}


@pytest.fixture
def shop() -> Iterator[Target]:
    with running([sys.executable, "-m", "soak.demo", "--port", "0"]) as target:
        yield target


def flags(url: str, duration: str = "8s") -> list[str]:
    return [
        "--url",
        url,
        "--endpoint",
        "GET /products/7",
        "--endpoint",
        "GET /orders",
        "--rate",
        "40/s",
        "--duration",
        duration,
    ]


def begin(directory: Path, arguments: list[str]) -> subprocess.Popen[str]:
    """A run in the background, returned once its windows arrive."""
    command = [*SOAK, *arguments, "--out", str(directory)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while (
        "phases" not in (directory / "run.json").read_text()
        if (directory / "run.json").exists()
        else True
    ):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    time.sleep(3)
    return process


def load_processes(supervisor: int) -> list[psutil.Process]:
    return [
        p for p in psutil.Process(supervisor).children(recursive=True) if "soak.load" in p.cmdline()
    ]


def still_running(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_a_run_leaves_everything_that_was_promised(shop: Target, tmp_path: Path) -> None:
    done = soak("run", *flags(shop.url), "--json", directory=tmp_path / "run")
    assert done.code in (0, 3), done.explain()
    assert {path.name for path in done.directory.iterdir()} == FILES
    analysis = json.loads(done.out)
    assert analysis == done.analysis
    assert analysis["run"]["ended"] == "completed"
    products, orders = analysis["endpoints"]
    assert (products["name"], orders["name"]) == ("GET /products/7", "GET /orders")
    assert products["requests"] + orders["requests"] == pytest.approx(320, abs=10)
    assert products["failures"] == 0
    assert 0 < products["p50"] <= products["p99"] <= products["max"]
    growing = {finding["series"] for finding in analysis["findings"] if finding["rule"] == "growth"}
    assert {
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_threads",
        "db_pool_connections_in_use",
    } <= growing
    run = json.loads((done.directory / "run.json").read_text())
    assert run["format_version"] == 3
    assert run["ended"] == "completed"
    assert [phase["name"] for phase in run["phases"]] == ["steady"]
    suite = ET.fromstring((done.directory / "junit.xml").read_text())
    assert int(suite.get("tests") or suite[0].get("tests") or 0) >= len(analysis["findings"])


def test_a_gross_leak_ends_a_run_early_where_that_is_asked_for(tmp_path: Path) -> None:
    settings = ["--set", "stop_early=true", "--set", "load.duration=180s"]

    def run(directory: Path) -> Outcome:
        return soak(
            "run",
            ROOT / "profiles" / "demo.yaml",
            *settings,
            directory=directory,
            SOAK_DEMO_LEAK="threads",
            SOAK_DEMO_PYTHON=sys.executable,
            SOAK_DEMO_PORT=str(free_port()),
        )

    done = until_decided(run, tmp_path, lambda outcome: outcome.analysis["run"]["ended"] == "early")
    assert done.code == 1, done.explain()
    assert "process_threads" in done.failing()
    assert done.analysis["run"]["ended"] == "early"
    assert done.analysis["run"]["seconds"] < 180


def test_a_run_can_be_judged_again_with_other_limits(shop: Target, tmp_path: Path) -> None:
    done = soak("run", *flags(shop.url), directory=tmp_path / "run")
    profile = done.directory / "profile.yaml"
    profile.write_text(profile.read_text() + "limits: {p50: 1ms, rate: 1000/s}\n")
    again = subprocess.run(
        [*SOAK, "report", str(done.directory), "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 1, again.stderr
    assert {"http_requests_per_second"} <= set(done.failing())


def test_secrets_stay_in_the_environment(shop: Target, tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(f"""
target: {{url: "{shop.url}"}}
load: {{users: 2, duration: 3s}}
endpoints:
  - request: GET /orders
    headers: {{Authorization: "Bearer ${{SOAK_TEST_TOKEN}}"}}
""")
    done = soak(
        "run",
        path,
        "--set",
        "endpoints.0.headers.X-Key=open-sesame-7",
        directory=tmp_path / "run",
        SOAK_TEST_TOKEN="hunter2",
    )
    assert done.code in (0, 3), done.explain()
    for file in done.directory.iterdir():
        assert b"hunter2" not in file.read_bytes(), file.name
        assert b"open-sesame-7" not in file.read_bytes(), file.name
    again = subprocess.run(
        [*SOAK, "report", str(done.directory)], capture_output=True, text=True, check=False
    )
    assert again.returncode == done.code, again.stderr


def test_ctrl_c_ends_the_run_in_order_with_a_report(shop: Target, tmp_path: Path) -> None:
    process = begin(tmp_path / "run", ["run", *flags(shop.url, "1h")])
    load = load_processes(process.pid)
    assert load
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 130, err
    assert still_running(load) == []
    analysis = json.loads((tmp_path / "run" / "analysis.json").read_text())
    assert analysis["run"]["ended"] == "interrupted"
    assert analysis["verdict"] != "pass"
    assert "was interrupted" in " ".join(out.split())


def test_ctrl_c_while_the_target_is_still_starting_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(f"""
target:
  url: http://127.0.0.1:9
  start: {{command: ["{sys.executable}", -c, "import time; time.sleep(60)"], timeout: 60s}}
load: {{users: 2, duration: 3s}}
endpoints: [GET /]
""")
    command = [*SOAK, "run", str(path), "--out", str(tmp_path / "run")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "run" / "target.log").exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 130, err
    assert not (tmp_path / "run").exists()


def test_a_view_that_breaks_ends_neither_the_run_nor_the_sampling(
    shop: Target, tmp_path: Path
) -> None:
    profile, text = parse_profile(
        f"target: {{url: '{shop.url}'}}\nsample: 0.2s\nload: {{users: 1, duration: 2s}}\nendpoints: [GET /orders]\n",
        "p.yaml",
    )

    def broken(_: object) -> None:
        raise ValueError("no screen")

    run = Run(profile, text, tmp_path / "run", watch=broken)
    run.run()
    recording = load_recording(tmp_path / "run")
    assert run.ended is Ending.COMPLETED
    assert [event.kind for event in recording.events].count(EventKind.WARNING) == 1
    assert all(health.scrapes >= 9 for health in recording.sources)


def test_ctrl_c_twice_stops_at_once(shop: Target, tmp_path: Path) -> None:
    process = begin(tmp_path / "run", ["run", *flags(shop.url, "1h")])
    load = load_processes(process.pid)
    process.send_signal(signal.SIGINT)
    time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=600)
    assert process.returncode == 130
    time.sleep(2)
    assert still_running(load) == []


def test_a_killed_run_keeps_its_recording_and_is_never_a_pass(shop: Target, tmp_path: Path) -> None:
    process = begin(tmp_path / "run", ["run", *flags(shop.url, "1h")])
    load = load_processes(process.pid)
    process.kill()
    process.communicate()
    time.sleep(2)
    assert still_running(load) == []
    again = subprocess.run(
        [*SOAK, "report", str(tmp_path / "run"), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 3, again.stderr
    analysis = json.loads(again.stdout)
    assert analysis["run"]["ended"] == "crashed"
    assert analysis["endpoints"][0]["requests"] > 20
    assert (tmp_path / "run" / "report.html").stat().st_size > 1000


def test_a_lost_load_is_exit_4_and_never_a_pass(shop: Target, tmp_path: Path) -> None:
    process = begin(tmp_path / "run", ["run", *flags(shop.url, "1h")])
    [load] = load_processes(process.pid)
    load.kill()
    process.communicate(timeout=600)
    assert process.returncode == 4
    analysis = json.loads((tmp_path / "run" / "analysis.json").read_text())
    assert analysis["verdict"] != "pass"
    assert "the load process was killed by signal 9 before the load was done" in analysis["reason"]
    assert analysis["run"]["ended"] == "aborted"


def test_a_target_that_dies_is_a_fail(tmp_path: Path) -> None:
    with running([sys.executable, "-m", "soak.demo", "--port", "0"]) as shop:
        process = begin(tmp_path / "run", ["run", *flags(shop.url, "14s")])
        os.kill(shop.pid, signal.SIGTERM)
        out, err = process.communicate(timeout=600)
    assert process.returncode == 1, out + err
    analysis = json.loads((tmp_path / "run" / "analysis.json").read_text())
    [finding] = [finding for finding in analysis["findings"] if finding["verdict"] == "fail"]
    assert finding["rule"] == "restart"
    assert finding["reason"].startswith(("The target died", "The target ended"))


def test_a_target_that_restarts_is_a_fail_and_no_fit_crosses_it(tmp_path: Path) -> None:
    port_of = re.compile(r":(\d+)$")
    with running([sys.executable, "-m", "soak.demo", "--port", "0"]) as first:
        match = port_of.search(first.url)
        assert match is not None
        process = begin(
            tmp_path / "run", ["run", *flags(first.url, "14s"), "--process", f"port:{match[1]}"]
        )
    with running([sys.executable, "-m", "soak.demo", "--port", match[1]]):
        process.communicate(timeout=600)
    assert process.returncode == 1
    analysis = json.loads((tmp_path / "run" / "analysis.json").read_text())
    [finding] = [finding for finding in analysis["findings"] if finding["verdict"] == "fail"]
    assert finding["rule"] == "restart"
    assert "replaced once" in finding["reason"]


def test_a_locustfile_and_check_probe(shop: Target, tmp_path: Path) -> None:
    profile = Path(__file__).parents[2] / "profiles" / "locustfile.yaml"
    done = soak(
        "run",
        profile,
        "--duration",
        "6s",
        "--ramp",
        "1s",
        "--users",
        "5",
        directory=tmp_path / "run",
        SOAK_TARGET=shop.url,
    )
    assert done.code in (0, 3), done.explain()
    names = {endpoint["name"] for endpoint in done.analysis["endpoints"]}
    assert names == {"GET /orders", "GET /products/{id}", "POST /orders"}
    assert all(endpoint["failures"] == 0 for endpoint in done.analysis["endpoints"])


def test_check_probe_asks_each_endpoint_and_source_once(shop: Target, tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(f"""
target: {{url: "{shop.url}"}}
sources: [{{prometheus: {{url: /metrics}}}}, {{prometheus: {{url: /nowhere}}}}]
load: {{users: 2, duration: 3s}}
endpoints: [GET /orders, {{request: GET /nothing}}, {{request: POST /orders, json: {{product: 7}}, expect: {{status: 201}}}}]
""")
    done = subprocess.run(
        [*SOAK, "check", str(path), "--probe"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert "  ok   GET /orders: 200, " in done.stdout
    assert "  FAIL GET /nothing: 404, " in done.stdout
    assert "  ok   POST /orders: 201, " in done.stdout
    assert "  ok   prometheus: " in done.stdout
    assert "  FAIL prometheus-2: " in done.stdout
    assert "answered 404" in done.stdout
