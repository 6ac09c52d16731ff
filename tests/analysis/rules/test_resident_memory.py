"""Resident memory beside what bounds it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from soak.analysis import analyze
from soak.model import Analysis, Series, Verdict
from soak.profile import Limits
from tests.analysis.recordings import SECONDS, counter, gauge, noise, recording

TIMES = np.arange(SECONDS)
COLLECTED = counter("go_gc_cycles_total_gc_cycles_total", TIMES // 3)
STEADY_HEAP = gauge("go_gc_heap_live_bytes", 10e6 + noise(1e4, 3))
CREEP = gauge("process_resident_memory_bytes", 50e6 + 2e4 * TIMES + noise(1e4))
SYSTEM = gauge("go_memstats_sys_bytes", np.full(SECONDS, 80e6) + noise(10, 4))


def judged(*series: Series, **limits: object) -> Analysis:
    return analyze(recording(*series, COLLECTED), Limits.model_validate(limits))


def resident(analysis: Analysis) -> tuple[Verdict, str]:
    [growth] = [
        finding
        for finding in analysis.findings
        if finding.series == "process_resident_memory_bytes"
    ]
    return growth.verdict, growth.reason


def test_alone_a_steady_rise_is_a_leak() -> None:
    assert resident(judged(CREEP))[0] is Verdict.FAIL


def test_pages_of_files_are_no_leak() -> None:
    files = gauge("process_resident_anonymous_bytes", 30e6 + noise(1e4, 5))
    verdict, reason = resident(judged(CREEP, files))
    assert verdict is Verdict.PASS
    assert "pages of files" in reason
    growing = gauge("process_resident_anonymous_bytes", 30e6 + 2e4 * TIMES + noise(1e4, 5))
    assert resident(judged(CREEP, growing))[0] is Verdict.FAIL


def test_below_a_steady_total_of_the_runtime_a_rise_must_end() -> None:
    verdict, reason = resident(judged(CREEP, STEADY_HEAP, SYSTEM))
    assert verdict is Verdict.PASS
    assert "fills memory that the runtime reserved earlier" in reason


def test_above_the_total_of_the_runtime_memory_leaks_outside_the_heap() -> None:
    small = gauge("go_memstats_sys_bytes", np.full(SECONDS, 20e6) + noise(10, 4))
    fast = gauge("process_resident_memory_bytes", 50e6 + 3e5 * TIMES + noise(1e4))
    assert resident(judged(fast, STEADY_HEAP, small))[0] is Verdict.FAIL


def test_under_a_growing_total_or_heap_nothing_is_excused() -> None:
    growing = gauge("go_memstats_sys_bytes", 80e6 + 2e4 * TIMES + noise(10, 4))
    assert resident(judged(CREEP, STEADY_HEAP, growing))[0] is not Verdict.PASS
    heap = gauge("go_gc_heap_live_bytes", 10e6 + 2e4 * TIMES + noise(1e4, 3))
    analysis = judged(CREEP, heap, SYSTEM)
    assert analysis.verdict is Verdict.FAIL
    assert resident(analysis)[0] is Verdict.FAIL


def test_a_small_rise_over_a_steady_heap_alone_is_open() -> None:
    verdict, reason = resident(judged(CREEP, STEADY_HEAP))
    assert verdict is Verdict.INCONCLUSIVE
    assert "under a live heap that is steady" in reason
    fast = gauge("process_resident_memory_bytes", 50e6 + 3e5 * TIMES + noise(1e4))
    assert resident(judged(fast, STEADY_HEAP))[0] is Verdict.FAIL


def test_an_explicit_limit_is_never_softened() -> None:
    limit = {"process_resident_memory_bytes": "1MiB/h"}
    assert resident(judged(CREEP, STEADY_HEAP, SYSTEM, growth=limit))[0] is Verdict.FAIL


def test_a_heap_that_climbed_in_steps_excuses_nothing() -> None:
    steps = gauge("go_gc_heap_live_bytes", np.select([TIMES < 60, TIMES < 140], [2e6, 4e6], 8e6))
    assert resident(judged(CREEP, steps, SYSTEM))[0] is Verdict.FAIL


def test_a_few_steps_over_a_steady_heap_are_arenas() -> None:
    """A healthy Go service's first 40 seconds, as recorded: alone, its resident memory leaves the question open."""
    recorded = [
        *(
            12.32,
            14.11,
            14.26,
            14.66,
            14.87,
            14.74,
            14.55,
            14.56,
            14.56,
            14.76,
            14.7,
            14.84,
            14.9,
            14.9,
            14.91,
            14.97,
        ),
        *(
            14.85,
            14.85,
            14.79,
            14.79,
            14.79,
            14.79,
            14.79,
            14.99,
            14.99,
            14.99,
            15.0,
            15.0,
            15.0,
            15.0,
            15.03,
            15.0,
        ),
        *(15.03, 15.0, 15.0, 15.01, 15.01, 15.02, 15.54),
    ]
    memory = gauge("process_resident_memory_bytes", np.array(recorded) * 1e6)
    heap = gauge("go_gc_heap_live_bytes", np.full(len(recorded), 2e6))
    collected = counter("go_gc_cycles_total_gc_cycles_total", np.arange(len(recorded)) // 4)
    run = recording(memory, heap, collected, seconds=len(recorded))
    assert resident(analyze(run, Limits()))[0] is Verdict.PASS


def test_a_heap_that_was_never_collected_excuses_nothing() -> None:
    never = counter("go_gc_cycles_total_gc_cycles_total", np.zeros(SECONDS))
    run = recording(CREEP, STEADY_HEAP, SYSTEM, never)
    assert resident(analyze(run, Limits()))[0] is Verdict.INCONCLUSIVE


def test_a_heap_that_creeps_like_a_young_one_is_steady_enough() -> None:
    rows = json.loads((Path(__file__).parents[2] / "data" / "young_heaps.json").read_text())
    [row] = [row for row in rows if row["minutes"] == 6 and row["series"].startswith("nodejs")]
    levels = gauge("go_gc_heap_live_bytes", np.array(row["values"], float))
    heap = replace(levels, times=np.array(row["times"]))
    seconds = np.arange(360.0)
    memory = gauge("process_resident_memory_bytes", 50e6 + 2e4 * seconds)
    collected = counter("go_gc_cycles_total_gc_cycles_total", seconds // 3)
    run = recording(heap, memory, collected, seconds=360)
    verdict, reason = resident(analyze(run, Limits()))
    assert verdict is Verdict.INCONCLUSIVE
    assert "under a live heap that is steady" in reason
