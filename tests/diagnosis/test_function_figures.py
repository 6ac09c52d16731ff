"""What the readers of profiles and the weighing of growth give for documents and short levels, as it is stored.

After a change that is meant, `python -m tests.diagnosis.test_function_figures` stores the results
anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soak.diagnosis.attribution.attribution import attribute
from soak.diagnosis.attribution.confirmation import Rest, confirmation
from soak.diagnosis.attribution.site_growth import (
    accumulation_log_odds,
    lasting,
    slope_and_error,
    slowing,
)
from soak.diagnosis.attribution.subset_regression import fit_subsets
from soak.diagnosis.profiles import java_names
from soak.diagnosis.profiles.formats import read_profile
from soak.diagnosis.profiles.frames import Locations
from soak.diagnosis.profiles.pprof import StackProfile, is_go_own, read_pprof
from soak.diagnosis.suspects.evidence_kinds import EvidenceKind as Evidence
from soak.diagnosis.suspects.headline import amount
from soak.diagnosis.suspects.leak_classes import class_probabilities
from soak.diagnosis.suspects.memory_peaks import _stood_up
from soak.model import Floats, Series
from tests.diagnosis.profiles.test_formats import DOCUMENTS
from tests.diagnosis.suspects.test_transient_memory import SIZE, TIMES, WINDOWS
from tests.diagnosis.synthetic_runs import ENDPOINTS, leaked, requests, run
from tests.diagnosis.writing import profile
from tests.figures import hold, write

FIGURES = Path(__file__).with_name("function_figures.json")
STACKS = [
    (["main.keep", "main.orders"], [3, 4096]),
    (["runtime.mallocgc", "main.keep"], [1, 16]),
    (["main.orders"], [0, 0]),
]


def shown(read: StackProfile) -> dict[str, Any]:
    """A profile with each stack written out."""
    return {
        "columns": read.columns,
        "values": [read.column(name).tolist() for name, _ in read.columns],
        "stacks": [
            [[frame.function, frame.file, frame.line, frame.own] for frame in read.stack(row)]
            for row in range(len(read.values))
        ],
        "period": read.period,
    }


def _locations() -> Any:
    """Of one function, of two folded into one, and of addresses alone, one of them with its highest bit set."""
    addresses = np.array([16, 32, 255, -1], dtype=np.int64)
    names = [("main.f", "main.go"), ("runtime.g", "/usr/lib/go/src/runtime/g.go")]
    functions, lines, starts = (np.array(row) for row in ([0, 1, 0], [3, 4, 5], [0, 1, 3, 3, 3]))
    places = Locations(names, functions, lines, starts, addresses, is_go_own)
    keys = [f"{int(key):x}" for key in places.keys]
    return [[frame.function, frame.line, frame.own] for each in places for frame in each], keys


def _levels() -> Iterator[tuple[Floats, Floats]]:
    """Requests and levels: growth of every size, whole numbers, and none."""
    for n in (4, 6, 7, 16):
        steps, rng = np.arange(n, dtype=np.float64), np.random.default_rng(n)
        for slope in (-1.0, 0.0, 0.5, 3.0):
            yield 100 * steps, np.round(slope * steps + rng.normal(0, 1, n))
            yield 100 * steps, np.maximum(slope * steps, 0.0)
        yield 100 * steps, np.minimum(steps, 3.0) * 1000
        yield 100 * steps, np.where(steps > n // 2, 2.0**19, 0.0)


def _weighed(levels: tuple[Floats, Floats]) -> Any:
    clock, values = levels
    counts = np.maximum(np.round(values), 0.0)
    return [
        slope_and_error(clock, values),
        slope_and_error(clock, values, 512.0),
        slowing(clock, values),
        slowing(clock, values, 512.0),
        lasting(values),
        accumulation_log_odds(clock, counts) if counts.sum() else None,
    ]


def _confirmed() -> Any:
    return [
        confirmation("x", "bytes", first, Rest(0.0, error), Rest(after, error), made)
        for first in (0.0, 1.0, 2.0)
        for after in (-900.0, 0.0, 300.0, 1500.0, 3000.0)
        for error in (0.0, 100.0, 2000.0)
        for made in (5, 3000)
    ]


def _attributed(*costs: dict[str, float], integer: bool = False) -> Any:
    """What is attributed to whom where these costs a request add up, beside noise."""
    recording = run(snapshots=False)
    noise = np.random.default_rng(5).normal(0, 200.0, len(TIMES))
    level = sum((leaked(each) for each in costs), np.zeros(len(TIMES))) + noise * (not integer)
    whole = np.round(level) if integer else 1e6 + level
    return attribute(TIMES, whole, recording.windows, key="x", unit="bytes", integer=integer)


def _subsets(integer: bool) -> Any:
    made = np.cumsum(np.column_stack([requests()[name] for name in ENDPOINTS]), axis=0)[::6]
    level = made @ np.array([0.01, 0.0, 0.002])
    when, lives = TIMES[::6], np.zeros(len(made), dtype=np.int64)
    lives[len(made) // 2 :] = 1
    kept = np.floor(level) if integer else level + np.random.default_rng(2).normal(0, 3, len(made))
    return fit_subsets(when, kept, made, lives, integer=integer)


NAMES = (
    *("java.lang.Thread", "[B", "[Ljava.lang.String;", "com.shop.Cart", "com.shop.Cart$Line"),
    *("jdk.internal.misc.Unsafe", "org.apache.Foo", "[[I", "Leaks", ""),
)
RESULTS: dict[str, Callable[[], Any]] = {
    **{
        f"document {number}, {kind}": partial(
            lambda kind, row: shown(read_profile(kind, json.dumps(row).encode())), kind, row
        )
        for number, (kind, row) in enumerate(DOCUMENTS)
    },
    "pprof": lambda: shown(read_pprof(profile(STACKS, ("inuse_objects", "inuse_space")))),
    "locations": lambda: {"all": _locations()},
    "growth at a place": lambda: {"all": [_weighed(levels) for levels in _levels()]},
    "confirmation": lambda: {"all": _confirmed()},
    "attributed to one": lambda: {"all": _attributed({"GET /a": 400.0})},
    "attributed to two": lambda: {"all": _attributed({"GET /a": 400.0, "GET /c": 90.0})},
    "attributed to all": lambda: {"all": _attributed(dict.fromkeys(ENDPOINTS, 100.0))},
    "attributed, counted": lambda: {"all": _attributed({"POST /b": 0.1}, integer=True)},
    "attributed, nothing": lambda: {"all": _attributed()},
    "subsets": lambda: {"all": [_subsets(integer) for integer in (False, True)]},
    "answers held whole": lambda: {
        "all": [
            _stood_up(
                Series("x", TIMES + lag, (part * SIZE * WINDOWS.requests).astype(np.float64)),
                WINDOWS,
                begin,
            )
            for part in (0.0, 0.3, 0.6, 1.0)
            for lag in (0.0, 0.3)
            for begin in (0.0, 120.0, 200.0)
        ]
    },
    "names of Java": lambda: {
        name: [
            java_names.class_name(name),
            frame := java_names.class_frame(name),
            java_names.is_java_own(name),
            java_names.is_own_class(frame),
            java_names.is_own_class(replace(frame, own=True)),
            java_names.is_own_class(replace(frame, own=True, line=7)),
        ]
        for name in NAMES
    },
    "classes": lambda: {
        kind.value: [class_probabilities([kind]), class_probabilities([kind, Evidence.PLACE_GROWS])]
        for kind in Evidence
    },
    "amounts": lambda: {
        unit: [amount(value, unit) for value in (0.0, 0.5, 1.0, 2.0, 999.6, 1e6, 5e9)]
        for unit in ("bytes", "goroutines", "threads", "seconds", "")
    },
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_what_it_was(name: str) -> None:
    hold(FIGURES, name, RESULTS[name]())


if __name__ == "__main__":
    write(FIGURES, RESULTS)
