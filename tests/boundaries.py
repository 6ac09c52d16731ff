"""Boundary tests of thresholds, and the check that each notices when its threshold is moved.

A boundary test is a function without arguments that holds literal values on either side of a
threshold. `moved` puts another value in the threshold's place wherever it was imported to, so that
the check can demand that the test then fails.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

Test = Callable[[], None]
#: The boundary tests of each threshold, by module and name.
BOUNDARY_TESTS: dict[tuple[str, str], list[Test]] = {}


def pins(module: ModuleType, *names: str) -> Callable[[Test], Test]:
    """Say which thresholds of a module a boundary test holds in place."""

    def register(test: Test) -> Test:
        for name in names:
            assert hasattr(module, name), f"{module.__name__} has no {name}"
            BOUNDARY_TESTS.setdefault((module.__name__, name), []).append(test)
        return test

    return register


def thresholds_of(module: ModuleType) -> dict[str, float]:
    """The thresholds that a module defines, by name."""
    return {
        name: value
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, int | float)
    }


def nudged(value: float) -> tuple[float, float]:
    """A little less and a little more: a count by one or a quarter, anything else by a quarter."""
    step = max(abs(value) // 4, 1) if isinstance(value, int) else abs(value) / 4
    return value - step, value + step


@contextmanager
def moved(module: ModuleType, name: str, value: float) -> Iterator[None]:
    """The threshold with another value, in its module and wherever it was imported from there."""
    old = vars(module)[name]
    holders = [
        loaded
        for loaded in list(sys.modules.values())
        if isinstance(loaded, ModuleType)
        and loaded.__name__.startswith("soak.")
        and vars(loaded).get(name) is old
    ]
    try:
        for holder in holders:
            setattr(holder, name, value)
        yield
    finally:
        for holder in holders:
            setattr(holder, name, old)


def notices(module: ModuleType, name: str, value: float) -> bool:
    """Whether some boundary test of a threshold fails when that has another value."""
    with moved(module, name, value):
        for test in BOUNDARY_TESTS[module.__name__, name]:
            try:
                test()
            except (AssertionError, ValueError, IndexError):
                return True
    return False
