"""Spring's actuator and Jolokia, as their servers answer."""

import json
from typing import Any

import pytest

from soak.errors import TargetError, UsageError
from soak.model import Kind, Sample
from soak.sampling.sources.actuator import Actuator, named
from soak.sampling.sources.jolokia import KNOWN, Jolokia
from tests.sampling.serving import answering, http


def page(value: object) -> bytes:
    return http(json.dumps(value), content_type="application/vnd.spring-boot.actuator.v3+json")


def metric(
    unit: str | None = None, tags: dict[str, list[str]] | None = None, **measured: float
) -> bytes:
    measurements = [{"statistic": key, "value": value} for key, value in measured.items()]
    available = [{"tag": key, "values": values} for key, values in (tags or {}).items()]
    return page(
        {"name": "x", "baseUnit": unit, "measurements": measurements, "availableTags": available}
    )


METRICS = {
    "/actuator/metrics": page(
        {
            "names": [
                "jvm.memory.used",
                "jvm.gc.pause",
                "hikaricp.connections.active",
                "logback.events",
            ]
        }
    ),
    "/actuator/metrics/jvm.memory.used": metric(
        "bytes", {"area": ["heap", "nonheap"], "id": ["Eden"]}, VALUE=3.0
    ),
    "/actuator/metrics/jvm.memory.used?tag=area%3Aheap": metric("bytes", VALUE=1.0),
    "/actuator/metrics/jvm.memory.used?tag=area%3Anonheap": metric("bytes", VALUE=2.0),
    "/actuator/metrics/jvm.gc.pause": metric("seconds", COUNT=7, TOTAL_TIME=0.5, MAX=0.1),
    "/actuator/metrics/hikaricp.connections.active": metric(None, {"pool": ["orders"]}, VALUE=4.0),
    "/actuator/metrics/hikaricp.connections.active?tag=pool%3Aorders": metric(None, VALUE=4.0),
}


def test_the_actuators_prometheus_page_is_preferred() -> None:
    with answering(
        {"/actuator/prometheus": http("jvm_threads_live_threads 9\n"), **METRICS}
    ) as url:
        samples = {sample.name: sample.value for sample in Actuator(f"{url}/actuator").collect()}
    assert samples["jvm_threads_live_threads"] == 9
    assert "jvm_gc_pause_seconds_count" not in samples


def test_without_it_metrics_are_asked_for_one_by_one() -> None:
    seen: list[str] = []
    with answering(METRICS, seen) as url:
        source = Actuator(f"{url}/actuator")
        samples = {(sample.name, sample.labels): sample for sample in source.collect()}
        list(source.collect())
    assert samples["jvm_memory_used_bytes", (("area", "heap"),)].value == 1.0
    assert samples["jvm_memory_used_bytes", (("area", "nonheap"),)].value == 2.0
    assert samples["jvm_gc_pause_seconds_count", ()] == Sample(
        "jvm_gc_pause_seconds_count", 7.0, (), Kind.COUNTER
    )
    assert samples["jvm_gc_pause_seconds_sum", ()].kind is Kind.COUNTER
    assert samples["jvm_gc_pause_seconds_max", ()].value == 0.1
    assert samples["hikaricp_connections_active", (("pool", "orders"),)].value == 4.0
    assert not any("logback" in request for request in seen)
    assert sum("/actuator/prometheus" in request for request in seen) == 1, (
        "it is not asked for again at once"
    )


@pytest.mark.parametrize(
    ("name", "unit", "statistic", "expected"),
    [
        ("jvm.threads.live", "threads", "VALUE", "jvm_threads_live_threads"),
        ("process.files.open", "files", "VALUE", "process_files_open_files"),
        ("jvm.gc.live.data.size", "bytes", "VALUE", "jvm_gc_live_data_size_bytes"),
        ("hikaricp.connections.timeout", None, "COUNT", "hikaricp_connections_timeout_total"),
    ],
)
def test_micrometers_names_become_prometheus_names(
    name: str, unit: str | None, statistic: str, expected: str
) -> None:
    [sample] = named(
        name, {"baseUnit": unit, "measurements": [{"statistic": statistic, "value": 9}]}, ()
    )
    assert sample.name == expected


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ({}, "answered 404"),
        ({"/actuator/prometheus": http("no", "401 Unauthorized")}, "answered 401"),
        ({"/actuator/prometheus": http("<html>", content_type="text/html")}, "not Prometheus text"),
        ({"/actuator/metrics": http("<html>")}, "not a JSON object"),
        ({"/actuator/metrics": page({})}, "not the list of metrics"),
        ({"/actuator/metrics": page({"names": ["logback.events"]})}, "has none of"),
        (
            {
                "/actuator/metrics": page({"names": ["jvm.gc.x"]}),
                "/actuator/metrics/jvm.gc.x": page({}),
            },
            "no measurements",
        ),
    ],
)
def test_what_is_no_actuator(pages: dict[str, bytes], said: str) -> None:
    with answering(pages) as url, pytest.raises(TargetError) as caught:
        list(Actuator(f"{url}/actuator").collect())
    assert said in str(caught.value)


