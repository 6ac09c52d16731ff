"""Instant queries: against a server of ours that answers as Prometheus does, and against a real one."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from soak.errors import SoakError, TargetError, UsageError
from soak.model import Kind, Sample
from soak.sampling.sources.promql import Promql
from tests.sampling.serving import answering, free_port, http

UP = {"metric": {"__name__": "up", "job": "a"}, "value": [1700000000.1, "1"]}


def answer(data: object, status: str = "200 OK", **fields: object) -> bytes:
    return http(
        json.dumps({"status": "success", "data": data, **fields}), status, "application/json"
    )


def path(query: str) -> str:
    return f"/api/v1/query?query={quote(query)}&timeout=5s"


def own(samples: list[Sample]) -> list[Sample]:
    return [sample for sample in samples if not sample.name.startswith("scrape_")]


def test_vectors_and_scalars_become_samples_of_the_given_name() -> None:
    pages = {
        path("up"): answer({"resultType": "vector", "result": [UP]}),
        path("5"): answer({"resultType": "scalar", "result": [1.0, "5"]}),
    }
    with answering(pages) as url:
        samples = list(Promql(url, {"is_up": "up", "five_total": "5"}).collect())
    assert own(samples) == [
        Sample("is_up", 1.0, (("job", "a"),)),
        Sample("five_total", 5.0, (), Kind.COUNTER),
    ]


def test_a_query_without_a_result_is_counted_and_all_of_them_are_an_error() -> None:
    nothing = answer({"resultType": "vector", "result": []})
    with answering(
        {path("up"): answer({"resultType": "vector", "result": [UP]}), path("gone"): nothing}
    ) as url:
        samples = list(Promql(url, {"a": "up", "b": "gone"}).collect())
        assert Sample("scrape_queries_without_result", 1.0) in samples
        with pytest.raises(
            TargetError, match="the query b gave no result; does Prometheus scrape the target"
        ):
            list(Promql(url, {"b": "gone"}).collect())


ERROR = http(
    json.dumps({"status": "error", "errorType": "bad_data", "error": "parse error:\nunexpected"}),
    "400 Bad Request",
)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (ERROR, "a: bad_data: parse error: unexpected"),
        (http("no", "401 Unauthorized"), "answered 401"),
        (http("<html>", content_type="text/html"), "not that of a Prometheus server"),
        (
            answer({"resultType": "matrix", "result": []}),
            "gives a matrix, and a vector or scalar is needed",
        ),
        (answer({"resultType": "vector", "result": [UP, UP]}), "only their names tell apart"),
        (answer({"resultType": "vector", "result": [UP] * 600}), "gives 600 series; sum them"),
        (
            answer({"resultType": "vector", "result": [{"metric": {}}]}),
            "not that of a Prometheus server",
        ),
        (
            answer({"resultType": "vector", "result": [{"metric": {}, "value": [1, "x"]}]}),
            "not that of a Prometheus",
        ),
        (http("[]"), "not that of a Prometheus server"),
    ],
)
def test_what_a_server_may_answer_instead(page: bytes, said: str) -> None:
    with answering({path("up"): page}) as url, pytest.raises(TargetError) as caught:
        list(Promql(url, {"a": "up"}).collect())
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_it_asks_for_at_least_one_query() -> None:
    with pytest.raises(UsageError, match="give at least one"):
        Promql("http://127.0.0.1:1", {})


def real() -> str | None:
    """A Prometheus on the PATH, or where SOAK_PROMETHEUS says."""
    return os.environ.get("SOAK_PROMETHEUS") or shutil.which("prometheus")


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[str]:
    program = real()
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no prometheus on the PATH: promql was not tried against a real server")
        pytest.skip(
            "no prometheus on the PATH; set SOAK_PROMETHEUS to try promql against a real one"
        )
    port = free_port()
    (tmp_path / "p.yml").write_text(
        f"scrape_configs: [{{job_name: self, scrape_interval: 1s, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n"
    )
    arguments = [f"--config.file={tmp_path / 'p.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}"]
    process = subprocess.Popen(
        [program, *arguments, f"--web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def test_a_real_prometheus(prometheus: str) -> None:
    source = Promql(prometheus, {"memory_bytes": "process_resident_memory_bytes", "two": "1 + 1"})
    deadline, samples = time.monotonic() + 30, list[Sample]()
    while time.monotonic() < deadline and not any(
        sample.name == "memory_bytes" for sample in samples
    ):
        time.sleep(0.3)
        try:
            samples = list(source.collect())
        except SoakError:
            continue
    by_name = {sample.name: sample for sample in samples}
    assert by_name["two"].value == 2.0
    assert by_name["memory_bytes"].value > 1e6
    assert dict(by_name["memory_bytes"].labels)["job"] == "self"
    for query, said in {
        "sum(": "bad_data: invalid parameter",
        "up[5m]": "gives a matrix",
        '"x"': "gives a string",
    }.items():
        with pytest.raises(TargetError, match=said):
            list(Promql(prometheus, {"a": query}).collect())
