"""The table of known series, and what follows from it."""

import ast
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.prepare.prepare import prepare
from soak.catalog.metrics import METRICS, ResourceKind, metric_of, selector, unknown_metric
from soak.model import Analysis, Finding, Labels, Series, SourceHealth, Verdict, label_pairs
from soak.profile import Limits
from tests.analysis.recordings import SECONDS, counter, gauge, noise, recording

T = np.arange(SECONDS)
SOAK = Path(__file__).parents[2] / "soak"
MEMORY = gauge("process_resident_memory_bytes", 50e6 + noise(2e4))


def judged(*series: Series, **limits: Any) -> Analysis:
    return analyze(recording(*series), Limits.model_validate(limits))


def growth(analysis: Analysis) -> dict[str, Finding]:
    return {
        finding.series + str(dict(finding.labels) or ""): finding
        for finding in analysis.findings
        if finding.rule == "growth"
    }


def test_every_row_can_be_reached_and_is_whole() -> None:
    for metric in METRICS:
        name, labels = example(metric.selector)
        reached = metric_of(name, labels)
        assert reached is not None
        assert reached.selector == metric.selector, (
            f"{metric.selector} is hidden by {reached.selector}"
        )
        assert metric.noun
        for other in (*metric.floors, *metric.unless):
            assert metric_of(*example(other)) is not None, other


def example(text: str) -> tuple[str, Labels]:
    """A series that a selector of the catalog matches."""
    row = selector(text)
    labels = {}
    for matcher in row.matchers:
        if matcher.operator == "=":
            labels[matcher.label] = matcher.value
        elif matcher.operator == "=~":
            options = [
                re.sub(r"[\\[\]()?]", "", part.replace(".*", ""))
                for part in matcher.value.split("|")
            ]
            options += ["old_space"]
            labels[matcher.label] = next(
                text for text in options if matcher.matches({matcher.label: text})
            )
        elif matcher.operator == "!=":
            labels[matcher.label] = f"not {matcher.value}"
    return row.name.replace("*", "x"), label_pairs(
        {key: value for key, value in labels.items() if value}
    )


#: An attribute of Locust's environment that looks like a series.
NO_SERIES = {"process_exit_code"}
#: Metric names: lower-case words of which the first is a runtime's, a library's or an exporter's prefix.
SERIES_NAME = re.compile(
    r"(process|container|machine|go|jvm|nodejs|v8js|python|cpython|dotnet|ruby|phpfpm|erlang_vm|envoy|haproxy|nginx|redis|pg"
    r"|hikaricp|jdbc|r2dbc|db_client|db_pool|sqlalchemy_pool)_[a-z0-9_]*(_[a-z0-9]+)+"
)


@pytest.mark.parametrize(
    "path", sorted(p for d in ("analysis", "diagnosis") for p in (SOAK / d).rglob("*.py")), ids=str
)
def test_no_series_of_a_target_is_named_outside_of_the_catalog(path: Path) -> None:
    docstrings = {
        ast.get_docstring(node, clean=False)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
    }
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node.value not in docstrings
        ):
            name = node.value.partition("{")[0]
            assert name in NO_SERIES or not SERIES_NAME.fullmatch(name), (
                f"{path}:{node.lineno} names {node.value}"
            )


def test_a_series_name_is_found_where_it_stands() -> None:
    assert SERIES_NAME.fullmatch("process_open_fds")
    assert SERIES_NAME.fullmatch("go_gc_heap_live_bytes")
    assert not SERIES_NAME.fullmatch("process_lives")


@pytest.mark.parametrize(
    ("name", "what", "is_judged"),
    [
        ("process_resident_memory_bytes", ResourceKind.MEMORY, True),
        ("process_unique_memory_bytes", ResourceKind.MEMORY, False),
        ("jvm_gc_live_data_size_bytes", ResourceKind.HEAP, True),
        ("hikaricp_connections_active", ResourceKind.POOL, True),
        ("hikaricp_active_connections", ResourceKind.POOL, True),
        ("hikaricp_max_connections", ResourceKind.LIMIT, False),
        ("nodejs_active_handles_total", ResourceKind.DESCRIPTORS, True),
        ("python_gc_collections_total", ResourceKind.GC, False),
        ("container_memory_working_set_bytes", ResourceKind.MEMORY, True),
        ("container_memory_cache", ResourceKind.MEMORY, False),
        ("scrape_samples_scraped", ResourceKind.METRICS, True),
    ],
)
def test_what_some_series_are(name: str, what: ResourceKind, is_judged: bool) -> None:
    role = metric_of(name)
    assert role is not None
    assert (role.kind, role.judged) == (what, is_judged)