BEANS: dict[str, Any] = {
    "java.lang:type=Memory HeapMemoryUsage": {"used": 50, "committed": 80, "max": -1},
    "java.lang:type=Threading ThreadCount": 12,
    "java.lang:type=GarbageCollector,name=* CollectionCount": {
        "java.lang:name=G1 Old,type=GarbageCollector": {"CollectionCount": 2},
        "java.lang:name=G1 Young,type=GarbageCollector": {"CollectionCount": 9},
    },
    "java.lang:type=GarbageCollector,name=* CollectionTime": {
        "java.lang:name=G1 Old,type=GarbageCollector": {"CollectionTime": 500}
    },
    "com.zaxxer.hikari:type=Pool (*) ActiveConnections": {
        "com.zaxxer.hikari:type=Pool (orders)": {"ActiveConnections": 3}
    },
    "com.zaxxer.hikari:type=PoolConfig (*) MaximumPoolSize": {
        "com.zaxxer.hikari:type=PoolConfig (orders)": {"MaximumPoolSize": 20}
    },
    "java.lang:type=Runtime StartTime": 1700000000000,
}


def jolokia_page(extra: list[dict[str, Any]] | None = None) -> bytes:
    said: list[dict[str, Any]] = []
    for mbean, attribute, *_ in KNOWN:
        value = BEANS.get(f"{mbean} {attribute}")
        said.append(
            {"status": 404, "error": "InstanceNotFound"}
            if value is None
            else {"status": 200, "value": value}
        )
    return http(json.dumps(said + (extra or [])), content_type="application/json")


def test_jolokia_in_one_request() -> None:
    seen: list[str] = []
    with answering({"/jolokia": jolokia_page([{"status": 200, "value": 77}])}, seen) as url:
        source = Jolokia(f"{url}/jolokia", {"cache_entries": "app:type=Cache/Size"})
        samples = {(sample.name, sample.labels): sample for sample in source.collect()}
    assert len(seen) == 1
    assert json.loads(seen[0].partition("\r\n\r\n")[2])[-1] == {
        "type": "read",
        "mbean": "app:type=Cache",
        "attribute": "Size",
    }
    assert samples["jvm_memory_used_bytes", (("area", "heap"),)].value == 50
    assert ("jvm_memory_max_bytes", (("area", "heap"),)) not in samples, "-1 is no maximum"
    assert samples["jvm_threads_live_threads", ()].value == 12
    assert samples["jvm_gc_pause_seconds_count", (("gc", "G1 Young"),)] == Sample(
        "jvm_gc_pause_seconds_count", 9.0, (("gc", "G1 Young"),), Kind.COUNTER
    )
    assert samples["jvm_gc_pause_seconds_sum", (("gc", "G1 Old"),)].value == 0.5
    assert samples["hikaricp_connections_active", (("pool", "orders"),)].value == 3
    assert samples["hikaricp_connections_max", (("pool", "orders"),)].value == 20
    assert samples["process_start_time_seconds", ()].value == 1.7e9
    assert samples["cache_entries", ()].value == 77


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (http("<html>"), "not the answer of Jolokia"),
        (http("[]"), "not the answer of Jolokia"),
        (http(json.dumps({"error": "no access\nhere", "status": 403})), "no access here"),
        (http("no", "401 Unauthorized"), "answered 401"),
        (http(json.dumps([{"status": 404}] * (len(KNOWN) + 1))), "cache: None"),
        (
            jolokia_page([{"status": 200, "value": {"a": 1}}]),
            "cache: app:type=Cache Size is not a number",
        ),
    ],
)
def test_what_is_no_jolokia(answer: bytes, said: str) -> None:
    with answering({"/jolokia": answer}) as url, pytest.raises(TargetError) as caught:
        list(Jolokia(f"{url}/jolokia", {"cache": "app:type=Cache/Size"}).collect())
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["nothing", "java.lang:type=Memory", "Memory/Used"])
def test_an_attribute_is_named_with_its_bean(text: str) -> None:
    with pytest.raises(UsageError, match="expected MBean/attribute"):
        Jolokia(read={"x": text})
