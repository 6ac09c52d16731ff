"""Whole results held to stored ones: every figure and every sentence, so that a change of either is seen and meant.

A test module that stores figures writes them anew when it is run as a program. Read the difference
before it is committed: it is what a user will see change.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from soak.charted import Curve

#: Relative and absolute. What is found by iteration differs by a tenth of it from one processor's BLAS to another's.
NEAR, NEARLY_NOTHING = 1e-4, 1e-9
#: Longer lists of numbers are summed up.
FEW = 8


def tree(value: Any) -> Any:
    """A result as JSON has it: what is empty or absent left out, a column as its length, ends, extremes and sums."""
    if is_dataclass(value) and not isinstance(value, type):
        left_out = ("trend",) if isinstance(value, Curve) else ()  # its finding has it
        named = {
            field.name: tree(getattr(value, field.name))
            for field in fields(value)
            if field.name not in left_out
        }
        return {name: each for name, each in named.items() if each not in (None, "", [], {})}
    if isinstance(value, Mapping):
        return {str(key): tree(each) for key, each in value.items()}
    if isinstance(value, np.ndarray):
        return _column(value)
    if isinstance(value, list | tuple):
        return _column(np.array(value)) if _many_numbers(value) else [tree(each) for each in value]
    if isinstance(value, set | frozenset):
        return [tree(each) for each in sorted(value)]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic):
        return tree(value.item())
    if isinstance(value, float):
        return float(f"{value:.8g}") if math.isfinite(value) else str(value)
    return value


def _many_numbers(values: Sequence[Any]) -> bool:
    """Whether it is a long list of numbers, or of pairs of them."""
    flat = [part for each in values for part in (each if isinstance(each, tuple) else (each,))]
    return len(values) > FEW and all(isinstance(part, int | float) for part in flat)


def _column(values: np.ndarray[Any, Any]) -> list[Any]:
    known = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if values.dtype.kind not in "fiub" or not len(known):
        return [len(values)]
    ends = [known.flat[0], known.flat[-1], known.min(), known.max(), known.sum()]
    ends.append((known.ravel() * np.arange(known.size)).sum())  # their order, too
    return [len(values), known.size, *(tree(float(end)) for end in ends)]


def differences(expected: Any, seen: Any, at: str = "") -> Iterator[str]:
    """Where two trees differ, with both values."""
    if isinstance(expected, dict) and isinstance(seen, dict):
        for name in dict.fromkeys((*expected, *seen)):
            yield from differences(expected.get(name), seen.get(name), f"{at}.{name}")
    elif isinstance(expected, list) and isinstance(seen, list) and len(expected) == len(seen):
        for index, (old, other) in enumerate(zip(expected, seen, strict=True)):
            yield from differences(old, other, f"{at}[{index}]")
    elif not _same(expected, seen):
        yield f"{at}: was {expected!r}, is {seen!r}"


def _same(expected: Any, seen: Any) -> bool:
    numbers = (int, float)
    if (
        isinstance(expected, numbers)
        and isinstance(seen, numbers)
        and not isinstance(expected, bool)
    ):
        return math.isclose(expected, seen, rel_tol=NEAR, abs_tol=NEARLY_NOTHING)
    return bool(expected == seen)


def hold(path: Path, name: str, result: Any) -> None:
    """Fail where a result is not as it is stored under this name."""
    stored = json.loads(path.read_text())[name]
    changed = list(differences(stored, json.loads(json.dumps(tree(result)))))
    assert not changed, "\n".join(changed[:20])


def write(path: Path, results: Mapping[str, Callable[[], Any]]) -> None:
    """Store all results anew."""
    trees: dict[str, dict[str, Any]] = {name: tree(result()) for name, result in results.items()}
    rows = (
        f"{json.dumps(name)}: {{\n"
        + ",\n".join(f"{json.dumps(key)}: {json.dumps(part)}" for key, part in each.items())
        + "\n}"
        for name, each in trees.items()
    )
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n")
