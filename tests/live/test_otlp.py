"""What an OpenTelemetry collector is told of a run under way, by a receiver that reads it as a collector does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from gzip import decompress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from soak.cli.view_options import ViewOptions, check_exporter
from soak.errors import UsageError
from soak.live.judge import Judgement
from soak.live.otlp import OtlpExport, parse_endpoint
from soak.live.prometheus_metrics import RunCollector
from tests.live.test_lines import LEAK, STEADY, judged
from tests.live.test_metrics import live


@contextmanager
def receiver(status: int = 200) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """A collector's address, and what it was sent: (path, message)."""
    taken: list[tuple[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            body = decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            taken.append((self.path, ExportMetricsServiceRequest.FromString(body)))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", taken
        finally:
            server.shutdown()
            thread.join()


def export(
    endpoint: str, judgement: Judgement | None, said: list[str], every: float = 1e9
) -> OtlpExport:
    return OtlpExport(
        RunCollector("orders", live(), lambda: judgement), "orders", endpoint, said.append, every
    )


def test_a_collector_is_told_what_prometheus_is_told() -> None:
    said: list[str] = []
    with receiver() as (url, taken):
        sender = export(url, judged(LEAK, STEADY), said)
        sender.start()
        sender.close()
    assert (said, len(taken), sender.endpoint) == ([], 1, f"{url}/v1/metrics")
    path, message = taken[0]
    assert path == "/v1/metrics"
    [resource] = message.resource_metrics
    about = {
        attribute.key: attribute.value.string_value for attribute in resource.resource.attributes
    }
    assert (about["service.name"], about["soak.run"]) == ("soak", "orders")
    metrics = {metric.name: metric for metric in resource.scope_metrics[0].metrics}
    requests = metrics["soak_load_requests"].sum
    assert requests.is_monotonic
    assert requests.aggregation_temporality == 2  # cumulative
    [point] = [
        point for point in requests.data_points if point.attributes[0].value.string_value == "GET /"
    ]
    assert point.as_int == 1000
    assert 0 < point.start_time_unix_nano <= point.time_unix_nano
    growth = metrics["soak_series_growth_per_second"].gauge.data_points
    assert pytest.approx(max(told_growth.as_double for told_growth in growth)) == 600 * 2**20 / 3600
    assert (
        metrics["soak_generator_memory_bytes"].unit,
        metrics["soak_run_elapsed_seconds"].unit,
    ) == ("By", "s")
    assert {
        point.attributes[0].value.string_value
        for point in metrics["soak_verdict"].gauge.data_points
    } == {*("pass", "fail", "inconclusive")}


def test_a_histogram_has_what_lies_between_its_bounds_and_is_one_of_each_endpoint() -> None:
    with receiver() as (url, taken):
        export(url, None, []).export()
    metrics = {
        metric.name: metric for metric in taken[0][1].resource_metrics[0].scope_metrics[0].metrics
    }
    points = metrics["soak_load_request_duration_seconds"].histogram.data_points
    assert len(points) == 2
    point = next(point for point in points if point.count == 980)
    assert sorted(count for count in point.bucket_counts if count) == [80, 900]
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    assert point.min <= 0.010
    assert 0.5 <= point.max <= 1.1
    assert "soak_series_growth_per_second" not in metrics  # nothing was judged yet


def test_exports_go_on_after_one_that_failed_and_the_end_says_how_many_did() -> None:
    said: list[str] = []
    with receiver(status=400) as (url, taken):
        sender = export(url, None, said)
        sender.start()
        sender.export()
        sender.close()
    assert len(taken) == 2
    assert said[0].startswith(f"cannot export to {url}/v1/metrics: ")
    assert "400" in said[0]
    assert said[1:] == [f"2 of 2 exports to {url}/v1/metrics failed"]


def test_it_exports_by_itself() -> None:
    with receiver() as (url, taken):
        sender = export(url, None, [], every=0.01)
        sender.start()
        while len(taken) < 3:
            threading.Event().wait(0.01)
        sender.close()
    assert sender.failures == 0


@pytest.mark.parametrize(
    "text", ["", "127.0.0.1:4318", "ftp://127.0.0.1", "http://", "http://a:99999", "http://[::1"]
)
def test_what_is_no_address_of_a_collector_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected the address of a collector, such as"):
        ViewOptions.of({"otlp": text})


def test_a_path_of_its_own_is_kept() -> None:
    assert parse_endpoint("https://collector:4318/") == "https://collector:4318/v1/metrics"
    assert (
        parse_endpoint("https://collector/otlp/v1/metrics") == "https://collector/otlp/v1/metrics"
    )


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "soak.live.otlp", None)
    with pytest.raises(UsageError, match=r"pip install 'soak-harness\[otlp\]'"):
        check_exporter("http://127.0.0.1:4318")


def test_what_the_endpoint_holds_of_secrets_is_not_said() -> None:
    said: list[str] = []
    with receiver(400) as (address, _):
        exporter = export(
            address.replace("//", "//soak:canary-7@") + "/v1/metrics?key=canary-8", None, said
        )
        exporter.start()
        exporter.export()
        exporter.close()
    assert said
    assert "canary" not in " ".join(said)
    with pytest.raises(UsageError) as refused:
        parse_endpoint("http://soak:canary-9@")
    assert "canary" not in str(refused.value)
