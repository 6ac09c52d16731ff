import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import numpy as np
import pytest

from soak.analysis import analyze
from soak.errors import TargetError, UsageError
from soak.formats import Options
from soak.formats.prometheus_server import POINTS, RangeQuery, query_server, range_query
from soak.model import Kind, RuleName, Verdict
from soak.profile import Limits
from tests.cli.calling import run
from tests.sampling.serving import free_port

NAME = "process_resident_memory_bytes"


def answer(query: str, start: float, end: float, step: float) -> dict[str, object]:
    """What a server says that has scraped a leak."""
    times = np.arange(start, end + 1e-6, step)
    noise = np.random.default_rng(int(start)).normal(0, 5e5, len(times))
    values = [
        [time, f"{2e8 + 4e4 * (time - start) + value:.0f}"]
        for time, value in zip(times, noise, strict=True)
    ]
    metric = {} if query.startswith("sum") else {"__name__": query.partition("{")[0], "pod": "a"}
    return {
        "status": "success",
        "data": {"resultType": "matrix", "result": [{"metric": metric, "values": values}]},
    }


def fetched(url: str) -> bytes:
    given = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    start, end, step = (float(given[name]) for name in ("start", "end", "step"))
    assert (end - start) / step < 11_000
    return json.dumps(answer(given["query"], start, end, step)).encode()


def test_a_month_is_asked_for_in_pieces_and_joined() -> None:
    asked = RangeQuery("http://127.0.0.1:9090", (NAME,), 1e9, 1e9 + 30 * 86400, 60.0)
    [series] = query_server(asked, Options(), fetched).series
    assert len(series.times) == 30 * 1440 + 1 > 4 * POINTS
    assert (np.diff(series.times) == 60).all()
    assert (series.name, series.labels) == (NAME, (("pod", "a"),))


@pytest.mark.parametrize(
    ("query", "name", "kind"),
    [
        (f"sum({NAME})", NAME, Kind.GAUGE),
        (f'sum by (job) ({NAME}{{job="x"}})', NAME, Kind.GAUGE),
        ("sum(rate(http_requests_total[5m]))", "value", Kind.GAUGE),
        ("http_requests_total", "http_requests_total", Kind.COUNTER),
    ],
)
def test_an_aggregate_of_one_metric_keeps_its_name(query: str, name: str, kind: Kind) -> None:
    series, *_ = query_server(
        RangeQuery("http://h", (query,), 1e9, 1e9 + 600, 60.0), Options(), fetched
    ).series
    assert (series.name, series.kind) == (name, kind)


def test_several_expressions_are_told_apart() -> None:
    queries = ("sum(rate(a_total[5m]))", "sum(rate(b_total[5m]))")
    read = query_server(
        RangeQuery("http://h", queries, 1e9, 1e9 + 600, 60.0), Options(), fetched
    ).series
    assert [dict(series.labels)["query"] for series in read] == list(queries)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "not that of a Prometheus server"),
        (b"[1]", "not that of a Prometheus server"),
        (
            b'{"status":"error","errorType":"bad_data","error":"parse error\\nhere"}',
            "bad_data: parse error here",
        ),
        (
            b'{"status":"success","data":{"resultType":"matrix","result":[]}}',
            "no series for up in this time",
        ),
    ],
)
def test_what_is_no_answer_is_said_in_a_line_without_its_password(body: bytes, said: str) -> None:
    asked = RangeQuery("http://user:secret@127.0.0.1:9090", ("up",), 1e9, 1e9 + 600, 60.0)
    with pytest.raises(TargetError) as caught:
        query_server(asked, Options(), lambda _: body)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("server", ["127.0.0.1:9090", "ftp://h", "http://"])
