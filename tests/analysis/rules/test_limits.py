"""The plain limits: each comparison at its boundary, and every sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from soak.analysis.prepare.asked_load import AskedLoad
from soak.analysis.rules import limits as rule
from soak.analysis.rules.rule import RuleInput
from soak.latency import bucket_of, bucket_seconds
from soak.model import Finding, RuleName, Series, Verdict
from soak.profile import EndpointLimits, Limits
from soak.profile.tags import RequestGroup
from soak.units import parse_amount, parse_growth
from soak.windows import EndpointWindows
from tests.analysis.prepared import prepared, rows
from tests.analysis.recordings import windows

#: The latency that is recorded for 10 ms.
TEN_MS = float(bucket_seconds(bucket_of(0.01)))
OWN = (("endpoint", "GET /a"),)


def given(**limits: Any) -> EndpointLimits:
    return EndpointLimits.model_validate(limits)


def of_requests(seen: EndpointWindows, labels: Any = (), **limits: Any) -> list[Finding]:
    """What is said of latencies and the rate; errors are asked for elsewhere."""
    found = rule._requests(seen, EndpointLimits.model_construct(**limits), labels)
    return [each for each in found if each.rule is not RuleName.ERRORS]


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [(TEN_MS, Verdict.PASS), (0.99 * TEN_MS, Verdict.FAIL), (1.01 * TEN_MS, Verdict.PASS)],
)
@pytest.mark.parametrize("key", ["p50", "p99"])
def test_a_latency_at_its_limit_passes(key: str, limit: float, verdict: Verdict) -> None:
    [found] = of_requests(windows(seconds=10), **{key: limit})
    assert (found.verdict, found.series) == (verdict, f"http_request_{key}_seconds")
    assert (found.limit, found.observed, found.unit) == (limit, TEN_MS, "seconds")


def test_a_latency_and_its_limit_are_told() -> None:
    [found] = of_requests(windows(seconds=10), OWN, p99=0.5)
    assert found == Finding(
        RuleName.LATENCY,
        "http_request_p99_seconds",
        Verdict.PASS,
        "GET /a: p99 latency is 10 ms; 500 ms is allowed.",
        OWN,
        0.5,
        TEN_MS,
        "seconds",
    )


def test_each_latency_with_a_limit_is_judged() -> None:
    found = of_requests(windows(seconds=30), p90=1.0, p99=1.0, rate=1.0)
    assert [each.series for each in found] == [
        "http_request_p90_seconds",
        "http_request_p99_seconds",
        "http_requests_per_second",
    ]
    few = of_requests(windows(requests=1, seconds=3), p50=1.0, p90=1.0, p99=1.0)
    assert [each.verdict.value for each in few] == ["pass", "inconclusive", "inconclusive"]


@pytest.mark.parametrize(
    ("key", "requests", "failures", "seconds", "reason"),
    [
        ("p50", 1, 0, 2, None),
        ("p50", 1, 0, 1, "from 1 successful requests: at least 2 are needed, 1 s more."),
        ("p90", 5, 2, 3, "from 9 successful requests: at least 10 are needed, 333 ms more."),
        ("p90", 5, 0, 2, None),
        ("p95", 5, 0, 4, None),
        ("p999", 100, 0, 10, None),
        ("p99", 5, 3, 4, "from 8 successful requests: at least 100 are needed, 46 s more."),
        ("p99", 5, 5, 4, "from 0 successful requests: at least 100 are needed."),
        ("p99", 10, 0, 10, None),
    ],
)
def test_a_latency_needs_one_success_beyond_it(
    key: str, requests: int, failures: int, seconds: int, reason: str | None
) -> None:
    seen = windows(requests=requests, failures=failures, seconds=seconds)
    [found] = of_requests(seen, **{key: 1.0})
    if reason is None:
        assert found.verdict is Verdict.PASS
    else:
        assert found == Finding(
            RuleName.LATENCY,
            f"http_request_{key}_seconds",
            Verdict.INCONCLUSIVE,
            f"{key} cannot be judged {reason}",
            (),
            1.0,
            None if requests == failures else TEN_MS,
            "seconds",
        )


@pytest.mark.parametrize(
    ("limit", "verdict"), [(2.5, Verdict.PASS), (2.6, Verdict.FAIL), (2.4, Verdict.PASS)]
)
def test_a_rate_at_its_limit_passes(limit: float, verdict: Verdict) -> None:
    [found] = of_requests(rows([5, 5], seconds=2.0), OWN, rate=limit)
    assert found == Finding(
        RuleName.RATE,
        "http_requests_per_second",
        verdict,
        f"GET /a: 2.5 requests/s were achieved; at least {limit}/s are wanted.",
        OWN,
        limit,
        2.5,
        "/s",
    )


def test_without_windows_the_rate_is_nothing() -> None:
    [short] = of_requests(rows([5], seconds=0.5), rate=10.0)
    assert (short.verdict, short.observed) == (Verdict.PASS, 10.0)
    [found] = of_requests(rows([]), rate=0.5)
    assert (found.verdict, found.observed) == (Verdict.FAIL, 0.0)


KINDS = {"reset": 1, "status 500": 9, "timeout": 4, "refused": 3}
MOST = "status 500, timeout, refused"
LEAKS = "is not doing the work that would make it leak; fix that, or allow it (limit errors: 100%)."


@pytest.mark.parametrize(
    ("requests", "failures", "errors", "labels", "verdict", "reason"),
    [
        (10, 1, 0.1, (), "pass", f"1 of 10 requests failed (10%: {MOST}); 10% is allowed."),
        (10, 2, 0.1, (), "fail", f"2 of 10 requests failed (20%: {MOST}); 10% is allowed."),
        (10, 0, 0.0, (), "pass", "0 of 10 requests failed (0%); 0% is allowed."),
        (10, 9, 1.0, OWN, "pass", f"GET /a: 9 of 10 requests failed (90%: {MOST}); 100% is allowed."),
        (10, 5, None, (), None, ""),
        (10, 6, None, (), "inconclusive",
         f"6 of 10 requests failed (60%: {MOST}): a service that mostly fails {LEAKS}"),
        (10, 6, None, OWN, "inconclusive",
         f"GET /a: 6 of 10 requests failed (60%: {MOST}): an endpoint that mostly fails {LEAKS}"),
        (0, 0, None, OWN, None, ""),
        (0, 0, None, (), "inconclusive",
         "No request was made in the judged stretch, so errors cannot be judged; run longer, or shorten the warm-up."),
        (0, 0, 0.1, OWN, "inconclusive",
         ("GET /a: no request was made in the judged stretch, so errors cannot be judged; run longer, or shorten the "
         "warm-up.")),
    ],
)  # fmt: skip
def test_errors_at_their_limit_pass(
    requests: int,
    failures: int,
    errors: float | None,
    labels: Any,
    verdict: str | None,
    reason: str,
) -> None:
    seen = rows([requests], failures, kinds=KINDS)
    found = list(rule._errors(seen, EndpointLimits(errors=errors), labels))
    assert found == [
        Finding(
            RuleName.ERRORS,
            "http_request_error_ratio",
            Verdict(said),
            reason,
            labels,
            errors,
            failures / requests if requests else None,
            "ratio",
        )
        for said in [verdict]
        if said
    ]


def test_failures_of_an_unknown_kind_are_counted() -> None:
    [found] = rule._errors(rows([4], 1), EndpointLimits(errors=0.5), ())
    assert found.reason == "1 of 4 requests failed (25%); 50% is allowed."


def test_a_limit_on_a_share_of_windows_is_no_plain_one() -> None:
    windowed = given(
        errors={"at": "1%", "in": "99% of minutes"}, p99={"at": "1s", "in": "99% of minutes"}
    )
    assert rule.plain(windowed.errors) is None
    assert rule.plain(windowed.p99) is None
    assert rule.plain(0.5) == 0.5
    assert rule.plain(None) is None
    assert of_requests(windows(seconds=10), p99=windowed.p99) == []


NONE_RECORDED = "No requests were recorded, so nothing can be said of them; soak check --probe shows what each one gets."


@pytest.mark.parametrize(
    ("driven", "limits", "told"),
    [
        (True, {}, True),
        (False, {}, False),
        (False, {"errors": "1%"}, True),
        (False, {"rate": "1/s"}, True),
        (False, {"p50": "1s"}, True),
        (False, {"p999": "1s"}, True),
    ],
)
def test_requests_that_were_not_recorded_are_told_where_they_are_asked_for(
    driven: bool, limits: dict[str, str], told: bool
) -> None:
    asked = RuleInput(prepared(driven=driven), Limits.model_validate(limits))
    found = list(rule.request_findings(asked))
    assert [(each.series, each.verdict, each.reason) for each in found] == [
        ("http_requests", Verdict.INCONCLUSIVE, NONE_RECORDED)
    ] * told


def series_of(
    *seen: EndpointWindows,
    limits: Limits | None = None,
    own: dict[str, Any] | None = None,
    groups: Any = (),
) -> list[tuple[str, Any]]:
    """The rules and the labels of all findings about requests."""
    run = prepared(*seen, asked=AskedLoad(groups=groups))
    named = {name: given(**each) for name, each in (own or {}).items()}
    found = rule.request_findings(RuleInput(run, limits or Limits(), named))
    return [(each.rule.value, each.labels) for each in found]


FAILING, FINE = rows([9], 9, endpoint="GET /a"), rows([9], endpoint="GET /b")


def test_an_endpoint_that_mostly_fails_is_told_beside_others_without_a_limit_on_errors() -> None:
    assert series_of(FAILING, FINE) == [("errors", OWN)]
    assert series_of(FAILING, FINE, limits=Limits(errors=0.6)) == [("errors", ())]
    assert series_of(FAILING) == [("errors", ())]  # told once of all requests
    assert series_of(FINE, FAILING) == [("errors", OWN)]
    assert series_of(FAILING, FINE, own={"GET /a": {"errors": 1.0}}) == [("errors", OWN)]


def test_an_endpoint_is_judged_by_its_own_limits() -> None:
    assert series_of(FAILING, own={"GET /a": {"rate": "1/s"}}) == [
        ("errors", ()),
        ("errors", OWN),
        ("rate", OWN),
    ]
    assert series_of(FINE, own={"GET /a": {"rate": "1/s"}}) == []


def test_a_group_is_judged_where_it_has_limits() -> None:
    one, other = (
        RequestGroup("tag", name, ("GET /b",), limits)
        for name, limits in (("plain", None), ("kept", given(rate="1/s")))
    )
    assert series_of(FINE, groups=(one, other)) == [("rate", (("tag", "kept"),))]


def gauge(name: str, *values: float, **labels: str) -> Series:
    column = np.array(values)
    return Series(name, np.arange(float(len(column))), column, tuple(labels.items()))


def most(*series: Series, **limits: Any) -> list[Finding]:
    asked = Limits.model_validate({"max": limits})
    return list(rule.max_findings(RuleInput(prepared(series=series), asked)))


@pytest.mark.parametrize(
    ("limit", "verdict", "said"),
    [
        (30, Verdict.PASS, "Open descriptors stayed at or below 30 descriptors; 30 descriptors is allowed."),
        (29, Verdict.FAIL, "Open descriptors rose to 30 descriptors; 29 descriptors is allowed."),
    ],
)  # fmt: skip
def test_a_maximum_at_its_limit_passes(limit: int, verdict: Verdict, said: str) -> None:
    series = gauge("process_open_fds", 20.0, np.nan, 30.0, 10.0, instance="a")
    assert most(series, process_open_fds=limit) == [
        Finding(
            RuleName.MAX,
            "process_open_fds",
            verdict,
            said,
            (("instance", "a"),),
            float(limit),
            30.0,
            "descriptors",
        )
    ]


def test_a_series_without_a_value_leaves_those_after_it_to_be_judged() -> None:
    empty, full = gauge("some_gauge", np.nan, kind="a"), gauge("some_gauge", 3.0, kind="b")
    found = most(empty, full, some_gauge="2MiB")
    assert [(each.verdict, each.reason) for each in found] == [
        (Verdict.INCONCLUSIVE, 'some_gauge{kind="a"} has no value: is it the right series?'),
        (Verdict.PASS, "some_gauge stayed at or below 3 B; 2 MiB is allowed."),
    ]
    assert [each.limit for each in found] == [2.0**21] * 2


def test_a_limit_on_a_series_that_was_not_recorded_names_the_closest() -> None:
    [close] = most(gauge("some_gauge", 1.0), some_gauges=3)
    assert close == Finding(
        RuleName.MAX,
        "some_gauges",
        Verdict.INCONCLUSIVE,
        "some_gauges has a limit, but was not recorded; did you mean some_gauge?",
        (),
        3.0,
    )
    [far] = most(gauge("some_gauge", 1.0), zzz="3s")
    assert (far.reason, far.unit) == (
        "zzz has a limit, but was not recorded; the report lists what was, and soak check --probe what is offered.",
        "seconds",
    )
    run = prepared(series=[gauge("abcdefg2", 1.0), gauge("abcdefg1", 1.0)])
    assert "mean abcdefg2?" in rule.missing(run, RuleName.MAX, "abcdefg22", 1.0).reason


def test_a_limit_names_series_by_name_by_key_or_by_pattern() -> None:
    one, other = gauge("go_goroutines", 1.0, job="a"), gauge("go_threads", 1.0)
    run = prepared(series=[one, other])
    assert rule.matching(run, "go_goroutines") == [one]
    assert rule.matching(run, 'go_goroutines{job="a"}') == [one]
    assert rule.matching(run, "go_*") == [one, other]
    assert rule.matching(run, "GO_*") == []
    assert rule.matching(run, "threads") == []


@pytest.mark.parametrize(
    ("name", "limit", "unit"),
    [
        ("process_resident_memory_bytes", 5.0, "bytes"),
        ('process_resident_memory_bytes{job="a"}', 5.0, "bytes"),
        ("process_resident_memory_bytes", parse_growth("1MiB/h"), "bytes/h"),
        ("process_resident_memory_bytes", parse_amount("1MiB"), "bytes"),
        ("some_gauge", 5.0, ""),
        ("some_gauge", parse_amount("5s"), "seconds"),
        ("some_gauge", parse_growth("1MiB/h"), "bytes/h"),
    ],
)
def test_the_unit_of_a_limit_is_that_of_its_series_or_the_one_it_was_given_in(
    name: str, limit: float, unit: str
) -> None:
    assert rule._unit(name, limit) == unit
