"""Labels that multiply: which one is named, and from how many values on."""

from __future__ import annotations

from typing import Any

import numpy as np

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.labels import multiplying_label, multiplying_labels
from soak.model import Series
from tests.diagnosis.suspects.parts import context, gauge, signal


def born(name: str, label: str, count: int, at: float = 6.0, first: int = 0) -> list[Series]:
    """So many series of a metric, each with a value of its own of a label, that begin then."""
    return [
        gauge(name, [1.0] * 3, at, **{label: str(number)}) for number in range(first, first + count)
    ]


def label(*series: Series, **more: Any) -> tuple[str, str, int] | None:
    return multiplying_label(context(*series, warmup=5.0, **more))


def test_the_label_that_gained_most_values_is_named_with_their_number() -> None:
    assert label(*born("visits", "path", 10)) == ("visits", "path", 10)
    assert label(*born("visits", "path", 9)) is None
    both = (*born("visits", "path", 10), *born("calls", "user", 11))
    assert label(*both) == ("calls", "user", 11)
    assert label() is None
    assert label(gauge("bare", [1.0] * 9)) is None


def test_values_that_were_there_when_judging_began_are_not_gained() -> None:
    assert label(*born("visits", "path", 10, at=5.0)) is None
    assert label(*born("visits", "path", 10, at=5.1)) == ("visits", "path", 10)
    earlier = born("visits", "path", 1, at=2.0)
    assert label(*born("visits", "path", 10), *earlier) is None
    assert label(*earlier, *born("visits", "path", 11)) == ("visits", "path", 10)


def test_a_series_without_samples_is_passed_over() -> None:
    empty = Series("visits", np.zeros(0), np.zeros(0), (("path", "x"),))
    assert label(empty, *born("visits", "path", 10)) == ("visits", "path", 10)


def test_of_a_histogram_s_series_the_shortest_name_is_the_family_s() -> None:
    rows = [*born("seconds_bucket", "path", 10), *born("seconds", "path", 10)]
    assert label(*rows) == label(*rows[::-1]) == ("seconds", "path", 10)


def test_a_page_that_grows_is_told_by_its_label_or_in_its_own_words() -> None:
    page = signal(ResourceKind.METRICS, unit="series", words="The page grows.")
    other = signal(ResourceKind.METRICS, unit="series", words="Another page grows.")
    case = Case("", (page, other), (page.each, other.each))
    assert multiplying_labels(case, context(*born("visits", "path", 10), warmup=5.0)) == (
        "Label path of visits gained 10 values during the run: each is kept as a series for good."
    )
    assert multiplying_labels(case, context()) == "The page grows."
    assert multiplying_labels(Case(""), context(*born("visits", "path", 10))) == ""
