"""Class metadata beside the loaded classes: without new classes its growth must end."""

import numpy as np
import pytest

from soak.analysis import analyze
from soak.model import Finding, Floats, Series, Verdict
from soak.profile import Limits
from tests.analysis.recordings import SECONDS, counter, gauge, noise, recording

HOURS = 2.0
TIMES: Floats = np.asarray(np.arange(SECONDS) * (HOURS * 3600 / SECONDS), dtype=np.float64)
CREEP: Floats = 60e6 + 150.0 * TIMES + noise(2e3)  # 0.5 MiB/h
Naming = tuple[str, dict[str, str], str]
MICROMETER: Naming = ("jvm_memory_used_bytes", {"area": "nonheap"}, "id")
OTEL: Naming = (
    "jvm_memory_used_bytes",
    {"jvm_memory_type": "non_heap"},
    "jvm_memory_pool_name",
)
CLIENT: Naming = ("jvm_memory_pool_used_bytes", {}, "pool")


def over_hours(series: Series) -> Series:
    """The same values over two hours instead of five minutes."""
    return Series(series.name, TIMES, series.values, series.labels, series.kind, series.source)


def metadata(naming: Naming, values: object, **labels: str) -> Series:
    name, own, pool = naming
    return gauge(name, values, **own, **{pool: "Metaspace"}, **labels)


def class_space(naming: Naming, values: object, **labels: str) -> Series:
    name, own, pool = naming
    return gauge(name, values, **own, **{pool: "Compressed Class Space"}, **labels)


def judged(*series: Series, **limits: object) -> Finding:
    """The finding of the first series."""
    found = analyze(
        recording(*map(over_hours, series), requests=[], seconds=int(TIMES[-1])),
        Limits.model_validate(limits),
    ).findings
    return next(
        finding
        for finding in found
        if (finding.series, finding.labels) == (series[0].name, series[0].labels)
    )


@pytest.mark.parametrize("naming", [MICROMETER, OTEL, CLIENT])
def test_metadata_that_grows_without_classes_is_no_leak(
    naming: Naming,
) -> None:
    finding = judged(metadata(naming, CREEP), class_space(naming, 7e6 + noise(100, 2)))
    assert finding.verdict is Verdict.PASS
    assert finding.reason.startswith(
        "The JVM's class metadata grew only by what the JVM learns about methods: the loaded classes are steady"
    )
    assert finding.adjustments[0].before is Verdict.FAIL
    # Half of the class space, or a mebibyte, at the bound of its own growth: not of the metadata's.
    assert finding.vouched_seconds is not None
    assert finding.vouched_seconds > 30 * 86400


@pytest.mark.parametrize("naming", [MICROMETER, OTEL, CLIENT])
def test_metadata_that_grows_with_its_classes_fails(
    naming: Naming,
) -> None:
    classes = 7e6 + 15.0 * TIMES + noise(100, 2)
    assert judged(metadata(naming, CREEP), class_space(naming, classes)).verdict is Verdict.FAIL


def test_without_the_classes_it_fails() -> None:
    assert judged(metadata(MICROMETER, CREEP)).verdict is Verdict.FAIL


def test_the_number_of_classes_tells_too() -> None:
    steady = gauge("jvm_classes_loaded_classes", np.full(SECONDS, 9000.0))
    assert judged(metadata(MICROMETER, CREEP), steady).verdict is Verdict.PASS
    growing = gauge("jvm_classes_loaded_classes", np.floor(9000 + TIMES / 20))
    assert judged(metadata(MICROMETER, CREEP), growing).verdict is Verdict.FAIL


def test_the_class_space_is_not_excused_by_itself() -> None:
    growing = class_space(MICROMETER, 7e6 + 15.0 * TIMES + noise(100, 2))
    assert judged(growing).verdict is Verdict.FAIL


def test_the_classes_of_another_process_say_nothing() -> None:
    other = class_space(MICROMETER, 7e6 + noise(100, 2), instance="b:1")
    assert judged(metadata(MICROMETER, CREEP, instance="a:1"), other).verdict is Verdict.FAIL
    same = class_space(MICROMETER, 7e6 + noise(100, 2), instance="a:1")
    assert judged(metadata(MICROMETER, CREEP, instance="a:1"), same).verdict is Verdict.PASS


def test_other_memory_of_the_jvm_is_not_excused() -> None:
    heap = gauge("jvm_memory_used_bytes", CREEP, area="heap", id="G1 Old Gen")
    collections = counter("jvm_gc_pause_seconds_count", TIMES // 60, action="end of major GC")
    finding = judged(heap, class_space(MICROMETER, 7e6 + noise(100, 2)), collections)
    assert finding.verdict is Verdict.FAIL


def test_a_limit_of_ones_own_is_kept() -> None:
    finding = judged(
        metadata(MICROMETER, CREEP),
        class_space(MICROMETER, 7e6 + noise(100, 2)),
        growth={"jvm_memory_used_bytes": "100 KiB/h"},
    )
    assert finding.verdict is Verdict.FAIL


def test_classes_that_a_young_service_loads_ever_more_slowly_excuse_its_metadata() -> None:
    """In its first two minutes a Spring service loads classes all along, most of them at first."""
    ages = np.arange(SECONDS) + 1.0
    warming = 60e6 * (1 + 0.02 * (ages / ages[-1])) + noise(2e3)
    loaded = 7e6 + 2e4 * (1 - np.exp(-ages / 25)) + noise(20, 2)
    learns, classes = metadata(MICROMETER, warming), class_space(MICROMETER, loaded)
    found = analyze(recording(learns, classes), Limits()).findings
    judged_ones = [each for each in found if each.series == learns.name]
    assert {each.verdict for each in judged_ones} == {Verdict.PASS}
    assert judged_ones[0].reason.startswith("The JVM's class metadata grew only by what the JVM")
