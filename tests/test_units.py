import copy
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.units import (
    capitalized,
    parse_amount,
    parse_duration,
    parse_growth,
    parse_rate,
    parse_ratio,
    show_amount,
    show_apart,
    show_bytes,
    show_count,
    show_duration,
    show_growth,
    show_list,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("250ms", 0.25),
        ("30d", 2592000),
        ("1.5h", 5400),
        ("1 h 30 m", 5400),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "10", 10, "10x", "-5s", "nan", "inf", ".nan", "1h30", True, None, "5s5", "s"]
)
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "per_second"), [("200/s", 200), ("60/m", 1), ("3600/h", 1), ("0.5/s", 0.5)]
)
def test_rates(text: str, per_second: float) -> None:
    assert parse_rate(text) == pytest.approx(per_second)


@pytest.mark.parametrize("text", ["200", 200, "200/x", "nan/s", "inf/s", "/s", "x/s", True])
def test_what_is_no_rate_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="expected a rate"):
        parse_rate(text)


def test_shares_amounts_and_growth() -> None:
    assert parse_ratio("0.1%") == pytest.approx(0.001)
    assert parse_ratio(0.5) == 0.5
    assert parse_amount("2GiB") == 2 * 2**30
    assert parse_amount("250ms") == 0.25
    assert parse_amount(500) == 500
    assert parse_growth("1MiB/h") == 2**20
    assert parse_growth("24/d") == pytest.approx(1)
    assert parse_growth("0/h") == 0
    assert copy.deepcopy(parse_growth("1MiB/h")).unit == "bytes/h"  # type: ignore[attr-defined]
    assert parse_growth(parse_growth("1MiB/h")) == 2**20


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", True, None, "1 parsec", "", "1e999"])
def test_what_is_no_number_is_no_amount(text: object) -> None:
    with pytest.raises(ValueError, match="expected a number"):
        parse_amount(text)
    with pytest.raises(ValueError, match="expected growth"):
        parse_growth(text)


@given(st.floats(min_value=1e-3, max_value=1e7))
def test_a_shown_duration_is_near_the_truth(seconds: float) -> None:
    number, _, unit = show_duration(seconds).partition(" ")
    factor = {"ms": 1e-3, "s": 1, "min": 60, "h": 3600, "days": 86400}[unit]
    assert float(number.replace(",", "")) * factor == pytest.approx(seconds, rel=0.055)


@given(st.floats(min_value=1, max_value=1e15))
def test_shown_bytes_are_near_the_truth(value: float) -> None:
    number, _, unit = show_bytes(value).partition(" ")
    factor = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}[unit]
    assert float(number.replace(",", "")) * factor == pytest.approx(value, rel=0.006)


def test_amounts_as_a_person_would_say_them() -> None:
    assert show_amount(3.25e6, "bytes/h") == "3.1 MiB/h"
    assert show_amount(0.012, "seconds") == "12 ms"
    assert show_amount(0.001, "ratio") == "0.1%"
    assert show_amount(12, "descriptors/h") == "12 descriptors/h"
    assert show_duration(math.inf) == "for ever"


def test_counts_in_the_singular_and_the_plural() -> None:
    assert [show_list("abc"[:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]
    assert show_count(1, "request") == "1 request"
    assert show_count(0, "request") == "0 requests"
    assert show_count(3600, "request") == "3,600 requests"
    assert show_count(2, "series", "series") == "2 series"


def test_a_growth_says_what_it_comes_to_in_a_month() -> None:
    assert show_growth(10.8 * 1024**2, "bytes") == "10.8 MiB/h, 7.59 GiB a month"
    assert show_growth(0.5, "goroutines") == "0.5 goroutines/h, 360 a month"
    assert show_growth(math.inf, "goroutines") == "inf goroutines/h"
    assert show_amount(18.3, "/min") == "18.3/min"


def test_a_sentence_begins_with_a_capital_but_a_metric_with_its_own_name() -> None:
    assert capitalized("resident memory grows") == "Resident memory grows"
    assert (
        capitalized("go_memstats_alloc_bytes keeps growing")
        == "go_memstats_alloc_bytes keeps growing"
    )
    assert capitalized("") == ""


@pytest.mark.parametrize(
    ("value", "limit", "unit", "shown"),
    [
        (100 * 2**20 + 3000, 100 * 2**20, "bytes", ("100.003 MiB", "100 MiB")),
        (100 * 2**20, 100 * 2**20, "bytes", ("100 MiB", "100 MiB")),
        (0.2501, 0.25, "seconds", ("250.1 ms", "250 ms")),
        (0.01001, 0.01, "ratio", ("1.001%", "1%")),
        (12_345.4, 12_345, "threads", ("12,345.4 threads", "12,345 threads")),
        (100_000_000 / 999_999_999, 0.1, "", ("0.1000000001", "0.1")),
        (200 * 2**20, 100 * 2**20, "bytes", ("200 MiB", "100 MiB")),
    ],
)
def test_amounts_that_rounding_makes_alike_are_told_apart(
    value: float, limit: float, unit: str, shown: tuple[str, str]
) -> None:
    assert show_apart(value, limit, unit) == shown


def test_a_second_but_for_its_rounding_is_a_second() -> None:
    assert [show_duration(seconds) for seconds in (0.99996, 0.9994)] == ["1 s", "999 ms"]
