"""Classes of leak: a table of the weights of evidence for each, and the probabilities that follow from it.

A weight is what a piece of evidence adds to the log-odds of a class, or takes from it: a naive
Bayes classifier whose weights come from judgement, not training. "No class" has log-odds of zero, so
weak evidence names no class. A class also needs evidence that distinguishes it from the others
(`needs`): growing memory is true of all of them, so it decides for none.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from soak.diagnosis.suspects.evidence_kinds import EvidenceKind as E

Unit = Literal["bytes", "descriptors", "goroutines", "connections"]
#: The class of growth of which only the endpoint and the amount are known.
UNKNOWN = "unknown"


@dataclass(frozen=True)
class LeakClass:
    """One class: its name in a sentence (`{unit}` is what is counted), the unit of its amount, and the weights of evidence
    for and against it.

    At least one piece of evidence of each set in `needs` must be present.
    """

    noun: str
    unit: Unit
    weights: Mapping[E, float] = field(default_factory=dict)
    needs: tuple[frozenset[E], ...] = ()


def _any(*kinds: E) -> frozenset[E]:
    return frozenset(kinds)


#: Weights of a second load's result, for every class that grows; and of a slowdown, which indicates
#: a cache that fills up.
_AGAIN = {E.LEAKS_AGAIN: 2.0, E.HIGH_WATER: -4.0}
_LASTING = {**_AGAIN, E.SLOWS_DOWN: -4.0}

CLASSES: dict[str, LeakClass] = {
    "unbounded-cache": LeakClass(
        "an unbounded cache",
        "bytes",
        {
            **_LASTING,
            E.PLACE_GROWS: 3,
            E.HEAP_GROWS: 1,
            E.CONTAINER_FRAMES: 2,
            E.CONTAINER_GAINS: 3,
            E.CLASS_KIND: 4,
            E.LABELS_MULTIPLY: 6,
            E.CLASS_LOADERS: 0.5,
            E.MEMORY_GROWS: 0.3,
            E.CLOSURE: -0.5,
            E.CLOSURES_KEPT: -3,
            E.CONTEXT_FRAMES: -3,
            E.REQUESTS_KEPT: -3,
            E.TIMERS_GROW: -3,
            E.EVERY_ENDPOINT: -3,
            E.NEVER_ENDED: -4,
            E.COUNT_GROWS: -5,
            E.HEAP_FLAT: -5,
            E.OFF_HEAP: -2,
            E.OFF_HEAP_ALONE: -6,
        },
        (_any(E.PLACE_GROWS, E.CONTAINER_GAINS, E.CLASS_KIND, E.LABELS_MULTIPLY),),
    ),
    "request-context": LeakClass(
        "something registered for a request and never released",
        "bytes",
        {
            **_LASTING,
            E.PLACE_GROWS: 0.5,
            E.CONTEXT_FRAMES: 6,
            E.REQUESTS_KEPT: 6,
            E.TIMERS_GROW: 4,
            E.EVERY_ENDPOINT: -1,
            E.COUNT_GROWS: -5,
            # An open connection keeps the request that was sent or received over it, with its
            # context.
            E.DESCRIPTORS_GROW: -5,
            E.CONNECTION_GOROUTINES: -5,
            E.HEAP_FLAT: -5,
        },
        (_any(E.CONTEXT_FRAMES, E.REQUESTS_KEPT, E.TIMERS_GROW),),
    ),
    "closure-retention": LeakClass(
        "a closure that keeps what it captured",
        "bytes",
        {
            **_LASTING,
            E.PLACE_GROWS: 0.5,
            E.EVERY_ENDPOINT: 5,
            E.CLOSURE: 1,
            E.CLOSURES_KEPT: 4,
            E.CONTAINER_FRAMES: -0.5,
            E.CONTEXT_FRAMES: -1,
            E.REQUESTS_KEPT: -1,
            E.COUNT_GROWS: -5,
            E.HEAP_FLAT: -5,
            E.OFF_HEAP_ALONE: -6,
        },
        (
            _any(E.PLACE_GROWS, E.CLOSURES_KEPT),
            _any(E.EVERY_ENDPOINT, E.CLOSURE, E.CLOSURES_KEPT),
        ),
    ),
    "goroutine-leak": LeakClass(
        "{unit} that wait for ever",
        "goroutines",
        {
            **_AGAIN,
            E.BLOCKED: 4,
            E.PROVEN: 3,
            E.THREADS_GROW: 5,
            E.PROCESSES_GROW: 5,
            E.GOROUTINES_GROW: 3,
            E.TASKS_GROW: 4,
            E.DESCRIPTORS_GROW: -3,
            E.CONNECTION_GOROUTINES: -5,
            E.DATABASE_FRAMES: -3,
            E.POOL_GROWS: -6,
            E.KEPT_AFTER_LOAD: -4,
            E.MANY_POOLS: -5,
        },
        (
            _any(
                E.BLOCKED,
                E.PROVEN,
                E.THREADS_GROW,
                E.PROCESSES_GROW,
                E.GOROUTINES_GROW,
                E.TASKS_GROW,
            ),
        ),
    ),
    "descriptor-leak": LeakClass(
        "descriptors that are never closed",
        "descriptors",
        {
            **_AGAIN,
            E.DESCRIPTORS_GROW: 4,
            E.DESCRIPTOR_TYPE: 1,
            E.CLOSE_WAIT: 1,
            E.CONNECTION_GOROUTINES: 2,
            # A thread or process has descriptors of its own; one that is not closed starts neither.
            E.THREADS_GROW: -5,
            E.PROCESSES_GROW: -6,
            E.BLOCKED: -1,
            E.DATABASE_FRAMES: -3,
            E.POOL_GROWS: -6,
            E.KEPT_AFTER_LOAD: -6,
            E.MANY_POOLS: -6,
        },
        (_any(E.DESCRIPTORS_GROW, E.CONNECTION_GOROUTINES),),
    ),
    "pool-misuse": LeakClass(
        "a connection pool that is not used as it should be",
        "connections",
        {
            E.POOL_GROWS: 5,
            E.KEPT_AFTER_LOAD: 5,
            E.MANY_POOLS: 6,
            E.NEVER_ENDED: 6,
            E.CONNECTIONS_KEPT: 3,
            E.DATABASE_FRAMES: 2,
            E.POOL_TOO_LARGE: 3,
            E.IDLE_KEPT: 3,
        },
        (
            _any(
                E.POOL_GROWS,
                E.KEPT_AFTER_LOAD,
                E.MANY_POOLS,
                E.NEVER_ENDED,
                E.CONNECTIONS_KEPT,
                E.DATABASE_FRAMES,
                E.POOL_TOO_LARGE,
                E.IDLE_KEPT,
            ),
        ),
    ),
    "gc-pressure": LeakClass(
        "much garbage, and no leak",
        "bytes",
        {
            E.MUCH_GARBAGE: 3,
            E.ALLOCATION: 1,
            E.PLACE_GROWS: -4,
            E.HEAP_GROWS: -4,
            E.BUILT_WHOLE: -4,
        },
        (_any(E.MUCH_GARBAGE),),
    ),
    "buffered-response": LeakClass(
        "whole answers built in memory",
        "bytes",
        {E.BUILT_WHOLE: 3, E.PEAK_FOLLOWS: 2},
        (_any(E.BUILT_WHOLE, E.PEAK_FOLLOWS),),
    ),
    "native-growth": LeakClass(
        "memory outside of the managed heap",
        "bytes",
        {
            **_AGAIN,
            E.MEMORY_GROWS: 0.5,
            E.HEAP_FLAT: 3,
            E.OFF_HEAP: 4,
            # In this case a place and the heap grow only by the objects that refer to the memory.
            E.OFF_HEAP_ALONE: 9,
            E.NATIVE_FRAMES: 3,
            E.CLASS_LOADERS: 4,
            E.NATIVE_CATEGORY: 3,
            E.FRAGMENTED: 2,
            E.PLACE_GROWS: -4,
            E.HEAP_GROWS: -4,
            E.COUNT_GROWS: -5,
        },
        (
            _any(
                E.HEAP_FLAT,
                E.OFF_HEAP,
                E.OFF_HEAP_ALONE,
                E.NATIVE_FRAMES,
                E.CLASS_LOADERS,
                E.NATIVE_CATEGORY,
            ),
        ),
    ),
    UNKNOWN: LeakClass("memory of a kind that is not known", "bytes"),
}


def class_probabilities(evidence: Collection[E]) -> dict[str, float]:
    """Return the probability of each class given this evidence, likeliest first; they add up to less than one.

    A class without the evidence that it needs is not a candidate, however little speaks against it.
    """
    kinds = set(evidence)
    log_odds = {
        name: sum(row.weights.get(kind, 0.0) for kind in kinds)
        for name, row in CLASSES.items()
        if row.needs and all(kinds & needed for needed in row.needs)
    }
    whole = 1.0 + sum(math.exp(value) for value in log_odds.values())
    return {
        name: math.exp(log_odds[name]) / whole
        for name in sorted(log_odds, key=lambda name: -log_odds[name])
    }


def supporting(name: str, evidence: Mapping[E, str]) -> list[str]:
    """Return the words of the evidence for a class, largest weight first."""
    weights = CLASSES[name].weights
    backing = [kind for kind in evidence if weights.get(kind, 0.0) > 0]
    return [evidence[kind] for kind in sorted(backing, key=lambda kind: -weights[kind])]