def test_an_unknown_gauge_is_judged_only_if_a_limit_names_it() -> None:
    queue = gauge("orders_queue_length", T.astype(float))
    assert growth(judged(MEMORY, queue)).keys() == {"process_resident_memory_bytes"}
    assert judged(MEMORY, queue, growth={"orders_queue_length": "0/h"}).verdict is Verdict.FAIL
    assert unknown_metric("orders_queue_length").kind is ResourceKind.OTHER


def test_of_a_jvm_live_data_speaks_for_the_heap_once_it_says_anything() -> None:
    heap = gauge("jvm_memory_used_bytes", 80e6 + noise(1e5), area="heap", id="old")
    other = gauge("jvm_memory_used_bytes", 40e6 + noise(1e4), area="nonheap", id="meta")
    live = gauge("jvm_gc_live_data_size_bytes", 50e6 + noise(1e4, 9))
    both = growth(judged(MEMORY, heap, other, live))
    assert not any("'heap'" in key for key in both)
    assert any("'nonheap'" in key for key in both)
    silent = growth(judged(MEMORY, heap, other, gauge("jvm_gc_live_data_size_bytes", 0)))
    assert any("'heap'" in key for key in silent), (
        "before its first old collection it speaks for nothing"
    )


def test_a_page_that_keeps_growing_is_a_leak_of_labels() -> None:
    analysis = judged(MEMORY, gauge("scrape_samples_scraped", 200.0 + T))
    assert analysis.verdict is Verdict.FAIL
    assert analysis.reason.startswith("Series on the metrics page keep growing")


@pytest.mark.parametrize(
    "name", ["dotnet_thread_pool_thread_count_total", "erlang_vm_memory_system_bytes_total"]
)
def test_a_resource_that_its_page_calls_a_counter_is_judged_by_its_level(name: str) -> None:
    """As a rate, a leak of any size would be steady."""
    assert judged(counter(name, 4e7 + 1e5 * T)).verdict is Verdict.FAIL


def test_a_steady_page_alone_is_no_resource() -> None:
    analysis = judged(gauge("scrape_samples_scraped", 200))
    assert analysis.verdict is Verdict.INCONCLUSIVE
    assert "No resource of the target was recorded" in analysis.reason
    assert analysis.reason.endswith("or a series of that page in limits.")


@pytest.mark.parametrize(
    "name", ["scrape_samples_left_out", "scrape_samples_repeated", "scrape_queries_without_result"]
)
def test_what_a_source_did_not_see_is_a_warning(name: str) -> None:
    analysis = judged(MEMORY, gauge(name, np.where(T == 9, 7.0, 0.0), source="prometheus"))
    [told] = [text for text in analysis.warnings if text.startswith("prometheus: up to 7 ")]
    assert told
    assert analysis.verdict is Verdict.PASS


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_values_that_are_no_numbers_never_crash_and_never_pass_alone(
    odd: float, share: float
) -> None:
    values = np.where(10 * share > T % 10, odd, 50e6 + noise(1e4))
    analysis = judged(gauge("process_resident_memory_bytes", values))
    if share == 1.0:
        assert analysis.verdict is Verdict.INCONCLUSIVE
    assert analysis.verdict is not Verdict.FAIL


def test_replicas_are_judged_and_named_one_by_one() -> None:
    leak = gauge(
        "process_resident_memory_bytes", 50e6 + 50_000.0 * T + noise(2e4), instance="127.0.0.1:2"
    )
    calm = gauge("process_resident_memory_bytes", 50e6 + noise(2e4), instance="127.0.0.1:1")
    analysis = judged(calm, leak)
    assert analysis.verdict is Verdict.FAIL
    assert analysis.reason.startswith("Resident memory of 127.0.0.1:2 keeps growing")
    verdicts = {
        finding.labels[0][1]: finding.verdict
        for finding in analysis.findings
        if finding.rule == "growth"
    }
    assert verdicts == {"127.0.0.1:1": Verdict.PASS, "127.0.0.1:2": Verdict.FAIL}


