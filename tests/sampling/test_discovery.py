"""What is found at a URL when a profile names no source, and what is said of the rest."""

import json
import os

import pytest

from soak.sampling.discovery import PAGES, probe_sources
from tests.sampling.serving import answering, http, serving


@pytest.mark.parametrize("path", PAGES)
def test_a_metrics_page_is_found_wherever_it_is_known_to_be(path: str) -> None:
    with answering({path: http("a 1\n")}) as url:
        sources, said = probe_sources(url)
    assert list(sources) == ["process", "prometheus"]
    assert any(text.startswith(f"prometheus: {path} offers") for text in said)
    assert "/debug/vars" in said[-1]


def test_the_local_process_behind_the_port_is_watched() -> None:
    with answering({}) as url:
        sources, said = probe_sources(url)
    assert list(sources) == ["process"]
    assert said[0] == f"process {os.getpid()}: its memory, descriptors, threads and CPU are watched"


def test_jolokia_is_asked_for_its_version_before_anything_is_posted() -> None:
    seen: list[str] = []
    with answering({"/jolokia": http("[]")}, seen) as url:
        sources, _ = probe_sources(url)
    assert "jolokia" not in sources
    assert not any(request.startswith("POST") for request in seen)


def test_expvar_and_actuator() -> None:
    names, memory = http(json.dumps({"names": ["process.uptime"]})), {"memstats": {"HeapAlloc": 1}}
    page = http(
        json.dumps({"baseUnit": "seconds", "measurements": [{"statistic": "VALUE", "value": 1}]})
    )
    pages = {
        "/debug/vars": http(json.dumps(memory)),
        "/actuator/metrics": names,
        "/actuator/metrics/process.uptime": page,
    }
    with answering(pages) as url:
        sources, _ = probe_sources(url)
    assert list(sources) == ["process", "expvar", "actuator"]


def test_nothing_is_there() -> None:
    sources, said = probe_sources("http://127.0.0.1:1")
    assert sources == {}
    assert said[0] == "process: nobody listens on port 1"
    [absent] = said[1:]
    assert absent.startswith("not offered: /metrics (connection refused), /q/metrics (")


def test_a_server_that_answers_every_path_with_json_is_not_taken_for_expvar() -> None:
    with serving(http('{"status": "ok"}', content_type="application/json")) as url:
        sources, said = probe_sources(url)
    assert list(sources) == ["process"]
    assert "/debug/vars" in said[-1]
