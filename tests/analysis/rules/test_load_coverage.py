"""Whether the target was given the requested load: each comparison at its boundary, in runs of 30 s and thirds of 10 s."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from soak.analysis.prepare.asked_load import AskedLoad
from soak.analysis.rules import load_coverage
from soak.analysis.rules.coverage import Gap
from soak.analysis.rules.load_coverage import load_findings, load_warnings, nothing_sent
from soak.analysis.rules.rule import RuleInput
from soak.model import Event, EventKind, Finding, Phase, RuleName, Series, Verdict
from soak.profile import Limits
from soak.windows import EndpointWindows
from tests.analysis.prepared import own_rows, prepared, rows

FIRST, SECOND, THIRD = (0.0, 10.0), (10.0, 20.0), (20.0, 30.0)
STEADY = rows([10] * 30)


def in_thirds(first: Any, second: Any, third: Any) -> Any:
    """One value a second, the same throughout each third."""
    return np.repeat([first, second, third], 10)


def users(values: Any) -> Series:
    return Series("load_users", np.arange(1.0, 31.0), np.asarray(values, np.float64) * np.ones(30))


def judged(*windows: EndpointWindows, limits: Limits | None = None, **more: Any) -> list[Finding]:
    return list(load_findings(RuleInput(prepared(*windows, **more), limits or Limits())))


def missing(series: str, share: float, reason: str) -> Finding:
    """The finding that a third had too little of the load."""
    return Finding(RuleName.COVERAGE, series, Verdict.INCONCLUSIVE, reason, (), 0.8, share, "ratio")


def test_a_whole_load_has_nothing_to_say() -> None:
    assert judged(STEADY) == []


def test_a_load_that_soak_did_not_make_or_that_is_not_judged_is_not_asked_for() -> None:
    assert judged() != []
    assert judged(driven=False) == []
    assert judged(judged_from=30.0) == []
    assert judged(judged_from=31.0) == []


def test_a_rate_that_was_not_kept_is_the_only_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_coverage, "rate_not_kept", lambda _: (0.123456, "Not kept."))
    assert judged() == [missing("load_rate", 0.1235, "Not kept.")]


def test_requests_that_were_not_made_are_the_only_finding() -> None:
    requests = in_thirds(30, 0, 30)
    generator = own_rows(30.0, requests)
    found = judged(rows(requests), generator=generator)
    assert found == [
        missing(
            "load_requests",
            0.2,
            "Requests were answered in only 20% of the time from 10 s to 20 s of the load: what the load leaves behind "
            "was not seen; a run with them in 80% of each third would tell.",
        )
    ]


def test_missing_arrivals_and_users_and_successes_are_told_beside_each_other() -> None:
    run: dict[str, Any] = {
        "generator": own_rows(30.0, in_thirds(30, 10, 30)),
        "users": users(in_thirds(6, 6, 2)),
        "asked": AskedLoad(users_at=lambda _: 6.0),
    }
    failures = in_thirds(27, 0, 0)
    assert judged(rows([30] * 30, failures), **run) == [
        missing(
            "load_arrivals",
            0.3333,
            "Only 33% of the arrivals asked for from 10 s to 20 s of the load were sent: the load generator did not "
            "keep the rate, so the target was not given the load that was to be judged; a run with them in 80% of "
            "each third would tell.",
        ),
        missing(
            "load_users",
            0.3333,
            "Only 33% of the users asked for from 20 s to 30 s of the load were there: the target was not given the "
            "load that was to be judged; a run with them in 80% of each third would tell.",
        ),
        missing(
            "load_successes",
            0.0,
            "Requests mostly succeeded in only 0% of the time from 0 s to 10 s of the load: a service that mostly "
            "fails is not doing the work that would make it leak; a run with them in 80% of each third would tell.",
        ),
    ]


@pytest.mark.parametrize(
    ("failures", "errors", "found"),
    [
        (in_thirds(9, 0, 0), None, ["Requests mostly succeeded"]),
        (
            in_thirds(9, 9, 0),
            None,
            [],
        ),  # mostly failed throughout is told of the requests themselves
        (in_thirds(9, 0, 0), 0.5, []),
        (in_thirds(10, 0, 0), 0.5, ["At least one request succeeded"]),
        (in_thirds(10, 10, 10), 0.5, ["At least one request succeeded"]),
        (in_thirds(10, 0, 0), 1.0, []),
        (0, None, []),
        (0, 0.5, []),
    ],
)
def test_stretches_of_failures_are_judged_by_the_limit_on_errors(
    failures: Any, errors: float | None, found: list[str]
) -> None:
    seen = judged(rows([10] * 30, failures), limits=Limits(errors=errors))
    assert [each.series for each in seen] == ["load_successes"] * len(found)
    assert [each.reason.partition(" in only")[0] for each in seen] == found
    if errors and found:
        assert "a limit on errors allows some requests to fail, but not an outage" in seen[0].reason


@pytest.mark.parametrize(
    ("requests", "times", "made"),
    [
        ([5], [5.0], False),  # of a window that ended when judging began
        ([5], [5.5], True),
        ([5], [30.0], True),
        ([5], [30.0 + 1e-6], True),
        ([5], [30.5], False),
        ([0, 5], [9.0, 31.0], False),
    ],
)
def test_only_requests_of_the_judged_stretch_are_made(
    requests: list[int], times: list[float], made: bool
) -> None:
    seen = rows(requests, times=times)
    gaps = load_coverage._gaps_of_requests(prepared(seen, judged_from=5.0), seen)
    assert (gaps != [Gap(0.0, 5.0, 30.0)]) is made


def test_without_any_window_nothing_was_requested() -> None:
    assert load_coverage._gaps_of_requests(prepared(judged_from=5.0), None) == [Gap(0.0, 5.0, 30.0)]


@pytest.mark.parametrize(
    ("each", "seconds", "share"),
    [
        (3, 1.0, 0.5),  # ten mean gaps are 5 s: half of them on either side
        (30, 1.0, 0.2),  # ten mean gaps are half a second, two windows are 2 s
        (60, 2.0, 0.4),
    ],
)
def test_requests_reach_over_two_windows_and_ten_mean_gaps(
    each: int, seconds: float, share: float
) -> None:
    step = int(seconds)
    requests = np.where(in_thirds(1, 0, 1) > 0, each, 0)[::step]
    seen = rows(requests.tolist(), seconds=seconds)
    [gap] = load_coverage._gaps_of_requests(prepared(seen), seen)
    assert (gap.start, gap.end) == SECOND
    assert gap.share == pytest.approx(share)


def test_a_window_that_was_much_too_long_reaches_no_further_than_a_usual_one() -> None:
    seen = rows([30] * 21, times=[*range(1, 21), 29], seconds=[1.0] * 20 + [9.0])
    [gap] = load_coverage._gaps_of_requests(prepared(seen), seen)
    assert (gap.start, gap.end) == THIRD
    assert gap.share == pytest.approx(0.4)  # until 21 s, and from 27 s on


def test_a_single_request_is_enough_to_reach_as_far() -> None:
    seen = rows([1 if at % 5 == 0 else 0 for at in range(1, 31)])
    assert load_coverage._gaps_of_requests(prepared(seen), seen) == []


NO_USERS_AT_FIRST = AskedLoad(users_at=lambda seconds: 0.0 if seconds <= 10 else 5.0)
NO_USERS_IN_THE_MIDDLE = AskedLoad(users_at=lambda seconds: 5.0 * (not 10 <= seconds <= 20))
NOTHING_AT_FIRST = own_rows(in_thirds(0, 9, 9), in_thirds(0, 9, 9))


@pytest.mark.parametrize(
    ("more", "idle"),
    [
        ({}, []),
        ({"generator": own_rows(np.nan, 0.0)}, []),
        ({"generator": NOTHING_AT_FIRST}, [FIRST]),
        ({"generator": own_rows([np.nan] * 29 + [9], 0.0)}, [FIRST, SECOND]),
        ({"generator": own_rows([0.0] * 9 + [1.0] + [9.0] * 20, 0.0)}, []),
        ({"asked": NO_USERS_AT_FIRST}, [FIRST]),
        ({"asked": NO_USERS_IN_THE_MIDDLE}, [SECOND]),
        ({"asked": NO_USERS_AT_FIRST, "start": 0.5}, [FIRST]),
        ({"asked": NO_USERS_AT_FIRST, "start": -0.5}, []),
        ({"asked": NO_USERS_IN_THE_MIDDLE, "generator": NOTHING_AT_FIRST}, []),
        ({"asked": NO_USERS_AT_FIRST, "generator": NOTHING_AT_FIRST}, [FIRST]),
        ({"asked": NO_USERS_AT_FIRST, "generator": own_rows(np.nan, 0.0)}, [FIRST]),
    ],
)
def test_a_third_is_idle_in_which_no_arrival_was_due_and_no_user_asked_for(
    more: dict[str, Any], idle: list[tuple[float, float]]
) -> None:
    assert load_coverage._idle(prepared(**more)) == idle


def test_a_third_in_which_nothing_was_asked_for_may_be_without_requests() -> None:
    seen = rows(in_thirds(0, 30, 30))
    first = load_coverage._gaps_of_requests(prepared(seen), seen)
    assert [(gap.start, gap.end) for gap in first] == [FIRST]
    assert load_coverage._gaps_of_requests(prepared(seen, asked=NO_USERS_AT_FIRST), seen) == []


@pytest.mark.parametrize(
    ("asked", "made", "gaps"),
    [
        (90.0, 63.0, []),  # 630 of 900, and three standard errors of 30: 720 are 80%
        (90.0, in_thirds(63.0, 62.9, 63.0), [Gap(629 / 900, *SECOND)]),
        (10.0, 5.0, []),
        (10.0, in_thirds(5.0, 5.0, 4.9), [Gap(0.49, *THIRD)]),
        (in_thirds(0.0, 90.0, 90.0), in_thirds(0.0, 90.0, 9.0), [Gap(0.1, *THIRD)]),
        ([np.nan, 90.0] * 15, [np.nan, 9.0] * 15, [Gap(0.1, *each) for each in (FIRST, SECOND, THIRD)]),
        (np.nan, 0.0, []),
    ],
)  # fmt: skip
def test_a_fifth_of_the_arrivals_may_be_missing_and_three_standard_errors(
    asked: Any, made: Any, gaps: list[Gap]
) -> None:
    seen = load_coverage._gaps_of_arrivals(prepared(generator=own_rows(asked, made)))
    assert [(gap.start, gap.end) for gap in seen] == [(gap.start, gap.end) for gap in gaps]
    assert [gap.share for gap in seen] == pytest.approx([gap.share for gap in gaps])


def test_arrivals_are_not_missing_where_none_were_counted() -> None:
    assert load_coverage._gaps_of_arrivals(prepared()) == []


@pytest.mark.parametrize(
    ("asked", "there", "gaps"),
    [
        (10.0, 8.0, []),
        (10.0, in_thirds(8, 7, 8), [Gap(0.7, *SECOND)]),
        (3.0, in_thirds(3, 3, 2), [Gap(2 / 3, *THIRD)]),  # one user, throughout
        (3.0, [*in_thirds(3, 3, 2)[:29], 3], []),  # 21 of 30 are too few, but less than one user
        (0.0, 0.0, []),
        # Of the first third is what was counted until its end, of the second what came after that.
        (10.0, [10.0] * 9 + [-20.0] + [10.0] * 20, [Gap(0.7, *FIRST)]),
        (10.0, [10.0] * 10 + [-20.0] + [10.0] * 19, [Gap(0.7, *SECOND)]),
    ],
)
def test_a_fifth_of_the_users_may_be_missing_or_less_than_one(
    asked: float, there: Any, gaps: list[Gap]
) -> None:
    run = prepared(users=users(there), asked=AskedLoad(users_at=lambda _: asked))
    assert load_coverage._gaps_of_users(run) == gaps
    by_windows = prepared(users=users(there), generator=own_rows(np.nan, 0.0, users=asked))
    assert load_coverage._gaps_of_users(by_windows) == gaps


def test_users_are_not_missing_where_none_were_counted_or_asked_for() -> None:
    assert load_coverage._gaps_of_users(prepared(asked=AskedLoad(users_at=lambda _: 9.0))) == []
    assert load_coverage._gaps_of_users(prepared(users=users(0.0))) == []
    uncounted = prepared(users=users(0.0), generator=own_rows(np.nan, 0.0))
    assert load_coverage._gaps_of_users(uncounted) == []


def test_users_are_asked_for_by_the_seconds_of_load_or_by_the_next_window() -> None:
    gap = Phase("gap", 10.0, 16.0)
    by_profile = load_coverage._users_asked(
        prepared(start=2.0, gaps=[gap], asked=AskedLoad(users_at=lambda seconds: seconds))
    )
    assert by_profile is not None
    assert [by_profile(moment) for moment in (5.0, 20.0)] == [3.0, 12.0]
    by_window = load_coverage._users_asked(
        prepared(generator=own_rows(1.0, 1.0, users=[4.0, np.nan, 6.0], count=3))
    )
    assert by_window is not None
    assert [by_window(moment) for moment in (0.5, 1.0, 1.5, 3.0, 3.5)] == [4.0, 4.0, 0.0, 6.0, 6.0]


def bad(requests: list[int], failures: Any, *, all_failed: bool = False, **more: Any) -> list[Gap]:
    """The thirds with too many failures in windows of one second, or of `seconds`."""
    seen = rows(requests, failures, seconds=more.pop("seconds", 1.0))
    run = prepared(seen, **more)
    return load_coverage._gaps_of_successes(run, seen, all_failed=all_failed)


@pytest.mark.parametrize(
    ("failures", "all_failed", "gaps"),
    [
        (in_thirds(5, 0, 0), False, []),
        (in_thirds(6, 0, 0), False, [Gap(0.0, *FIRST)]),
        (in_thirds(9, 0, 0), True, []),
        (in_thirds(0, 10, 0), True, [Gap(0.0, *SECOND)]),
        ([6] * 2 + [0] * 28, False, []),  # two of ten seconds
        ([6] * 3 + [0] * 27, False, [Gap(1 - 3 / 10, *FIRST)]),
        ([0] * 8 + [6] * 6 + [0] * 16, False, [Gap(1 - 4 / 10, *SECOND)]),
    ],
)
def test_a_fifth_of_a_third_may_mostly_fail(
    failures: Any, all_failed: bool, gaps: list[Gap]
) -> None:
    assert bad([10] * 30, failures, all_failed=all_failed) == gaps


def test_a_window_across_thirds_counts_in_each_for_its_part() -> None:
    assert bad([10] * 10, [0, 0, 0, 9] + [0] * 6, seconds=3.0) == []
    seen = bad([10] * 10, [0, 0, 9, 9] + [0] * 6, seconds=3.0)
    assert [(gap.start, gap.end) for gap in seen] == [FIRST]
    assert seen[0].share == pytest.approx(0.6)  # of 6 to 12 s
    seen = bad([10] * 10, [0, 0, 0, 0, 0, 9, 9, 9, 0, 0], seconds=3.0)
    assert [(gap.start, gap.end) for gap in seen] == [SECOND, THIRD]
    assert [gap.share for gap in seen] == pytest.approx([0.5, 0.6])  # of 15 to 24 s


def test_windows_of_few_requests_are_judged_ten_requests_at_a_time() -> None:
    assert bad([1] * 30, [1] * 6 + [0] * 24) == [Gap(0.0, *FIRST)]
    assert bad([1] * 30, [1] * 5 + [0] * 25) == []
    # Groups end with the window that fills them: of three requests each these are four windows.
    assert bad([3] * 30, [3] * 2 + [0] * 28) == []
    assert bad([3] * 30, [3, 3, 1] + [0] * 27) == [Gap(0.6, *FIRST)]
    # The last group of fewer than ten is not judged.
    assert bad([1] * 29, [0] * 20 + [1] * 9) == []
    assert bad([], []) == []


@pytest.mark.parametrize("each", [1, 3, 7, 9, 10, 11])
def test_a_third_in_which_all_fail_is_told_whatever_the_requests_of_a_window(each: int) -> None:
    [gap] = bad([each] * 300, in_thirds(each, 0, 0).repeat(10), seconds=0.1)
    assert (gap.start, gap.end) == FIRST
    assert gap.share == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize(
    ("requests", "groups"),
    [
        ([], []),
        ([10, 10, 10], [0, 1, 2]),
        ([9, 9, 9, 9], [0, 0, 1, 1]),
        ([3] * 9, [0, 0, 0, 0, 1, 1, 1, 1, 2]),
        ([19, 1, 9, 0, 4], [0, 1, 1, 2, 2]),
        ([0, 0, 10, 5, 4, 1], [0, 0, 0, 1, 1, 1]),
    ],
)
def test_a_group_of_windows_ends_with_the_one_that_makes_it_ten_requests(
    requests: list[int], groups: list[int]
) -> None:
    assert load_coverage._groups(requests).tolist() == groups


def test_what_is_not_judged_is_neither_a_success_nor_a_failure() -> None:
    failing = [0] * 7 + [6] * 3 + [0] * 20
    assert bad([10] * 30, failing) == [Gap(1 - 3 / 10, *FIRST)]
    masked = [Phase("snapshot", 0.0, 5.0)]
    assert bad([10] * 30, failing, masked=masked) == [Gap(1 - 3 / 5, *FIRST)]
    nearly = [Phase("snapshot", 0.0, 9.0)]
    assert bad([10] * 30, failing, masked=nearly) == [Gap(0.0, *FIRST)]
    whole = [Phase("snapshot", 0.0, 10.0)]
    assert bad([10] * 30, failing, masked=whole) == [Gap(0.0, *FIRST)]
    assert bad([10] * 30, 0, masked=whole) == []
    # Half a second is judged, of which two tenths of a second failed.
    tenths = [0] * 97 + [6] * 2 + [0] * 201
    [gap] = bad([10] * 300, tenths, seconds=0.1, masked=[Phase("snapshot", 0.0, 9.5)])
    assert gap.share == pytest.approx(0.6)


def test_only_the_judged_stretch_is_asked_for_failures() -> None:
    assert bad([10] * 30, [9] * 15 + [0] * 15, judged_from=15.0) == []
    seen = bad([10] * 30, [9] * 15 + [0] * 10 + [9] * 5, judged_from=15.0)
    assert seen == [Gap(0.0, 25.0, 30.0)]


@pytest.mark.parametrize(("failures", "mostly"), [(0, False), (1, True)])
def test_a_run_mostly_failed_in_which_more_than_half_of_its_requests_did(
    failures: int, mostly: bool
) -> None:
    seen = rows([30] * 10, [30] * 5 + [failures] + [0] * 4)
    assert load_coverage._mostly_failed(prepared(seen), seen) is mostly


def test_failures_before_the_judged_stretch_do_not_count() -> None:
    seen = rows([10] * 30, [10] * 20 + [0] * 10)
    assert load_coverage._mostly_failed(prepared(seen, judged_from=20.0), seen) is False
    assert load_coverage._mostly_failed(prepared(seen), seen) is True


WARNED = Event(1.0, EventKind.WARNING, "something")
OTHER = Event(1.0, EventKind.PROBE, "something")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "No request was made: see load.log for why."),
        ({"driven": False}, None),
        ({"events": (OTHER,)}, "No request was made: see load.log for why."),
        (
            {"events": (OTHER, WARNED)},
            "No request was made: see the warnings and load.log for why.",
        ),
        (
            {"users": users([0.0] * 29 + [5.0])},
            "No request was made by 5 users: see load.log for why.",
        ),
        (
            {"users": users([np.nan] * 29 + [0.5])},
            "No request was made by 0.5 users: see load.log for why.",
        ),
        (
            {"users": users(0.0)},
            "No user was ever there, and no request was made: see load.log for why.",
        ),
        (
            {"users": Series("load_users", np.zeros(0), np.zeros(0))},
            "No user was ever there, and no request was made: see load.log for why.",
        ),
    ],
)
def test_a_run_that_made_no_request_says_so_and_where_to_look(
    more: dict[str, Any], said: str | None
) -> None:
    assert nothing_sent(prepared(**more)) == said
    assert nothing_sent(prepared(rows([0, 0]), **more)) == said
    assert nothing_sent(prepared(rows([0, 0]), rows([0, 1]), **more)) is None


def test_a_run_that_broke_says_why_in_one_sentence() -> None:
    assert load_coverage.broken(None) is None
    assert load_coverage.broken("it stopped") == "The run broke: it stopped."
    assert load_coverage.broken("It stopped.") == "The run broke: It stopped."


def warned(
    *windows: EndpointWindows,
    limits: Limits | None = None,
    asked: tuple[str, ...] = (),
    **more: Any,
) -> list[str]:
    run = prepared(*windows, asked=AskedLoad(asked), **more)
    return list(load_warnings(RuleInput(run, limits or Limits()), ()))


KINDS = {"reset": 1, "status 500": 9, "timeout": 4, "refused": 3}


@pytest.mark.parametrize(
    ("failures", "told"), [(2, []), (3, ["1%"]), (299, ["99.7%"]), (300, None)]
)
def test_failures_are_told_from_a_hundredth_on_up_to_all(
    failures: int, told: list[str] | None
) -> None:
    seen = rows([300], failures, kinds=KINDS)
    said = warned(seen)
    if told is None:
        assert said == [
            "GET /: all 300 requests failed (status 500, timeout, refused), so whether it leaks is not known"
        ]
    else:
        assert said == [
            f"{share} of the requests failed (status 500, timeout, refused), and no limit judges that: "
            "`errors: 1%` in `limits` makes it a fail"
            for share in told
        ]
        assert warned(seen, limits=Limits(errors=0.5)) == []


def test_only_failures_of_the_judged_stretch_are_told() -> None:
    assert warned(rows([10] * 30, [5] * 10 + [0] * 20), judged_from=10.0) == []


def test_an_endpoint_whose_only_request_failed_is_told() -> None:
    assert warned(rows([9]), rows([1], 1, endpoint="GET /bad", kinds={"reset": 1})) == [
        "10% of the requests failed (reset), and no limit judges that: `errors: 1%` in `limits` makes it a fail",
        "GET /bad: its only request failed (reset), so whether it leaks is not known",
    ]
    fine = rows([9999]), rows([0], endpoint="GET /idle"), rows([2], 1, endpoint="GET /half")
    assert warned(*fine) == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("GET /",), []),
        (("a", "GET /", "b", "c"), ["never sent: a, b, c, so whether it leaks is not known"]),
        (("a", "b", "c", "d"), ["never sent: a, b, c and 1 more, so whether it leaks is not known"]),
        (("a", "b", "c", "d", "e"), ["never sent: a, b, c and 2 more, so whether it leaks is not known"]),
    ],
)  # fmt: skip
def test_endpoints_that_were_never_requested_are_told(
    asked: tuple[str, ...], said: list[str]
) -> None:
    assert warned(rows([10]), asked=asked) == said
    assert warned(rows([0]), asked=asked) == []  # nothing was sent at all