def test_a_restart_of_one_replica_is_no_border_of_another() -> None:
    started = gauge("process_start_time_seconds", np.where(T < 150, 1000.0, 5000.0), instance="b")
    calm = gauge("process_start_time_seconds", 900.0, instance="a")
    prepared = prepare(recording(MEMORY, started, calm), 0.0)
    assert prepared.borders(gauge("process_open_fds", 1, instance="a")) == ()
    assert prepared.borders(gauge("process_open_fds", 1, instance="b")) == (150.0,)
    analysis = judged(MEMORY, started, calm)
    [restart] = [finding for finding in analysis.findings if finding.rule == "restart"]
    assert restart.labels == (("instance", "b"),)
    assert restart.reason.startswith("The process of b was replaced once (after 2.5 min)")
    assert [event.text for event in analysis.events if event.kind == "restart"] == [
        "the process of b was replaced"
    ]


def test_a_new_process_id_is_a_replacement_too() -> None:
    pid = gauge("process_pid", np.where(T < 150, 10.0, 11.0))
    assert judged(MEMORY, pid).verdict is Verdict.FAIL


def test_a_process_that_restarts_every_few_seconds_is_counted_each_time() -> None:
    started = gauge("process_start_time_seconds", 1000.0 + 5 * (T // 5))
    [restart] = [
        finding for finding in judged(MEMORY, started).findings if finding.rule == "restart"
    ]
    assert restart.observed == 59


def test_kills_for_want_of_memory_are_a_finding_and_events() -> None:
    killed = counter("container_oom_events_total", T // 140)
    analysis = judged(MEMORY, killed)
    assert analysis.verdict is Verdict.FAIL
    assert analysis.reason.startswith(
        "The kernel killed 2 processes in the container for want of memory."
    )
    assert [event.time for event in analysis.events if event.kind == "oom"] == [140.0, 280.0]


def test_soaks_own_requests_are_told_and_warn_of_nothing() -> None:
    asked = replace(
        counter("scrape_requests_total", 1 + T), labels=(("url", "http://127.0.0.1:1/metrics"),)
    )
    analysis = judged(MEMORY, asked)
    [told] = [event.text for event in analysis.events if event.kind == "scraping"]
    assert told == "soak itself sent 300 requests for metrics (300 to http://127.0.0.1:1/metrics)"
    assert analysis.warnings == ()


def test_a_replica_that_was_lost_leaves_the_question_open() -> None:
    health = [
        SourceHealth("prometheus", SECONDS, 0, 0.0),
        SourceHealth("prometheus-2", SECONDS, SECONDS, 0.0, "refused"),
    ]
    analysis = analyze(recording(MEMORY, sources=health), Limits())
    assert analysis.verdict is Verdict.INCONCLUSIVE
    assert "prometheus-2 never answered (the last error: refused)" in analysis.reason


def test_collections_of_one_replica_say_nothing_of_another() -> None:
    """A heap that grew in a process that never collected is no proven leak, however often its neighbour collects."""
    heaps = [
        gauge("go_memstats_heap_alloc_bytes", 50e6 + 50_000.0 * T + noise(2e4), instance="a"),
        gauge("go_memstats_heap_alloc_bytes", 50e6 + noise(2e4), instance="b"),
    ]
    often = replace(
        counter("go_gc_cycles_total_gc_cycles_total", T // 2), labels=(("instance", "b"),)
    )
    never = replace(
        counter("go_gc_cycles_total_gc_cycles_total", 0 * T), labels=(("instance", "a"),)
    )
    asked = {
        finding.labels: finding
        for finding in judged(*heaps, often, never).findings
        if finding.rule == "growth"
    }
    assert asked[("instance", "a"),].verdict is Verdict.INCONCLUSIVE
    assert "the garbage collector did not run in full meanwhile" in asked[("instance", "a"),].reason
    assert asked[("instance", "b"),].verdict is Verdict.PASS
    often, never = (
        replace(counted, labels=(("instance", name),))
        for counted, name in ((often, "a"), (never, "b"))
    )
    assert judged(*heaps, often, never).verdict is Verdict.FAIL
