"""Who is suspected of leaks that were made, with each figure and sentence of it, as it is stored.

After a change that is meant, `python -m tests.diagnosis.test_diagnosis_figures` stores them anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.diagnosis.attribution.confirmation import with_confirmations
from soak.diagnosis.suspects.suspects import with_suspects
from soak.diagnosis.trace_report import report
from soak.model import Analysis, Event, EventKind, Exemplar, Kind, Recording, Series, label_pairs
from soak.profile import Limits
from soak.traces import Trace, TraceReport
from tests.diagnosis.attribution.test_confirmation import EACH, made
from tests.diagnosis.attribution.test_confirmation import run as confirmed_run
from tests.diagnosis.suspects.test_suspects import BLOCKED, CACHE, CONTEXT
from tests.diagnosis.suspects.test_transient_memory import SIZE, TIMES, WINDOWS
from tests.diagnosis.synthetic_runs import BASE, ENDPOINTS, judged, leaked, run
from tests.diagnosis.test_trace_report import CALL, FRONT, ID, span
from tests.figures import hold, write

FIGURES = Path(__file__).with_name("diagnosis_figures.json")
READ_REQUEST = ("net/http.readRequest", "net/http.(*conn).readRequest", "net/http.(*conn).serve")
PAGE = ("main.keep", "main.orders")


def with_series(recording: Recording, *series: Series) -> Recording:
    varied = Event(0.0, EventKind.MIX, "the mix was varied")
    return replace(recording, series=(*recording.series, *series), events=(varied,))


def follows(name: str, costs: dict[str, float], base: float = 0.0, **labels: str) -> Series:
    """A series that these costs a request make grow."""
    times = np.arange(1.0, 241.0)
    kind = Kind.COUNTER if name.endswith("_total") else Kind.GAUGE
    return Series(name, times, base + leaked(costs), label_pairs(labels), kind, "process")


HEAP, GOROUTINES, FDS = "go_gc_heap_live_bytes", "go_goroutines", "process_open_fds"
POOL, THREADS, LOADED = "go_sql_in_use_connections", "process_threads", "jvm_classes_loaded_classes"
POOL_MOST, JVM_THREADS = "go_sql_max_open_connections", "jvm_threads_live_threads"
CONTAINER, JVM_USED = "python_container_length", "jvm_memory_used_bytes"
ONE: dict[str, float] = {"GET /a": 4096}
#: Runs whose leaks are known: stacks that keep bytes, goroutines that wait, series that grow; and what is judged of them.
RUNS: dict[str, tuple[Callable[[], Recording], tuple[str, ...]]] = {
    "a cache and goroutines": (
        lambda: run({CACHE: ONE}, {BLOCKED: {"POST /b": 1}}),
        (HEAP, GOROUTINES),
    ),
    "one place, two endpoints": (lambda: run({CACHE: {"GET /a": 8192, "GET /c": 2048}}), (HEAP,)),
    "every endpoint": (
        lambda: run({("main.audited.func1",): dict.fromkeys(ENDPOINTS, 4096)}),
        (HEAP,),
    ),
    "contexts": (
        lambda: run({(*PAGE, "net/http.serve"): {"GET /c": 4096}, CONTEXT: {"GET /c": 300}}),
        (HEAP,),
    ),
    "requests that are kept": (
        lambda: run({PAGE: {"GET /c": 16384}, READ_REQUEST: {"GET /c": 4096}}),
        (HEAP,),
    ),
    "descriptors": (lambda: run(descriptors={"GET /c": 0.5}), (FDS,)),
    "without snapshots": (lambda: run({CACHE: ONE}, snapshots=False), (HEAP,)),
    "few snapshots": (lambda: _few(run({CACHE: {"GET /a": 4096, "GET /c": 4096}})), (HEAP,)),
    "a mix that was varied": (lambda: with_series(run({CACHE: ONE})), (HEAP,)),
    "a pool": (
        lambda: with_series(run(), follows(POOL, {"GET /a": 0.01}), follows(POOL_MOST, {}, 100.0)),
        (POOL, POOL_MOST),
    ),
    "containers": (
        lambda: with_series(
            run(snapshots=False),
            follows(CONTAINER, {"GET /a": 1.0}, 30.0, holder="shop.CACHE", kind="dict"),
            follows(THREADS, {"POST /b": 0.01}, 12.0),
        ),
        (CONTAINER, THREADS),
    ),
    "native memory of a JVM": (
        lambda: with_series(
            run(snapshots=False),
            follows(JVM_THREADS, {"GET /a": 0.05}, 30.0),
            follows(LOADED, {"GET /c": 0.2}, 9000.0),
            follows(JVM_USED, {"GET /c": 2000.0}, 3e7, area="nonheap", id="Metaspace"),
        ),
        (JVM_THREADS, LOADED, JVM_USED),
    ),
}


def _few(whole: Recording) -> Recording:
    return replace(whole, snapshots=whole.snapshots[::8])


def made_run(name: str) -> Recording:
    """A run with the series alone that it is about, for each takes time to judge."""
    build, names = RUNS[name]
    whole = build()
    return replace(whole, series=tuple(each for each in whole.series if each.name in names))


def diagnosed(name: str) -> Analysis:
    recording = made_run(name)
    return with_suspects(recording, judged(recording))


def confirmed(again: float) -> Analysis:
    """A leak of memory, and what the same load again adds of it."""
    requests = made()
    memory = 50e6 + EACH * np.minimum(requests, 10_000) + again * np.maximum(requests - 10_000, 0)
    recording = confirmed_run(memory + np.random.default_rng(1).normal(0, 2e3, len(memory)))
    return with_confirmations(recording, analyze(recording, Limits()))


def standing_higher() -> Analysis:
    """Large answers that are built whole."""
    recording = run(snapshots=False)
    memory = BASE + SIZE * WINDOWS.requests + np.random.default_rng(1).normal(0, 2**18, len(TIMES))
    resident = Series("process_resident_memory_bytes", TIMES + 0.3, memory, source="process")
    recording = replace(recording, series=(resident,), windows=(*recording.windows, WINDOWS))
    return with_suspects(recording, judged(recording))


def traced() -> TraceReport:
    spans = (
        FRONT,
        CALL,
        span("3", "2", "stock", 0.2, 0.3),
        span("5", "1", "front", 0.6, 0.2, "client"),
    )
    late = (
        *spans,
        span("6", "3", "prices", 0.3, 0.15),
        span("7", "1", "front", 0.8, 0.05, "client", "mail"),
    )
    other = ID[:-1] + "f"
    return report(
        [Trace(ID, spans), Trace(other, late)],
        [
            Exemplar(0.0, "GET /", 1.0, "", 200, ID),
            Exemplar(1.0, "GET /", 0.9, "status 500", 500, other),
            Exemplar(2.0, "GET /", 0.8, "", 200, "0" * 32),
        ],
    )


RESULTS: dict[str, Callable[[], Any]] = {
    **{name: partial(diagnosed, name) for name in RUNS},
    "confirmed": partial(confirmed, EACH),
    "confirmed in part": partial(confirmed, 0.4 * EACH),
    "a high-water mark": partial(confirmed, 0.0),
    "answers built whole": standing_higher,
    "traces": traced,
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_diagnosis_says_what_it_said(name: str) -> None:
    hold(FIGURES, name, RESULTS[name]())


if __name__ == "__main__":
    write(FIGURES, RESULTS)
