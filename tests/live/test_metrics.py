"""What Prometheus is told of a run under way."""

import json
import re
import shutil
import subprocess
from importlib.resources import files

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from soak.latency import Histogram, bucket_of
from soak.live.address import Address
from soak.live.exporter import Exporter
from soak.live.judge import Judgement
from soak.live.progress import Live
from soak.live.prometheus_metrics import RunCollector
from soak.model import Scrape
from soak.windows import EndpointWindow, GeneratorWindow, Window
from tests.live.test_lines import DAY, LEAK, STEADY, judged
from tests.live.test_server import ask


def live() -> Live:
    seen = Live()
    latency = Histogram({bucket_of(0.010): 90, bucket_of(0.5): 8})
    hostile = 'GET /"\\\n'
    for second in range(10):
        windows = (
            EndpointWindow(
                "GET /", 100, {"timeout": 2}, 1000, latency, Histogram(), late=1, dropped=3
            ),
            EndpointWindow(hostile, 1, {}, 1, Histogram({5: 1}), Histogram()),
        )
        seen.saw(
            Window(second + 1.0, 1.0, 7, windows, GeneratorWindow(0.25, 0.25, 0.004, 60_000_000))
        )
        seen.saw(
            Scrape("process", float(second), 0.125, 0.0, (), "refused" if second == 3 else None)
        )
    return seen


def text(judgement: Judgement | None) -> str:
    registry = CollectorRegistry()
    registry.register(RunCollector("orders", live(), lambda: judgement))
    return generate_latest(registry).decode()


def values(judgement: Judgement | None) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text(judgement))
        for sample in family.samples
    }


def test_load_sampler_and_generator() -> None:
    metrics = values(None)
    endpoint = (("endpoint", "GET /"),)
    assert metrics["soak_load_requests_total", endpoint] == 1000
    assert (
        metrics["soak_load_request_failures_total", (("endpoint", "GET /"), ("reason", "timeout"))]
        == 20
    )
    assert metrics["soak_load_dropped_arrivals_total", endpoint] == 30
    assert metrics["soak_load_request_duration_seconds_count", endpoint] == 980
    assert metrics["soak_load_request_duration_seconds_sum", endpoint] == pytest.approx(
        900 * 0.01 + 80 * 0.5, rel=0.02
    )
    assert metrics["soak_sampler_scrape_failures_total", (("source", "process"),)] == 1
    assert metrics["soak_generator_cpu_ratio", ()] == 0.25
    assert metrics["soak_run_elapsed_seconds", ()] == 10.0
    assert metrics["soak_verdict", (("verdict", "pass"),)] == 0.0


def test_latency_buckets_hold_what_is_below_them() -> None:
    buckets = {
        float(dict(labels)["le"]): value
        for (name, labels), value in values(None).items()
        if name.endswith("_bucket") and dict(labels)["endpoint"] == "GET /"
    }
    assert sorted(buckets.values()) == [buckets[bound] for bound in sorted(buckets)]
    assert {value for bound, value in buckets.items() if bound < 0.009} == {0.0}
    assert {value for bound, value in buckets.items() if 0.011 < bound < 0.45} == {900.0}
    assert {value for bound, value in buckets.items() if bound > 0.55} == {980.0}


def test_the_judgement() -> None:
    metrics = values(judged(LEAK, STEADY))
    assert metrics["soak_verdict", (("verdict", "fail"),)] == 1.0
    series = (("series", "process_resident_memory_bytes"),)
    assert metrics["soak_series_growth_per_second", series] == pytest.approx(600 * 2**20 / 3600)
    assert metrics["soak_series_vouched_seconds", (("series", "process_open_fds"),)] == 3 * DAY
    assert metrics["soak_series_verdict", (*series, ("verdict", "fail"))] == 1.0


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool")
@pytest.mark.parametrize("judgement", [None, judged(LEAK, STEADY)])
def test_promtool_has_nothing_to_say(judgement: Judgement | None) -> None:
    command = ["promtool", "check", "metrics"]
    done = subprocess.run(
        command, input=text(judgement), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_it_is_served_in_both_formats() -> None:
    exporter = Exporter(RunCollector("orders", live(), lambda: None), Address("127.0.0.1", 0))
    port = int(re.findall(r":(\d+)/", exporter.url)[0])
    try:
        status, body, headers = ask(port, path="/metrics")
        assert (status, "soak_load_requests_total" in body) == (200, True)
        assert headers["Content-Type"].startswith("text/plain")
        accepted = {"Accept": "application/openmetrics-text; version=1.0.0"}
        assert ask(port, path="/metrics", **accepted)[1].endswith("# EOF\n")
        assert ask(port, path="/metrics", Host="evil.example")[0] == 421
    finally:
        exporter.close()


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    dashboard = json.loads((files("soak") / "dashboards" / "grafana.json").read_text())
    told = text(judged(LEAK, STEADY))
    queries = [
        target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())
    ]
    asked = {name for query in queries for name in re.findall(r"\bsoak_[a-z_]+", query)}
    assert len(queries) >= 10
    assert asked
    missing = {name for name in asked if not re.search(rf"^{name}[ {{]", told, re.MULTILINE)}
    assert missing == set()
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
