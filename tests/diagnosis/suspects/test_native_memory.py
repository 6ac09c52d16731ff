"""Memory outside of the managed heap: what of it is told, and from how much on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from soak.catalog.metrics import ResourceKind
from soak.catalog.process import RESIDENT
from soak.diagnosis.attribution.attribution import Amount
from soak.diagnosis.attribution.signals import PLACE, Signal
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.native_memory import (
    LOADERS,
    NATIVE,
    PUBLISHED,
    TRIMMED,
    class_loaders_grow,
    fragmented,
    mostly_off_heap,
    native_categories,
    off_heap,
    off_heap_alone,
)
from soak.model import Finding, RuleName, Series, Verdict
from tests.diagnosis.suspects.parts import amount, context, gauge, signal

MIB = 2.0**20
MEMORY, HEAP = ResourceKind.MEMORY, ResourceKind.HEAP


def case(*signals: Signal, endpoint: str = "") -> Case:
    return Case(endpoint, signals, tuple(each.each for each in signals))


GROWS, COUNTS = case(signal(MEMORY)), case(signal(ResourceKind.THREADS, unit="threads"))


def rising(name: str, by: float, **labels: str) -> Series:
    """A gauge that rises in the middle of the run."""
    return gauge(name, [4 * MIB] * 15 + [4 * MIB + by] * 15, 0.0, **labels)


def test_more_than_a_mebibyte_outside_of_the_heap_is_told() -> None:
    name, other = PUBLISHED[:2]
    assert off_heap(GROWS, context(rising(name, 2 * MIB))) == (
        f"{name} grew by 2 MiB: buffers outside of the heap."
    )
    both = context(rising(name, 0.7 * MIB, id="a"), rising(name, 0.8 * MIB, id="b"))
    assert off_heap(GROWS, both).startswith(f"{name} grew by 1.5 MiB")
    assert off_heap(GROWS, context(rising(name, MIB))) == ""
    assert off_heap(GROWS, context(rising(name, MIB + 1))) != ""
    second = context(rising(name, 0.0), rising(other, 2 * MIB))
    assert off_heap(GROWS, second).startswith(other)
    assert off_heap(COUNTS, context(rising(name, 2 * MIB))) == ""
    assert off_heap(GROWS, context(rising(name, 2 * MIB), warmup=15.0)) == ""


BUFFERS = Finding(
    RuleName.GROWTH,
    "jvm_buffer_memory_used_bytes",
    Verdict.FAIL,
    "",
    labels=(("id", "direct"),),
)


def outside(low: float, name: str = "buffers") -> Signal:
    """Memory outside of the heap that grows by at least so much per request."""
    return signal(MEMORY, name=name, each=Amount("", low + 5, low, low + 9), finding=BUFFERS)


@pytest.mark.parametrize(
    ("signals", "told"),
    [
        ((signal(HEAP), outside(34.0)), "buffers"),  # the heap grows by 11 at most
        ((signal(HEAP), outside(33.0)), ""),
        ((signal(PLACE), outside(34.0)), "buffers"),
        ((signal(HEAP), signal(PLACE, each=20.0), outside(34.0)), ""),
        ((outside(34.0),), ""),
        ((signal(HEAP), signal(MEMORY, each=900.0)), ""),
        ((signal(HEAP), outside(40.0, "less"), outside(50.0, "more")), "more"),
        ((signal(HEAP), outside(50.0, "more"), outside(40.0, "less")), "more"),
    ],
)
def test_memory_outside_of_the_heap_surely_grows_by_more_than_three_times_the_heap_s_most(
    signals: tuple[Signal, ...], told: str
) -> None:
    found = mostly_off_heap(case(*signals))
    assert (found.name if found is not None else "") == told


def test_memory_outside_of_the_heap_is_told_where_its_endpoint_is_the_case_s() -> None:
    heap, buffers = signal(HEAP), outside(99.0)
    subject = Case("GET /a", (heap, buffers), (heap.each, amount("GET /a", 2048.0)))
    assert mostly_off_heap(subject) is buffers
    assert off_heap_alone(subject, context()) == (
        "Most of it lies outside of the heap: 2 KiB per request (buffers); on the heap is what refers to it."
    )
    elsewhere = Case("GET /a", (heap, buffers), (heap.each, amount("POST /b", 2048.0)))
    assert mostly_off_heap(elsewhere) is None
    assert off_heap_alone(elsewhere, context()) == ""


def test_the_jvm_s_categories_are_told_largest_first_without_its_heap() -> None:
    sizes = {"Java Heap": 99, "Class": 2, "Thread": 5, "GC": 4, "Code": 3, "Symbol": 1}
    run = context(*(rising(NATIVE, each * MIB, category=name) for name, each in sizes.items()))
    assert native_categories(GROWS, run) == (
        "Of the JVM's native memory there grew: threads' stacks by 5 MiB, GC by 4 MiB, "
        "compiled code by 3 MiB."
    )
    exactly = context(rising(NATIVE, MIB, category="Code"))
    assert native_categories(GROWS, exactly) == ""
    more = context(rising(NATIVE, MIB + 1, category="Code"))
    assert native_categories(GROWS, more) != ""
    assert native_categories(COUNTS, more) == ""
    heap = context(rising(NATIVE, 9 * MIB, category="Java Heap"))
    assert native_categories(GROWS, heap) == ""


def test_five_more_class_loaders_are_told_of_memory_or_the_heap() -> None:
    run = context(rising(LOADERS, 2.0, app="a"), rising(LOADERS, 3.0, app="b"))
    words = "5 more class loaders live than at first: each keeps its classes and their metadata."
    assert class_loaders_grow(GROWS, run) == class_loaders_grow(case(signal(HEAP)), run) == words
    assert class_loaders_grow(COUNTS, run) == ""
    assert class_loaders_grow(GROWS, context(rising(LOADERS, 4.0))) == ""


@pytest.mark.parametrize(
    ("grown", "trimmed", "share"),
    [
        (8.0, 4.0, "50%"),
        (8.0, 3.9, ""),
        (8.0, 6.0, "75%"),
        (8.0, 9.0, "100%"),
        (0.0, 9.0, ""),
        (-8.0, 9.0, ""),
        (8.0, 0.0, ""),
        (8.0, -9.0, ""),
        (0.5, 0.5, "100%"),
    ],
)
def test_what_malloc_trim_gives_back_is_told_from_half_of_the_growth_on(
    grown: float, trimmed: float, share: str
) -> None:
    given_back = gauge(TRIMMED, [np.nan, trimmed * MIB, trimmed * MIB - 9])
    run = context(rising(RESIDENT, grown * MIB), given_back)
    said = fragmented(GROWS, run)
    assert bool(said) is bool(share)
    assert share in said
    assert fragmented(COUNTS, run) == ""


def test_growth_that_was_given_back_is_summed_over_processes_and_told_in_words() -> None:
    processes = [rising(RESIDENT, 4 * MIB, instance=name) for name in "ab"]
    run = context(*processes, gauge(TRIMMED, [6 * MIB]))
    assert fragmented(GROWS, run) == (
        "malloc_trim gave 6 MiB back, 75% of the growth: free memory in the allocator's arenas "
        "and no leak; MALLOC_ARENA_MAX=2 or jemalloc keeps it lower."
    )
    assert fragmented(GROWS, context(*processes)) == ""
    assert fragmented(GROWS, context(rising(RESIDENT, 1.0))) == ""
    tiny: Any = context(rising(RESIDENT, 1.0), gauge(TRIMMED, [0.5]))
    assert fragmented(GROWS, tiny) != ""
