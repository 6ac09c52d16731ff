"""Limits that hold in a share of windows: how many bad ones are allowed, and when nothing can be known."""

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.rules.windowed_limits import _value, windows_needed
from soak.errors import ProfileError
from soak.model import Finding, Verdict
from soak.profile import Limits, parse_profile
from tests.analysis.recordings import gauge, recording, windows
from tests.profile_texts import GOOD

MEMORY = gauge("process_open_fds", 20.0)


def judged(
    slow: int, minutes: int, share: str = "99% of minutes", per_second: int = 50, failures: int = 0
) -> Finding:
    """`slow` of the minutes with a p99 of 400 ms, the rest with 10 ms."""
    latency = np.full(minutes * 60, 0.01)
    latency[: slow * 60] = 0.4
    limits = Limits.model_validate({"p99": {"at": "250ms", "in": share}})
    run = recording(
        MEMORY,
        requests=[windows("GET /", latency, per_second, failures, minutes * 60)],
        seconds=minutes * 60,
    )
    [limit] = [
        finding
        for finding in analyze(run, limits).findings
        if finding.series == "http_request_p99_seconds"
    ]
    return limit


def test_as_many_bad_minutes_as_are_allowed_pass_and_one_more_fails() -> None:
    passed, failed = judged(2, 200), judged(3, 200)
    assert (passed.verdict, failed.verdict) == (Verdict.PASS, Verdict.FAIL)
    assert passed.reason == (
        "p99 latency stayed within 250 ms in 198 of 200 minutes (99%); 99% of minutes is wanted."
    )
    assert (failed.limit, failed.observed, failed.unit) == (0.99, 0.985, "ratio")


def test_few_minutes_cannot_tell() -> None:
    """Of 99 good minutes one more might be bad; two bad ones are too many, whatever comes in the first hundred."""
    assert judged(0, 99).verdict is Verdict.INCONCLUSIVE
    assert "cannot be known from fewer than 100" in judged(0, 99).reason
    assert judged(0, 100).verdict is Verdict.PASS
    assert judged(1, 30).verdict is Verdict.INCONCLUSIVE
    assert judged(2, 30).verdict is Verdict.FAIL


def test_every_window_needs_no_hundred() -> None:
    assert judged(0, 5, "100% of minutes").verdict is Verdict.PASS
    assert judged(1, 5, "100% of minutes").verdict is Verdict.FAIL


def test_windows_of_any_length() -> None:
    finding = judged(1, 20, "90% of 10s")
    assert finding.verdict is Verdict.PASS
    assert "114 of 120 windows of 10s (95%)" in finding.reason


def test_minutes_with_too_few_requests_do_not_count() -> None:
    finding = judged(0, 120, per_second=1)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "0 of 0 minutes (120 more had too few requests)" in finding.reason


@pytest.mark.parametrize(
    ("share", "needed"), [(0.5, 2), (0.9, 10), (0.99, 100), (0.999, 1000), (1.0, 1)]
)
def test_how_many_windows_are_needed(share: float, needed: int) -> None:
    assert windows_needed(share) == needed


def test_errors_and_endpoints_have_such_limits_too() -> None:
    limits = Limits.model_validate({"errors": {"at": "1%", "in": "100% of minutes"}})
    run = recording(MEMORY, requests=[windows("GET /", 0.01, 50, 1, 120)], seconds=120)
    [limit] = [
        finding
        for finding in analyze(run, limits).findings
        if finding.series == "http_request_error_ratio"
    ]
    assert limit.verdict is Verdict.FAIL
    own = {"GET /": Limits.model_validate({"p99": {"at": "1s", "in": "100% of minutes"}})}
    [limit] = [
        finding
        for finding in analyze(run, Limits(), own).findings
        if finding.series == "http_request_p99_seconds"
    ]
    assert (limit.verdict, limit.labels) == (Verdict.PASS, (("endpoint", "GET /"),))


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (
            "p99: {at: 250ms, in: 99}",
            "limits.p99.in: expected a share of windows, such as 99% of minutes",
        ),
        (
            "p99: {at: 250ms, in: 120% of minutes}",
            "limits.p99.in: expected a share above 0% and up to 100%",
        ),
        ("p99: {at: 250ms}", "limits.p99.in: is missing"),
        ("p99: {at: fast, in: 99% of minutes}", "limits.p99.at: expected a duration"),
        ("p99: {att: 1s, in: 99% of minutes}", "limits.p99.att: unknown key, did you mean at?"),
        ("p99: fast", "limits.p99: expected a duration"),
        ("errors: {at: 1%, in: 99% of fortnights}", "limits.errors.in: expected a duration"),
    ],
)
def test_a_wrong_one_is_named(limit: str, expected: str) -> None:
    with pytest.raises(ProfileError, match=r"p.yaml:8: ") as error:
        parse_profile(f"{GOOD}limits: {{{limit}}}\n", "p.yaml")
    assert expected in str(error.value)


@pytest.mark.parametrize(
    ("requests", "failures", "q", "known"),
    [
        *((10, 1, None, True), (9, 1, None, False)),
        *((11, 1, 0.9, True), (10, 1, 0.9, False), (10, 0, 0.9, True), (100, 0, 0.99, True)),
    ],
)
def test_the_fewest_requests_that_a_minute_is_judged_by(
    requests: int, failures: int, q: float | None, known: bool
) -> None:
    block = windows("GET /", 0.01, requests, failures, seconds=1)
    assert (_value(block, q) is not None) is known
