"""`soak run` asks a real Zipkin where the time of the slowest requests went, and who on their path reports no span."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.e2e.driving import soak
from tests.sampling.serving import free_port
from tests.targets import running
from tests.targets.orders import orders
from tests.targets.zipkin import zipkin

HOPS = Path(__file__).parent.parent / "targets" / "hops.py"
PROFILE = """
target: {{url: "{url}"}}
load: {{rate: 10/s, duration: 3s}}
endpoints: [GET /, GET /broken]
limits: {{errors: 100%}}
trace:
  link: "http://127.0.0.1:16686/trace/{{trace_id}}"
  logs: "https://logs.example.com/search?q={{trace_id}}&from=soak"
  zipkin: "http://soak:${{ZIPKIN_PASSWORD}}@{zipkin}"
  wait: 1s
"""


def test_the_time_goes_to_the_service_that_took_it_and_the_silent_hop_is_named(
    tmp_path: Path,
) -> None:
    with zipkin() as backend, running([sys.executable, HOPS, backend]) as target:
        path = tmp_path / "hops.yaml"
        path.write_text(PROFILE.format(url=target.url, zipkin=backend.removeprefix("http://")))
        done = soak("run", path, directory=tmp_path / "run", ZIPKIN_PASSWORD="open-sesame-9")
    assert done.code in (0, 3), done.explain()
    traces, exemplars = done.analysis["traces"], done.analysis["exemplars"]
    assert traces["found"] == traces["asked"] == len(exemplars) == 10, done.explain()
    slow = {trace["service"]: trace for trace in traces["slow"]}
    seconds = {name: service["seconds"] / 5 for name, service in slow.items()}
    assert seconds["prices"] >= 0.06
    assert seconds["stock"] >= 0.02
    assert seconds["front"] >= 0.01
    # On a crowded machine more time may go to waiting between the services (no name).
    assert next(name for name in slow if name is not None) == "prices"
    assert [name for name, service in slow.items() if not service["reports"]] == ["prices"]
    coverage = {
        trace["service"]: (trace["calls"], trace["reported"], trace["called_by"])
        for trace in traces["coverage"]
    }
    assert coverage == {
        "prices": (5, 0, ["front"]),
        "front": (10, 10, ["soak"]),
        "stock": (10, 10, ["front"]),
    }
    failed = [exemplar for exemplar in exemplars if exemplar["failure"]]
    assert {failure["failed_in"] for failure in failed} == {"stock"}
    assert sum(exemplar["seconds"] for exemplar in exemplars[0]["times"]) == pytest.approx(
        exemplars[0]["seconds"], rel=0.02
    )
    assert (
        exemplars[0]["links"]["trace"] == f"http://127.0.0.1:16686/trace/{exemplars[0]['trace_id']}"
    )
    assert "prices: 0 of 5 calls have a span of its own (called by front)" in done.out
    page = (done.directory / "report.html").read_text()
    assert f"https://logs.example.com/search?q={exemplars[0]['trace_id']}&amp;from=soak" in page
    for file in done.directory.iterdir():
        assert b"open-sesame-9" not in file.read_bytes(), file


def test_a_backend_that_is_not_there_is_one_warning_and_the_rest_goes_on(tmp_path: Path) -> None:
    text = PROFILE.replace("wait: 1s", "wait: 0s").replace("duration: 3s", "duration: 1s")
    with orders() as shop:
        path = tmp_path / "hops.yaml"
        path.write_text(text.format(url=shop.url, zipkin=f"127.0.0.1:{free_port()}"))
        done = soak("run", path, directory=tmp_path / "run", ZIPKIN_PASSWORD="open-sesame-9")
    assert done.code in (0, 3), done.explain()
    analysis = done.analysis
    assert (analysis["run"]["ended"], analysis["traces"]) == ("completed", None)
    said = [warning for warning in analysis["warnings"] if "trace" in warning]
    assert said == ["no traces of slow and failed requests: trace.zipkin: connection refused"]
    assert analysis["exemplars"][0]["links"]
    assert "open-sesame-9" not in done.explain()
