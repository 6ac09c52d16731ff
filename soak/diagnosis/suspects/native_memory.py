"""Identify memory outside of the managed heap: buffers that a runtime publishes, a JVM's native categories, class
loaders, and free memory that the allocator has not given back."""

from __future__ import annotations

import numpy as np

from soak.catalog.jvm import CLASS_LOADERS, NATIVE_MEMORY
from soak.catalog.metrics import COLLECTORS, ResourceKind
from soak.catalog.process import RESIDENT
from soak.catalog.python import MALLOC_TRIMMED
from soak.diagnosis.attribution.signals import PLACE, Signal
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.class_kinds import surely_grows
from soak.diagnosis.suspects.context import RunContext, rise
from soak.diagnosis.thresholds import (
    LEAST_CLASS_LOADERS,
    LEAST_OFF_HEAP,
    MOST_NAMED,
    OFF_HEAP_TIMES,
    TRIMMED_SHARE,
)
from soak.units import show_amount, show_number, show_ratio

#: Gauges of memory outside of the heap, and (next line) gauges that soak's profilers add to their
#: snapshots.
PUBLISHED = tuple(collector.outside for collector in COLLECTORS if collector.outside)
NATIVE, LOADERS, TRIMMED = NATIVE_MEMORY, CLASS_LOADERS, MALLOC_TRIMMED
#: The JVM's names of its categories (-XX:NativeMemoryTracking=summary), in words.
CATEGORIES = {
    "Class": "metadata of classes (metaspace)",
    "Metaspace": "metadata of classes (metaspace)",
    "Thread": "threads' stacks",
    "Code": "compiled code",
    "Other": "direct buffers and Unsafe.allocateMemory",
    "Internal": "direct buffers and the JVM's own",
    "Symbol": "names of classes and methods",
    "Arena Chunk": "the compiler's arenas",
}


def off_heap(case: Case, context: RunContext) -> str:
    """Say that memory outside of the heap, whose size the runtime publishes, grows; empty if it does not."""
    if not case.of(ResourceKind.MEMORY):
        return ""
    for name in PUBLISHED:
        grown = sum(rise(series, context.prepared.judged_from) for series in context.series(name))
        if grown > LEAST_OFF_HEAP:
            return f"{name} grew by {show_amount(grown, 'bytes')}: buffers outside of the heap."
    return ""


def mostly_off_heap(case: Case) -> Signal | None:
    """Return the signal of memory outside of the heap that surely grows by several times what the heap may grow by.

    The heap then holds only the objects that refer to that memory. None if there is no such signal,
    or if nothing is known to grow on the heap.
    """
    on_heap = [signal.each.high for signal in case.of(ResourceKind.HEAP, PLACE)]
    outside = [
        signal
        for signal in case.of(ResourceKind.MEMORY)
        if on_heap
        and not signal.resident
        and case.amount(signal).endpoint == case.endpoint
        and signal.each.low > OFF_HEAP_TIMES * max(on_heap)
    ]
    return max(outside, key=lambda signal: signal.each.low, default=None)


def off_heap_alone(case: Case, _: RunContext) -> str:
    """Say that most of what is kept lies outside of the heap; empty if it does not."""
    signal = mostly_off_heap(case)
    if signal is None:
        return ""
    each = show_amount(case.amount(signal).per_request, "bytes")
    return f"Most of it lies outside of the heap: {each} per request ({signal.name}); on the heap is what refers to it."


def native_categories(case: Case, context: RunContext) -> str:
    """Say which categories of the JVM's native memory grow, if it tracks them; its heap is left out."""
    if not case.of(ResourceKind.MEMORY):
        return ""
    grown = [
        (rise(series, context.prepared.judged_from), dict(series.labels).get("category", ""))
        for series in context.series(NATIVE)
    ]
    categories = [
        f"{CATEGORIES.get(category, category)} by {show_amount(size, 'bytes')}"
        for size, category in sorted(grown, reverse=True)
        if size > LEAST_OFF_HEAP and category != "Java Heap"
    ]
    return (
        f"Of the JVM's native memory there grew: {', '.join(categories[:MOST_NAMED])}."
        if categories
        else ""
    )


def class_loaders_grow(case: Case, context: RunContext) -> str:
    """Say that the number of class loaders grows, if it does: each keeps its classes' metadata outside of the heap."""
    if not case.of(ResourceKind.MEMORY, ResourceKind.HEAP):
        return ""
    grown = sum(rise(series, context.prepared.judged_from) for series in context.series(LOADERS))
    if grown < LEAST_CLASS_LOADERS or not surely_grows(context, "ClassLoader"):
        return ""
    return f"{show_number(grown)} more class loaders live than at first: each keeps its classes and their metadata."


def fragmented(case: Case, context: RunContext) -> str:
    """Say that the allocator gave back most of the growth of resident memory when asked to (malloc_trim), if it did."""
    if not case.of(ResourceKind.MEMORY):
        return ""
    trimmed = max(
        (float(np.nanmax(series.values)) for series in context.recorded(TRIMMED)), default=0.0
    )
    grown = sum(rise(series, context.prepared.judged_from) for series in context.series(RESIDENT))
    if grown <= 0 or trimmed < TRIMMED_SHARE * grown:
        return ""
    share = show_ratio(min(trimmed / grown, 1.0))
    return (
        f"malloc_trim gave {show_amount(trimmed, 'bytes')} back, {share} of the growth: free memory in the allocator's arenas "
        "and no leak; MALLOC_ARENA_MAX=2 or jemalloc keeps it lower."
    )
