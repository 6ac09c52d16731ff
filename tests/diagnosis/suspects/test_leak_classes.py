"""What evidence makes of a class of leak: its probability, and the words that support it."""

from __future__ import annotations

import math
from collections.abc import Collection

import pytest

from soak.diagnosis.suspects.evidence_kinds import EvidenceKind as E
from soak.diagnosis.suspects.leak_classes import (
    CLASSES,
    UNKNOWN,
    class_probabilities,
    supporting,
)

#: The evidence that makes each class a candidate, and the log-odds that each kind adds to it: a change is seen and meant.
CANDIDATES: dict[str, tuple[E, ...]] = {
    "unbounded-cache": (E.PLACE_GROWS,),
    "request-context": (E.CONTEXT_FRAMES,),
    "closure-retention": (E.PLACE_GROWS, E.CLOSURE),
    "goroutine-leak": (E.BLOCKED,),
    "descriptor-leak": (E.DESCRIPTORS_GROW,),
    "pool-misuse": (E.POOL_GROWS,),
    "gc-pressure": (E.MUCH_GARBAGE,),
    "buffered-response": (E.BUILT_WHOLE,),
    "native-growth": (E.HEAP_FLAT,),
}
AGAIN = {E.LEAKS_AGAIN: 2.0, E.HIGH_WATER: -4.0}
LASTING = {**AGAIN, E.SLOWS_DOWN: -4.0}
ADDED: dict[str, dict[E, float]] = {
    "unbounded-cache": {
        **LASTING,
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
    "request-context": {
        **LASTING,
        E.PLACE_GROWS: 0.5,
        E.CONTEXT_FRAMES: 6,
        E.REQUESTS_KEPT: 6,
        E.TIMERS_GROW: 4,
        E.EVERY_ENDPOINT: -1,
        E.COUNT_GROWS: -5,
        E.DESCRIPTORS_GROW: -5,
        E.CONNECTION_GOROUTINES: -5,
        E.HEAP_FLAT: -5,
    },
    "closure-retention": {
        **LASTING,
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
    "goroutine-leak": {
        **AGAIN,
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
    "descriptor-leak": {
        **AGAIN,
        E.DESCRIPTORS_GROW: 4,
        E.DESCRIPTOR_TYPE: 1,
        E.CLOSE_WAIT: 1,
        E.CONNECTION_GOROUTINES: 2,
        E.THREADS_GROW: -5,
        E.PROCESSES_GROW: -6,
        E.BLOCKED: -1,
        E.DATABASE_FRAMES: -3,
        E.POOL_GROWS: -6,
        E.KEPT_AFTER_LOAD: -6,
        E.MANY_POOLS: -6,
    },
    "pool-misuse": {
        E.POOL_GROWS: 5,
        E.KEPT_AFTER_LOAD: 5,
        E.MANY_POOLS: 6,
        E.NEVER_ENDED: 6,
        E.CONNECTIONS_KEPT: 3,
        E.DATABASE_FRAMES: 2,
        E.POOL_TOO_LARGE: 3,
        E.IDLE_KEPT: 3,
    },
    "gc-pressure": {
        E.MUCH_GARBAGE: 3,
        E.ALLOCATION: 1,
        E.PLACE_GROWS: -4,
        E.HEAP_GROWS: -4,
        E.BUILT_WHOLE: -4,
    },
    "buffered-response": {E.BUILT_WHOLE: 3, E.PEAK_FOLLOWS: 2},
    "native-growth": {
        **AGAIN,
        E.MEMORY_GROWS: 0.5,
        E.HEAP_FLAT: 3,
        E.OFF_HEAP: 4,
        E.OFF_HEAP_ALONE: 9,
        E.NATIVE_FRAMES: 3,
        E.CLASS_LOADERS: 4,
        E.NATIVE_CATEGORY: 3,
        E.FRAGMENTED: 2,
        E.PLACE_GROWS: -4,
        E.HEAP_GROWS: -4,
        E.COUNT_GROWS: -5,
    },
}


def log_odds(name: str, evidence: Collection[E]) -> float:
    """The logarithm of the odds of a class to those of none."""
    likely = class_probabilities(evidence)
    return math.log(likely[name] / (1 - math.fsum(likely.values())))


@pytest.mark.parametrize("name", CANDIDATES)
def test_each_kind_of_evidence_adds_its_weight_to_the_log_odds_of_a_class(name: str) -> None:
    needed = CANDIDATES[name]
    for kind in E:
        weight = math.fsum(ADDED[name].get(each, 0.0) for each in {*needed, kind})
        assert log_odds(name, [*needed, kind]) == pytest.approx(weight, abs=1e-3), kind


def test_every_class_but_the_unknown_one_is_weighed() -> None:
    assert ADDED.keys() == CANDIDATES.keys() == CLASSES.keys() - {UNKNOWN}


def test_probabilities_are_those_of_odds_beside_no_class_likeliest_first() -> None:
    whole = 1 + math.exp(3) + math.exp(6)
    likely = class_probabilities([E.BUILT_WHOLE, E.LABELS_MULTIPLY])
    assert list(likely) == ["unbounded-cache", "buffered-response"]
    assert likely == pytest.approx(
        {"unbounded-cache": math.exp(6) / whole, "buffered-response": math.exp(3) / whole}
    )


def test_a_class_without_what_it_needs_is_no_candidate() -> None:
    assert class_probabilities([E.HEAP_GROWS, E.MEMORY_GROWS, E.LEAKS_AGAIN]) == {}
    assert "closure-retention" not in class_probabilities([E.PLACE_GROWS])
    assert "closure-retention" not in class_probabilities([E.CLOSURE])
    assert UNKNOWN not in class_probabilities(list(E))


def test_the_words_that_support_a_class_come_by_weight_and_none_without() -> None:
    said = {
        kind: kind.value
        for kind in (E.HEAP_GROWS, E.POOL_GROWS, E.CLOSURE, E.MEMORY_GROWS, E.PLACE_GROWS)
    }
    assert supporting("unbounded-cache", said) == [
        E.PLACE_GROWS.value,
        E.HEAP_GROWS.value,
        E.MEMORY_GROWS.value,
    ]
    assert supporting(UNKNOWN, said) == []
