"""What each class of leak looks like: one table of rules over named evidence, and how sure they make one.

A weight is what a piece of evidence adds to the log-odds of a class, or takes from it; together they are a naive Bayes
classifier whose weights are judgement and not training. `none` of the classes stands at zero, so that thin evidence leaves
nobody suspected.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

Unit = Literal["bytes", "descriptors", "goroutines", "connections"]


@dataclass(frozen=True)
class LeakClass:
    """One row: its name in a sentence, the unit in which it is told, and the weights of what speaks for and against it."""

    noun: str
    unit: Unit
    weights: Mapping[str, float]


#: What a second load of the same kind tells, for every class that grows.
_AGAIN = {"leaks again": 2.0, "high-water mark": -4.0}

CLASSES: dict[str, LeakClass] = {
    "unbounded-cache": LeakClass(
        "an unbounded cache",
        "bytes",
        {
            **_AGAIN,
            "heap grows": 3,
            "container frames": 2,
            "memory grows": 0.3,
            "closure": -0.5,
            "context frames": -3,
            "requests kept": -3,
            "timers grow": -3,
            "every endpoint": -3,
            "anything counted grows": -5,
            "heap flat": -5,
            "off the heap": -2,
        },
    ),
    "request-context": LeakClass(
        "something registered for a request and never released",
        "bytes",
        {
            **_AGAIN,
            "heap grows": 0.5,
            "context frames": 6,
            "requests kept": 6,
            "timers grow": 4,
            "every endpoint": -1,
            "anything counted grows": -5,
            "heap flat": -5,
        },
    ),
    "closure-retention": LeakClass(
        "a closure that keeps what it captured",
        "bytes",
        {
            **_AGAIN,
            "heap grows": 0.5,
            "every endpoint": 5,
            "closure": 1,
            "container frames": -0.5,
            "context frames": -1,
            "requests kept": -1,
            "anything counted grows": -5,
            "heap flat": -5,
        },
    ),
    "goroutine-leak": LeakClass(
        "goroutines or threads that wait for ever",
        "goroutines",
        {
            **_AGAIN,
            "goroutines blocked": 4,
            "proven leaked": 3,
            "threads grow": 3,
            "goroutines grow": 3,
            "descriptors grow": -3,
            "connections' goroutines": -5,
            "database frames": -3,
            "pool grows": -6,
            "connections kept after load": -4,
            "many pools": -5,
        },
    ),
    "descriptor-leak": LeakClass(
        "descriptors that are never closed",
        "descriptors",
        {
            **_AGAIN,
            "descriptors grow": 4,
            "kind of descriptor": 1,
            "sockets not closed": 1,
            "connections' goroutines": 2,
            "goroutines blocked": -1,
            "database frames": -3,
            "pool grows": -6,
            "connections kept after load": -6,
            "many pools": -6,
        },
    ),
    "pool-misuse": LeakClass(
        "a connection pool that is not used as it should be",
        "connections",
        {
            "pool grows": 5,
            "connections kept after load": 5,
            "many pools": 6,
            "database frames": 2,
            "pool too large": 3,
            "idle kept": 3,
        },
    ),
    "gc-pressure": LeakClass(
        "much garbage, and no leak",
        "bytes",
        {"much garbage": 3, "allocation a request": 1, "heap grows": -4, "answers built whole": -4},
    ),
    "buffered-response": LeakClass(
        "whole answers built in memory",
        "bytes",
        {"answers built whole": 3, "peak follows answers": 2},
    ),
    "native-growth": LeakClass(
        "memory outside of the managed heap",
        "bytes",
        {
            **_AGAIN,
            "memory grows": 0.5,
            "heap flat": 3,
            "off the heap": 4,
            "native frames": 3,
            "heap grows": -4,
            "anything counted grows": -5,
        },
    ),
}


def chances(names: Collection[str]) -> dict[str, float]:
    """How likely each class is in the light of this evidence, likeliest first; they add up to less than one."""
    total = {name: sum(row.weights.get(one, 0.0) for one in names) for name, row in CLASSES.items()}
    # A class for which nothing speaks is no candidate, whatever little speaks against it.
    backed = {name: total[name] for name, row in CLASSES.items() if any(row.weights.get(one, 0.0) > 0 for one in names)}
    whole = 1.0 + sum(math.exp(value) for value in backed.values())
    return {name: math.exp(backed[name]) / whole for name in sorted(backed, key=lambda name: -backed[name])}


def supporting(name: str, evidence: Mapping[str, str]) -> list[str]:
    """The words of what speaks for a class, what weighs most first."""
    weights = CLASSES[name].weights
    backing = [one for one in evidence if weights.get(one, 0.0) > 0]
    return [evidence[one] for one in sorted(backing, key=lambda one: -weights[one])]