def test_an_address_that_is_none(server: str) -> None:
    with pytest.raises(UsageError, match="expected an address such as"):
        range_query(server, ("up",), 60.0, None, 1e9)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = fetched(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    serving = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{serving.server_port}"
    serving.shutdown()
    serving.server_close()
    thread.join()


def test_a_server_is_judged_and_reported(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, server: str
) -> None:
    arguments = (
        "analyze",
        "--prometheus",
        server,
        "--query",
        NAME,
        "--since",
        "2h",
        "--step",
        "15s",
    )
    code, out, err = run(
        capsys, *arguments, "--out", str(tmp_path / "reports"), "--format", "json,markdown"
    )
    assert (code, err) == (1, "")
    assert "keeps growing" in " ".join(out.split())
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == [
        "analysis.json",
        "summary.md",
    ]


def test_a_server_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "analyze", "--prometheus", "http://127.0.0.1:1", "--query", "up")
    assert code == 4
    assert "cannot be reached" in err


def backfilled(tmp_path: Path, end: int) -> Path:
    """The data of a real server: three days of descriptors at one sample in five minutes, one process of each job.

    `leaky` gains one an hour and is deployed anew every day; `steady` is not. Half a day is missing.
    """
    times = np.arange(end - 3 * 86400, end, 300)
    age = (times - times[0]) % 86400
    daily = 20 * np.sin(2 * np.pi * times / 86400)
    noise = np.random.default_rng(3).normal(0, 1, len(times))
    lines: dict[str, list[str]] = {"process_open_fds": [], "process_start_time_seconds": []}
    for job, gain in (("leaky", 1.0), ("steady", 0.0)):
        values = np.round(60 + daily + noise + gain * age / 3600)
        started = times - age if gain else np.full(len(times), times[0])
        for place, moment in enumerate(times):
            if 250 <= place < 394:
                continue
            labels = f'{{instance="{job}:1",job="{job}"}}'
            lines["process_open_fds"].append(
                f"process_open_fds{labels} {values[place]:.0f} {moment}"
            )
            lines["process_start_time_seconds"].append(
                f"process_start_time_seconds{labels} {started[place]} {moment}"
            )
    text = "".join(
        f"# TYPE {name} gauge\n" + "".join(f"{line}\n" for line in rows)
        for name, rows in lines.items()
    )
    (tmp_path / "samples.txt").write_text(f"{text}# EOF\n")
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", "samples.txt", "data"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    return tmp_path / "data"


