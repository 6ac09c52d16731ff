"""Labels that multiply: which one is named, and from how many values on."""

from __future__ import annotations

from typing import Any

import numpy as np

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.labels import label_remedy, multiplying_label, multiplying_labels
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


def test_a_histogram_or_summary_is_named_without_the_suffix_of_its_series() -> None:
    sums = born("seconds_sum", "path", 10)
    assert label(*sums, *born("seconds_count", "path", 10)) == ("seconds", "path", 10)
    assert label(*sums) == ("seconds_sum", "path", 10)
    assert label(*sums, *born("other_count", "path", 10)) == ("seconds_sum", "path", 10)


def test_of_a_page_that_was_cut_the_number_is_the_least() -> None:
    page = signal(ResourceKind.METRICS, unit="series", words="The page grows.")
    rows = born("visits", "path", 10)
    for left_out, gained in ((0.0, "gained 10 values"), (1.0, "gained at least 10 values")):
        cut = gauge("scrape_samples_left_out", [0.0, left_out], 7.0)
        run = context(*rows, cut, warmup=5.0)
        assert gained in multiplying_labels(Case("", (page,), (page.each,)), run)


def test_a_page_that_grows_is_told_by_its_label_or_in_its_own_words() -> None:
    page = signal(ResourceKind.METRICS, unit="series", words="The page grows.")
    other = signal(ResourceKind.METRICS, unit="series", words="Another page grows.")
    case = Case("", (page, other), (page.each, other.each))
    assert multiplying_labels(case, context(*born("visits", "path", 10), warmup=5.0)) == (
        "Label path of visits gained 10 values during the run: each is kept as a series for good."
    )
    assert multiplying_labels(case, context()) == "The page grows."
    assert multiplying_labels(Case(""), context(*born("visits", "path", 10))) == ""


def test_the_remedy_names_the_label() -> None:
    run = context(*born("visits", "path", 10), warmup=5.0)
    assert label_remedy(run).startswith("Give label path of visits only values from a small,")
    assert label_remedy(context(warmup=5.0)) == ""
