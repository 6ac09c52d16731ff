"""Limits that hold in a share of windows: how many bad ones are allowed, and when nothing can be known."""

from dataclasses import replace

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.prepare.asked_load import AskedLoad
from soak.analysis.prepare.prepare import prepare
from soak.analysis.rules.rule import RuleInput
from soak.analysis.rules.windowed_limits import (
    _blocks,
    _counted,
    _finding,
    _value,
    windowed_findings,
    windows_needed,
)
from soak.errors import ProfileError
from soak.model import Finding, RuleName, Verdict
from soak.profile import EndpointLimits, Limits, parse_profile
from soak.profile.tags import RequestGroup
from soak.profile.windowed import WindowedLatency
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


def limit_of(text: str, at: float = 0.25) -> WindowedLatency:
    return WindowedLatency.model_validate({"at": f"{at}s", "in": text})


@pytest.mark.parametrize(
    ("seconds", "start", "length", "ends"),
    [
        (30, 0.0, 10.0, [(1, 10), (11, 20), (21, 30)]),
        (29, 0.0, 10.0, [(1, 10), (11, 20), (21, 29)]),  # nine tenths were recorded
        (28, 0.0, 10.0, [(1, 10), (11, 20)]),
        (30, 5.0, 10.0, [(6, 15), (16, 25)]),
        # A window of a second whose middle is where a longer one begins belongs to that.
        (30, 0.5, 10.0, [(1, 10), (11, 20), (21, 30)]),
        (8, 0.0, 10.0, []),
        (0, 3.0, 10.0, []),
    ],
)
def test_windows_of_a_length_begin_where_judging_begins(
    seconds: int, start: float, length: float, ends: list[tuple[int, int]]
) -> None:
    blocks = list(_blocks(windows(seconds=seconds), start, length))
    assert [(block.times[0], block.times[-1]) for block in blocks] == ends


def test_a_window_of_which_less_than_nine_tenths_were_recorded_does_not_count() -> None:
    whole = windows(seconds=30)
    for missing, counts in ((1, 3), (2, 2)):
        fewer = whole.seconds.copy()
        fewer[12 : 12 + missing] = 0.0
        assert len(list(_blocks(replace(whole, seconds=fewer), 0.0, 10.0))) == counts


def test_the_share_of_errors_of_a_window() -> None:
    assert _value(windows("GET /", 0.01, 10, 3, seconds=2), None) == 0.3


@pytest.mark.parametrize(
    ("share", "needed"), [(1e-12, 1), (0.1, 2), (0.75, 4), (0.97, 34), (0.9999, 10000)]
)
def test_one_bad_window_of_fewer_would_be_too_many(share: float, needed: int) -> None:
    assert windows_needed(share) == needed


BAD, GOOD_ = 0.26, 0.25


@pytest.mark.parametrize(
    ("share", "values", "whole", "verdict", "said"),
    [
        (
            "90% of minutes",
            [BAD] + [GOOD_] * 9,
            10,
            Verdict.PASS,
            "9 of 10 minutes (90%); 90% of minutes is wanted.",
        ),
        (
            "90% of minutes",
            [BAD] * 2 + [GOOD_] * 8,
            12,
            Verdict.FAIL,
            "8 of 10 minutes (80%); 90% of minutes is wanted.",
        ),
        (
            "90% of minutes",
            [BAD] * 2 + [GOOD_] * 18,
            20,
            Verdict.PASS,
            "18 of 20 minutes (90%); 90% of minutes is wanted.",
        ),
        (
            "90% of minutes",
            [BAD] + [GOOD_] * 8,
            9,
            Verdict.INCONCLUSIVE,
            "8 of 9 minutes: whether it does in 90% of minutes cannot be known from fewer than 10.",
        ),
        (
            "90% of minutes",
            [BAD] + [GOOD_] * 4,
            1007,
            Verdict.INCONCLUSIVE,
            (
                "4 of 5 minutes (1,002 more had too few requests): "
                "whether it does in 90% of minutes cannot be known from fewer than 10."
            ),
        ),
        (
            "90% of minutes",
            [BAD] * 2 + [GOOD_] * 3,
            5,
            Verdict.FAIL,
            "3 of 5 minutes (60%); 90% of minutes is wanted.",
        ),
        (
            "100% of hours",
            [GOOD_],
            1,
            Verdict.PASS,
            "1 of 1 hour (100%); 100% of hours is wanted.",
        ),
        ("100% of hours", [BAD], 1, Verdict.FAIL, "0 of 1 hour (0%); 100% of hours is wanted."),
        (
            "100% of 10s",
            [],
            0,
            Verdict.INCONCLUSIVE,
            "0 of 0 windows of 10s: whether it does in 100% of 10s cannot be known from fewer than 1.",
        ),
    ],
)
def test_in_how_many_windows_a_limit_held(
    share: str, values: list[float], whole: int, verdict: Verdict, said: str
) -> None:
    limit = limit_of(share)
    labels = (("endpoint", "GET /"),)
    finding = _finding("p90", limit, values, whole, labels)
    assert finding == Finding(
        RuleName.LATENCY,
        "http_request_p90_seconds",
        verdict,
        f"GET /: p90 latency stayed within 250 ms in {said}",
        labels,
        limit.in_.share,
        sum(value <= 0.25 for value in values) / len(values) if values else None,
        "ratio",
    )


def test_errors_have_a_rule_and_a_series_of_their_own() -> None:
    finding = _finding("errors", limit_of("50% of 10s", 0.01), [0.02, 0.005], 2, ())
    assert finding == Finding(
        RuleName.ERRORS,
        "http_request_error_ratio",
        Verdict.PASS,
        "Errors stayed within 1% in 1 of 2 windows of 10s (50%); 50% of 10s is wanted.",
        (),
        0.5,
        0.5,
        "ratio",
    )


@pytest.mark.parametrize(
    ("count", "text", "said"),
    [
        (1, "99% of minutes", "1 minute"),
        (2, "99% of days", "2 days"),
        (1, "99% of 10s", "1 window of 10s"),
        (3, "99% of 10s", "3 windows of 10s"),
    ],
)
def test_windows_are_counted_by_their_length(count: int, text: str, said: str) -> None:
    assert _counted(count, limit_of(text).in_) == said


def test_all_requests_endpoints_and_groups_are_judged_by_their_own_limits() -> None:
    seen = [windows(name, 0.01, seconds=120) for name in ("GET /", "GET /b", "POST /")]
    p50, p90 = (
        EndpointLimits.model_validate({key: {"at": "1s", "in": "100% of minutes"}})
        for key in ("p50", "p90")
    )
    groups = (
        RequestGroup("tag", "read", ("GET /", "GET /b"), None),
        RequestGroup("tag", "write", ("POST /",), p90),
    )
    prepared = prepare(recording(MEMORY, requests=seen, seconds=120), 0.0, AskedLoad(groups=groups))
    plain = EndpointLimits.model_validate({"p90": "1s"})
    limits = Limits.model_validate({"p50": {"at": "1s", "in": "100% of minutes"}, "p90": "1s"})
    own = {"GET /b": p50, "POST /": plain}
    found = list(windowed_findings(RuleInput(prepared, limits, own)))
    assert [(finding.series, finding.labels) for finding in found] == [
        ("http_request_p50_seconds", ()),
        ("http_request_p50_seconds", (("endpoint", "GET /b"),)),
        ("http_request_p90_seconds", (("tag", "write"),)),
    ]
    without = prepare(recording(MEMORY, requests=[], seconds=120), 0.0)
    assert list(windowed_findings(RuleInput(without, limits, own))) == []