@pytest.mark.slow
def test_a_real_server_with_gaps_and_deployments(tmp_path: Path) -> None:
    """A leak that each deployment resets is a leak, and the gap between is nobody's growth."""
    if shutil.which("prometheus") is None or shutil.which("promtool") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must have prometheus: apt-get install prometheus")
        pytest.skip("no prometheus here")
    end, port = int(time.time()) - 3600, free_port()
    (tmp_path / "prometheus.yaml").write_text("global: {}\n")
    flags = [
        f"--config.file={tmp_path}/prometheus.yaml",
        f"--storage.tsdb.path={backfilled(tmp_path, end)}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    process = subprocess.Popen(
        ["prometheus", *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(240):
            with suppress(OSError), urlopen(f"{address}/-/ready", timeout=5):
                break
            time.sleep(0.25)
        asked = range_query(address, ("process_open_fds",), 3 * 86400.0, 300.0, float(end))
        analysis = analyze(query_server(asked, Options()), Limits(), judge_unknown=True)
    finally:
        process.terminate()
        process.wait(30)
    read = {
        dict(finding.labels)["job"]: finding
        for finding in analysis.findings
        if finding.rule is RuleName.GROWTH
    }
    assert read["leaky"].verdict is Verdict.FAIL
    assert read["leaky"].trend is not None
    assert read["leaky"].trend.slope_low < 1.0 < read["leaky"].trend.slope_high
    assert read["steady"].verdict is not Verdict.FAIL
    [restart] = [finding for finding in analysis.findings if finding.rule is RuleName.RESTART]
    assert "The process of leaky:1 was replaced 2 times" in restart.reason


def test_when_processes_started_is_asked_for_by_itself() -> None:
    asked = []

    def fetch(url: str) -> bytes:
        given = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        asked.append(given["query"])
        metric = {"__name__": given["query"].partition("{")[0], "instance": "a:1"}
        values = [[1e9, "1"], [1e9 + 60, "1"]]
        result = [
            {"metric": metric | {"instance": instance}, "values": values}
            for instance in ("a:1", "b:1")
        ][: 1 if len(asked) == 1 else 2]
        return json.dumps(
            {"status": "success", "data": {"resultType": "matrix", "result": result}}
        ).encode()

    query = 'process_open_fds{job="orders"}'
    recording = query_server(
        RangeQuery("http://h", (query,), 1e9, 1e9 + 60, 60.0), Options(), fetch
    )
    assert asked == [query, 'process_start_time_seconds{job="orders"}']
    assert [series.key for series in recording.series] == [
        'process_open_fds{instance="a:1"}',
        'process_start_time_seconds{instance="a:1"}',
    ]


@pytest.mark.parametrize(
    ("query", "latest"),
    [
        ("sum(process_open_fds)", "max(process_start_time_seconds)"),
        (
            'sum by (job) (process_open_fds{job="a"})',
            'max by (job) (process_start_time_seconds{job="a"})',
        ),
        ("avg(container_memory_rss) by (pod)", "max(container_start_time_seconds) by (pod)"),
    ],
)
def test_when_the_processes_behind_a_sum_started_is_asked_for_as_the_sum(
    query: str, latest: str
) -> None:
    asked = []

    def fetch(url: str) -> bytes:
        asked.append(parse_qs(urlsplit(url).query)["query"][0])
        result = [{"metric": {"job": "a"}, "values": [[1e9, "1"], [1e9 + 60, "1"]]}]
        data = {"resultType": "matrix", "result": result}
        return json.dumps({"status": "success", "data": data}).encode()

    recording = query_server(
        RangeQuery("http://h", (query,), 1e9, 1e9 + 60, 60.0), Options(), fetch
    )
    assert asked == [query, latest]
    assert recording.series[1].name.endswith("_start_time_seconds")
    assert recording.series[1].name in latest


def test_sums_of_several_groups_say_that_restarts_are_not_known() -> None:
    def fetch(url: str) -> bytes:
        result = [{"metric": {"job": job}, "values": [[1e9, "1"], [1e9 + 60, "1"]]} for job in "ab"]
        data = {"resultType": "matrix", "result": result}
        return json.dumps({"status": "success", "data": data}).encode()

    query = RangeQuery("http://h", ("sum by (job) (process_open_fds)",), 1e9, 1e9 + 60, 60.0)
    recording = query_server(query, Options(), fetch)
    assert [series.name for series in recording.series] == ["process_open_fds"] * 2
    assert "ask for their series themselves" in recording.events[0].text


def test_when_containers_started_is_asked_for_beside_what_they_hold() -> None:
    asked = []

    def fetch(url: str) -> bytes:
        given = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        asked.append(given["query"])
        name = given["query"].partition("{")[0]
        pods = ("orders-1", "orders-2") if "start" in name else ("orders-1",)
        result = [
            {
                "metric": {"__name__": name, "instance": "node:1", "pod": pod, "id": f"/{pod}"},
                "values": [[1e9, "1"], [1e9 + 60, "1"]],
            }
            for pod in pods
        ]
        return json.dumps(
            {"status": "success", "data": {"resultType": "matrix", "result": result}}
        ).encode()

    query = 'container_memory_working_set_bytes{pod=~"orders-.*"}'
    recording = query_server(
        RangeQuery("http://h", (query,), 1e9, 1e9 + 60, 60.0), Options(), fetch
    )
    assert asked == [query, 'container_start_time_seconds{pod=~"orders-.*"}']
    own = '{id="/orders-1",instance="node:1",pod="orders-1"}'
    assert [series.key for series in recording.series] == [
        f"container_memory_working_set_bytes{own}",
        f"container_start_time_seconds{own}",
    ]
