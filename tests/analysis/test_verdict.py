"""The rules around growth, and how their findings become one verdict."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.prepare.asked_load import AskedLoad
from soak.analysis.prepare.prepare import Prepared, prepare
from soak.analysis.rules.load_generator import RATE
from soak.analysis.statistics.room import LITTLE, PART
from soak.analysis.thresholds import FEWEST_SAMPLES
from soak.analysis.verdict import (
    _all_well,
    _groups,
    _phases,
    _urgency,
    analyze_prepared,
    broken_by,
    overall,
)
from soak.model import (
    Aborted,
    Analysis,
    Ending,
    Event,
    EventKind,
    Finding,
    Phase,
    Recording,
    RuleName,
    RunInfo,
    Series,
    SourceHealth,
    Trend,
    Verdict,
)
from soak.profile import EndpointLimits, Limits
from soak.profile.tags import RequestGroup
from soak.reporters import wording
from soak.snapshots import SNAPSHOT_SOURCE
from tests.analysis.recordings import SECONDS, counter, gauge, health, noise, recording, windows

MEMORY = gauge("process_resident_memory_bytes", 50e6 + noise(2e4))
LEAK = gauge("process_resident_memory_bytes", 50e6 + 20000.0 * np.arange(SECONDS) + noise(2e4))


def judged(
    run: Recording, warmup: float = 0.0, endpoint_limits: Any = None, **limits: Any
) -> Analysis:
    return analyze(run, Limits.model_validate(limits), endpoint_limits or {}, warmup)


def finding(analysis: Analysis, rule: str, series: str | None = None) -> Finding:
    [only] = [
        finding
        for finding in analysis.findings
        if finding.rule == rule and series in (None, finding.series)
    ]
    return only


# Its parts, on findings made by hand.

TREND = Trend(10.0, 8.0, 12.0, 5.0, 0.0, 100.0)
WHOLE = prepare(recording(gauge("process_open_fds", 30.0)), 0.0)


def told(verdict: Verdict = Verdict.PASS, **more: Any) -> Finding:
    made = Finding(RuleName.GROWTH, "process_open_fds", verdict, "It is told.", trend=TREND)
    return replace(made, **more)


@pytest.mark.parametrize(
    ("made", "doubling"),
    [
        (told(), 10.0),
        (told(trend=TREND.mirrored()), 10.0),
        (told(trend=replace(TREND, level=-50.0)), 5.0),
        (told(trend=replace(TREND, slope_per_hour=0.5)), 200.0),
        (told(trend=replace(TREND, slope_per_hour=0.0)), np.inf),
        (told(trend=replace(TREND, slope_per_hour=-10.0)), np.inf),
        (told(trend=replace(TREND, level=np.inf)), np.inf),
        (told(trend=None), 0.0),
        (told(trend=None, rule=RuleName.GENERATOR), np.inf),
        (told(Verdict.INCONCLUSIVE, trend=None, rule=RuleName.GENERATOR), 0.0),
        (told(trend=None, rule=RuleName.MAX), 0.0),
        (told(Verdict.INCONCLUSIVE, trend=None, rule=RuleName.RATE, series=RATE), -1.0),
    ],
)
def test_among_equal_verdicts_the_one_that_would_double_soonest_comes_first(
    made: Finding, doubling: float
) -> None:
    assert _urgency(made) == (made.verdict.rank, False, doubling)


@pytest.mark.parametrize(
    ("made", "vague"),
    [
        (told(Verdict.INCONCLUSIVE), False),
        (told(Verdict.INCONCLUSIVE, trend=replace(TREND, slope_low=0.1)), False),
        (told(Verdict.INCONCLUSIVE, trend=replace(TREND, slope_low=0.0)), True),
        (told(Verdict.PASS, trend=replace(TREND, slope_low=0.0)), False),
        (told(Verdict.FAIL, trend=replace(TREND, slope_low=0.0)), False),
    ],
)
def test_what_is_undecided_and_may_well_not_grow_comes_last(made: Finding, vague: bool) -> None:
    assert _urgency(made) == (made.verdict.rank, vague, 10.0)


def test_findings_are_in_order_of_their_urgency() -> None:
    analysis = judged(
        recording(LEAK, gauge("process_threads", 9), requests=[windows(failures=1)]), errors="1%"
    )
    assert [_urgency(each) for each in analysis.findings] == sorted(
        _urgency(each) for each in analysis.findings
    )
    assert analysis.findings[-1].verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("phases", "judged_from", "left_out"),
    [
        ((Phase("steady", 10.0, 50.0),), 10.0, None),
        ((Phase("steady", 10.0, 50.0),), 9.0, None),
        ((Phase("steady", 10.0, 50.0),), 20.0, (10.0, 20.0)),
        ((Phase("steady", 10.0, 50.0),), 60.0, (10.0, 50.0)),
        ((Phase("ramp", 0.0, 5.0),), 20.0, None),
        ((), 20.0, None),
    ],
)
def test_the_part_of_the_steady_phase_that_is_left_out_is_a_phase(
    phases: tuple[Phase, ...], judged_from: float, left_out: tuple[float, float] | None
) -> None:
    snapshot = Phase("snapshot", 30.0, 31.0)
    made = replace(
        WHOLE,
        recording=replace(WHOLE.recording, phases=phases),
        judged_from=judged_from,
        snapshots=(snapshot,),
    )
    warmup = () if left_out is None else (Phase("warmup", *left_out),)
    assert _phases(made) == (*phases, snapshot, *warmup)


UNKNOWN = (
    "No resource of the target was recorded, so growth cannot be judged; name its process or its metrics page in sources, "
    "or a series of that page in limits."
)
CAUGHT = "; growth of open descriptors above 5 descriptors/h, 3,600 a month, would have been caught"
FAILS, OPEN = told(Verdict.FAIL, reason="It grows."), told(Verdict.INCONCLUSIVE, reason="Open.")


@pytest.mark.parametrize(
    ("findings", "verdict", "reason"),
    [
        ((FAILS,), Verdict.FAIL, "It grows."),
        ((OPEN, told(), FAILS), Verdict.FAIL, "It grows."),
        (
            (FAILS, replace(FAILS, reason="Later.")),
            Verdict.FAIL,
            "It grows. One more rule fails.",
        ),
        (
            (OPEN, replace(OPEN, reason="Later.")),
            Verdict.INCONCLUSIVE,
            "Open. One more rule is undecided.",
        ),
        ((FAILS, FAILS), Verdict.FAIL, "It grows. One more rule fails."),
        ((FAILS, FAILS, FAILS), Verdict.FAIL, "It grows. 2 more rules fail."),
        ((told(), OPEN), Verdict.INCONCLUSIVE, "Open."),
        ((OPEN, OPEN), Verdict.INCONCLUSIVE, "Open. One more rule is undecided."),
        ((OPEN, OPEN, OPEN), Verdict.INCONCLUSIVE, "Open. 2 more rules are undecided."),
        (
            (replace(OPEN, more_seconds=60.0), replace(OPEN, more_seconds=3600.0)),
            Verdict.INCONCLUSIVE,
            "Open. One more rule is undecided; in all, 60 min more would tell.",
        ),
        (
            (replace(OPEN, more_seconds=60.0), *2 * (replace(OPEN, more_seconds=61.0),)),
            Verdict.INCONCLUSIVE,
            "Open. 2 more rules are undecided; in all, 61 s more would tell.",
        ),
        (
            (replace(OPEN, more_seconds=60.0), replace(OPEN, more_seconds=60.0)),
            Verdict.INCONCLUSIVE,
            "Open. One more rule is undecided.",
        ),
        (
            (replace(OPEN, more_seconds=60.0), OPEN),
            Verdict.INCONCLUSIVE,
            "Open. One more rule is undecided.",
        ),
        (
            (OPEN, replace(OPEN, more_seconds=60.0)),
            Verdict.INCONCLUSIVE,
            "Open. One more rule is undecided.",
        ),
        ((told(),), Verdict.PASS, f"1 series stayed steady over 5 min of load{CAUGHT}."),
        ((told(rule=RuleName.MAX),), Verdict.INCONCLUSIVE, UNKNOWN),
        ((told(series="scrape_duration_seconds"),), Verdict.INCONCLUSIVE, UNKNOWN),
    ],
)
def test_a_fail_outranks_what_is_open_and_nothing_judged_is_no_pass(
    findings: tuple[Finding, ...], verdict: Verdict, reason: str
) -> None:
    assert overall(WHOLE, findings) == (verdict, reason)


@pytest.mark.parametrize(
    ("ended", "how"),
    [
        (Ending.CRASHED, "broke off"),
        (Ending.ABORTED, "was aborted"),
        (Ending.INTERRUPTED, "was interrupted"),
        (Ending.RUNNING, "is still under way"),
        (Ending.EARLY, None),
        (Ending.COMPLETED, None),
    ],
)
def test_a_run_that_did_not_go_to_its_end_is_no_pass(ended: Ending, how: str | None) -> None:
    made = prepare(recording(gauge("process_open_fds", 30.0), ended=ended), 0.0)
    verdict, reason = overall(made, (told(), OPEN))
    if how is None:
        assert (verdict, reason) == (Verdict.INCONCLUSIVE, "Open.")
        return
    said = (
        f"The run {how} after 5 min of load, so a pass cannot be given; nothing had failed by then"
    )
    assert (verdict, reason) == (Verdict.INCONCLUSIVE, f"{said}.")
    assert overall(made, (told(), FAILS)) == (Verdict.FAIL, "It grows.")
    by = Aborted(9.0, "fds > 5", "fds", (), 6.0, 5.0, "", of_target=False, text="fds rose to 6")
    run = replace(made.recording.run, aborted=by)
    aborted = replace(made, recording=replace(made.recording, run=run))
    assert overall(aborted, (told(),))[1] == f"{said}; fds rose to 6."


def test_of_a_file_in_which_nothing_is_known_one_series_can_be_named() -> None:
    file = prepare(Recording(RunInfo("file"), (gauge("price", 3.0),)), 0.0)
    assert overall(file, ()) == (
        Verdict.INCONCLUSIVE,
        "None of its series is known as a resource, so growth cannot be judged; --only NAME judges one.",
    )


def resolved(resolution: float) -> Finding:
    return told(trend=replace(TREND, resolution_per_hour=resolution))


MEMORY_TOLD = told(
    series="process_resident_memory_bytes", trend=replace(TREND, resolution_per_hour=2.0**20)
)


@pytest.mark.parametrize(
    ("growth", "caught"),
    [
        ([resolved(5.0), resolved(7.0)], CAUGHT),
        ([resolved(0.5)], "; growth of open descriptors above 0.5 descriptors/h, 360 a month, would have been caught"),
        ([resolved(0.0)], ""),
        ([resolved(np.inf)], ""),
        ([told(trend=None)], ""),
        (
            [resolved(5.0), MEMORY_TOLD],
            "; growth of resident memory above 1 MiB/h, 720 MiB a month, would have been caught",
        ),
        (
            [told(series="machine_memory_available_bytes")],
            "; a fall of the machine's available memory above 5 B/h, 3.52 KiB a month, would have been caught",
        ),
        ([told(series="jobs_waiting")], "; growth of jobs_waiting above 5/h, 3,600 a month, would have been caught"),
    ],
)  # fmt: skip
def test_a_pass_says_the_slowest_leak_of_its_main_series_that_would_have_been_caught(
    growth: list[Finding], caught: str
) -> None:
    assert _all_well(WHOLE, growth) == (
        f"{len(growth)} series stayed steady over 5 min of load{caught}."
    )
    file = replace(WHOLE, driven=False)
    assert _all_well(file, growth) == f"{len(growth)} series stayed steady over 5 min{caught}."


def whole(requests: int = 50, **run: Any) -> Prepared:
    made = recording(gauge("process_open_fds", 30.0), requests=[windows(requests=requests)])
    return prepare(replace(made, run=replace(made.run, **run)), 0.0)


@pytest.mark.parametrize(
    ("prepared", "why"),
    [
        (whole(), None),
        (whole(failure="no server"), "The run broke: no server."),
        (whole(0), "The run broke: No request was made: see load.log for why."),
        (whole(0, ended=Ending.RUNNING), None),
        (whole(0, ended=Ending.RUNNING, failure="x"), "The run broke: x."),
        (whole(0, failure="x"), "The run broke: x."),
    ],
)
def test_a_run_broke_where_it_failed_or_made_no_load(prepared: Prepared, why: str | None) -> None:
    assert broken_by(prepared, None, ()) == why


def test_a_broken_run_is_inconclusive_unless_something_surely_failed() -> None:
    run = RunInfo("broke", seconds=SECONDS, failure="the load ended")
    broke = judged(replace(recording(MEMORY), run=run))
    assert (broke.verdict, broke.reason, broke.broken) == (
        Verdict.INCONCLUSIVE,
        "The run broke: the load ended.",
        "The run broke: the load ended.",
    )
    leaked = judged(replace(recording(LEAK), run=run))
    assert leaked.verdict is Verdict.FAIL
    assert leaked.broken == broke.broken
    assert leaked.reason.startswith("Resident memory keeps growing")


def test_the_horizon_asked_for_is_that_of_the_limits_or_what_must_be_survived() -> None:
    cases: list[tuple[dict[str, Any], float]] = [
        ({}, 30.0),
        ({"survive": "7d"}, 7.0),
        ({"vouch": "2s"}, 2 / 86400),
    ]
    for limits, asked in cases:
        vouched = judged(recording(MEMORY), **limits).vouched
        assert vouched is not None
        assert vouched.asked_seconds == pytest.approx(asked * 86400)


def test_soaks_own_scrapes_bound_no_horizon_and_are_no_resource() -> None:
    own = gauge("scrape_duration_seconds", 0.1 + noise(0.03))
    limits: dict[str, Any] = {"growth": {"scrape_duration_seconds": "1/h"}}
    analysis = judged(recording(MEMORY, own), **limits)
    assert finding(analysis, "growth", "scrape_duration_seconds").verdict is Verdict.PASS
    assert analysis.vouched is not None
    assert analysis.vouched.by == MEMORY.key
    alone = judged(recording(own), **limits)
    assert alone.verdict is Verdict.INCONCLUSIVE
    assert alone.vouched is None


def test_without_a_warm_up_all_of_the_steady_phase_is_judged() -> None:
    """A gap ends where the load went on, and no warm-up is added to it."""
    made = recording(gauge("process_open_fds", np.full(60, 30.0)), seconds=60)
    gap = Phase("gap", 20.0, 30.0)
    resumed = replace(made, phases=(*made.phases, gap))
    analysis = analyze(recording=resumed, limits=Limits())
    assert analysis.phases == (*made.phases, gap)
    assert analysis.basis is not None
    assert (
        "Nothing was left out beforehand; 50 s were judged" in dict(analysis.basis.steps)["Warm-up"]
    )


def test_what_is_not_known_as_a_resource_is_judged_only_where_that_is_asked() -> None:
    prepared = prepare(recording(gauge("shop_backlog", 7 + noise(0.1))), 0.0)
    names = [each.series for each in analyze_prepared(prepared, Limits()).findings]
    assert "shop_backlog" not in names
    asked = analyze_prepared(prepared=prepared, limits=Limits(), judge_unknown=True)
    assert "shop_backlog" in [each.series for each in asked.findings]


def test_each_scenario_and_tag_has_a_summary_of_its_endpoints() -> None:
    groups = (
        RequestGroup("scenario", "shop", ("GET /a", "GET /b")),
        RequestGroup("tag", "read", ("GET /b",)),
    )
    load = [windows("GET /a", requests=10), windows("GET /b", requests=5)]
    prepared = prepare(recording(requests=load), 0.0, replace(AskedLoad(), groups=groups))
    made = list(_groups(prepared))
    assert [(each.kind, each.summary.name, each.summary.requests) for each in made] == [
        ("scenario", "shop", 15 * SECONDS),
        ("tag", "read", 5 * SECONDS),
    ]
    assert made[0].endpoints == ("GET /a", "GET /b")
    assert analyze_prepared(prepared, Limits()).groups == tuple(made)


# Whole recordings.


def test_steady_resources_under_a_load_that_was_served_pass() -> None:
    analysis = judged(recording(MEMORY, gauge("process_open_fds", 30)), errors="1%", p99="1s")
    assert analysis.verdict is Verdict.PASS
    assert "2 series stayed steady over 5 min" in analysis.reason
    assert "would have been caught" in analysis.reason


def test_a_leak_fails_whatever_else_is_open() -> None:
    lost = SourceHealth("prometheus", 300, 300, 0.0, "answered 503")
    analysis = judged(recording(LEAK, sources=[SourceHealth("process", 300, 0, 0.0), lost]))
    assert analysis.verdict is Verdict.FAIL
    assert analysis.reason.startswith("Resident memory keeps growing")
    assert finding(analysis, "sampling").verdict is Verdict.INCONCLUSIVE
    assert analysis.warnings[0].startswith(
        "prometheus: 300 of 300 scrapes failed (100%); the last error: answered 503"
    )


def test_an_explicit_growth_limit_replaces_the_default_rule() -> None:
    assert (
        judged(recording(LEAK), growth={"process_resident_memory_bytes": "1GiB/h"}).verdict
        is Verdict.PASS
    )
    assert judged(recording(LEAK), growth={"process_resident_*": "1MiB/h"}).verdict is Verdict.FAIL


def test_of_two_sources_for_one_series_the_view_from_outside_counts() -> None:
    other = gauge("process_resident_memory_bytes", LEAK.values, source="prometheus")
    assert judged(recording(other, MEMORY)).verdict is Verdict.PASS


def test_no_watched_resource_is_never_a_pass() -> None:
    analysis = judged(recording(sources=[]))
    assert analysis.verdict is Verdict.INCONCLUSIVE
    assert "Nothing of the target was watched" in analysis.reason
    assert judged(recording(gauge("my_gauge", 1.0))).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("ended", [Ending.CRASHED, Ending.ABORTED, Ending.INTERRUPTED])
def test_a_run_that_broke_off_is_never_a_pass_but_may_be_a_fail(ended: Ending) -> None:
    analysis = judged(recording(MEMORY, ended=ended))
    assert analysis.verdict is Verdict.INCONCLUSIVE
    assert "after 5 min of load, so a pass cannot be given" in analysis.reason
    assert judged(recording(LEAK, ended=ended)).verdict is Verdict.FAIL


@pytest.mark.parametrize(("failures", "verdict"), [(0, Verdict.PASS), (1, Verdict.FAIL)])
def test_errors(failures: int, verdict: Verdict) -> None:
    analysis = judged(recording(MEMORY, requests=[windows(failures=failures)]), errors="1%")
    told = finding(analysis, "errors")
    assert told.verdict is verdict
    assert told.observed == failures / 50
    if failures:
        assert told.reason == "300 of 15,000 requests failed (2%: status 500); 1% is allowed."


def test_a_limit_that_rounding_would_hide_is_told_apart() -> None:
    """`2% failed; 2% is allowed` beside a failure, and the same of a maximum."""
    taken = recording(MEMORY, gauge("process_open_fds", 30), requests=[windows(failures=1)])
    analysis = judged(taken, errors="1.9999%", max={"process_open_fds": 29.9999})
    said = finding(analysis, "errors").reason
    assert said == "300 of 15,000 requests failed (2%: status 500); 1.9999% is allowed."
    said = finding(analysis, "max").reason
    assert said == "Open descriptors rose to 30 descriptors; 29.9999 descriptors is allowed."


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize(
    ("limit", "shown"), [("1GiB", "1 GiB"), ("250ms", "250 ms"), (1_073_741_824, "1,073,741,824")]
)
def test_the_limit_of_a_series_that_nothing_is_known_of_has_the_unit_in_which_it_was_given(
    limit: object, shown: str, recorded: bool
) -> None:
    """And one that is known has its own."""
    depth = [gauge("shop_backlog", 7)] if recorded else []
    told = finding(judged(recording(MEMORY, *depth), max={"shop_backlog": limit}), "max")
    assert told.limit is not None
    assert wording.amount(told.limit, told.unit) == shown
    absent = finding(judged(recording(MEMORY), max={"other_bytes": 2.0**30}), "max")
    assert wording.amount(absent.limit, absent.unit) == "1 GiB"
    growth = judged(recording(MEMORY), growth={"shop_backlog": "2MiB/h"})
    (missing,) = [each for each in growth.findings if each.series == "shop_backlog"]
    assert wording.amount(missing.limit, missing.unit) == "2 MiB/h"


def test_what_is_left_falls_also_in_the_sentence_of_a_pass() -> None:
    left = gauge("machine_memory_available_bytes", MEMORY.values)
    assert "; a fall of the machine's available memory above" in judged(recording(left)).reason


def test_a_service_that_mostly_fails_is_inconclusive_without_any_limit() -> None:
    analysis = judged(recording(MEMORY, requests=[windows(failures=40)]))
    assert analysis.verdict is Verdict.INCONCLUSIVE
    assert "not doing the work that would make it leak" in analysis.reason


def test_no_requests_are_inconclusive() -> None:
    assert (
        judged(recording(MEMORY, requests=[windows(requests=0)]), errors="1%").verdict
        is Verdict.INCONCLUSIVE
    )
    assert judged(recording(MEMORY, requests=[windows(requests=0)])).verdict is Verdict.INCONCLUSIVE


def test_latency_counts_successes_of_the_judged_stretch_only() -> None:
    latency = np.where(np.arange(SECONDS) < 60, 2.0, 0.01)
    recorded = recording(MEMORY, requests=[windows(latency=latency)])
    assert finding(judged(recorded, p99="500ms"), "latency").verdict is Verdict.FAIL
    late = finding(judged(recorded, warmup=61.0, p99="500ms"), "latency")
    assert late.verdict is Verdict.PASS
    assert late.observed == pytest.approx(0.01, rel=0.02)


def test_too_few_requests_for_a_percentile_are_inconclusive() -> None:
    recorded = recording(MEMORY, requests=[windows(requests=1)])
    assert finding(judged(recorded, p999="1s"), "latency").verdict is Verdict.INCONCLUSIVE
    assert finding(judged(recorded, p99="1s"), "latency").verdict is Verdict.PASS


def test_rate_and_endpoints_with_limits_of_their_own() -> None:
    recorded = recording(MEMORY, requests=[windows("GET /a"), windows("GET /b", latency=0.5)])
    assert finding(judged(recorded, rate="99/s"), "rate").verdict is Verdict.PASS
    assert finding(judged(recorded, rate="101/s"), "rate").verdict is Verdict.FAIL
    own = {
        "GET /b": EndpointLimits.model_validate({"p50": "100ms"}),
        "GET /a": EndpointLimits.model_validate({"p50": "100ms"}),
    }
    latencies = {
        dict(f.labels)["endpoint"]: f
        for f in judged(recorded, endpoint_limits=own).findings
        if f.rule == "latency"
    }
    assert latencies["GET /a"].verdict is Verdict.PASS
    assert latencies["GET /b"].verdict is Verdict.FAIL
    assert latencies["GET /b"].reason.startswith("GET /b: p50 latency is 5")


def test_max_and_a_limit_on_what_was_not_recorded() -> None:
    recorded = recording(MEMORY, gauge("process_open_fds", 30))
    assert finding(judged(recorded, max={"process_open_fds": 30}), "max").verdict is Verdict.PASS
    assert finding(judged(recorded, max={"process_open_fds": 29}), "max").verdict is Verdict.FAIL
    missing = finding(judged(recorded, max={"process_open_fd": 29}), "max")
    assert missing.verdict is Verdict.INCONCLUSIVE
    assert "did you mean process_open_fds?" in missing.reason
    assert judged(recorded, growth={"nothing": "1/h"}).verdict is Verdict.INCONCLUSIVE


def test_a_restart_is_a_fail_in_a_run_and_told_in_a_file() -> None:
    started = gauge("process_start_time_seconds", np.where(np.arange(SECONDS) < 100, 5.0, 100.0))
    analysis = judged(recording(MEMORY, started))
    assert analysis.verdict is Verdict.FAIL
    assert (
        analysis.reason
        == "The target's process was replaced once (after 1.7 min): it did not survive this run."
    )
    file = Recording(recording().run, (MEMORY, started))
    told = analyze(file, Limits(), judge_unknown=True)
    assert finding(told, "restart").verdict is Verdict.PASS
    assert told.verdict is Verdict.PASS


def test_no_fit_crosses_a_restart() -> None:
    """Two lives that each leak nothing, the second higher: together they would look like growth."""
    started = gauge("process_start_time_seconds", np.where(np.arange(SECONDS) < 150, 5.0, 155.0))
    memory = gauge(
        "process_resident_memory_bytes", np.where(np.arange(SECONDS) < 150, 50e6, 90e6) + noise(2e4)
    )
    assert finding(judged(recording(memory, started)), "growth").verdict is Verdict.PASS


def test_a_process_that_is_gone_at_the_end_did_not_survive() -> None:
    short = gauge("process_resident_memory_bytes", 50e6 + noise(2e4)[:200])
    gone = SourceHealth("process", 300, 100, 0.0, "process 7 has ended", gone=True)
    analysis = judged(recording(short, sources=[gone]))
    assert analysis.verdict is Verdict.FAIL
    assert "The target died: process 7 has ended" in analysis.reason


def test_a_source_that_falls_silent_is_inconclusive() -> None:
    short = gauge("process_resident_memory_bytes", 50e6 + noise(2e4)[:250])
    silent = health(failing=range(250, 300), error="answered 503")
    told = finding(judged(recording(short, sources=[silent])), "sampling")
    assert told.verdict is Verdict.INCONCLUSIVE
    assert told.reason.startswith(
        "process answered in only 49% of the time from 3.3 min to 5 min of the load (the last error: answered 503)"
    )


def test_the_ramp_and_the_warm_up_are_left_out() -> None:
    rising = 50e6 + np.minimum(np.arange(SECONDS), 60) * 1e6 + noise(2e4)
    recorded = recording(gauge("process_resident_memory_bytes", rising), ramp=70.0)
    assert judged(recorded).verdict is Verdict.PASS


def test_counters_become_rates() -> None:
    cpu = np.cumsum(np.full(SECONDS, 0.25))
    cpu[150:] -= cpu[150]  # the process was replaced: the counter begins again
    analysis = judged(
        recording(MEMORY, counter("process_cpu_seconds_total", cpu)),
        max={"process_cpu_seconds_total": 0.3},
    )
    assert finding(analysis, "max").verdict is Verdict.PASS
    assert finding(analysis, "max").observed == pytest.approx(0.25)


def test_growth_while_the_garbage_collector_hardly_ran_is_open() -> None:
    collected = counter(
        "go_gc_cycles_total_gc_cycles_total", np.minimum(np.arange(SECONDS) // 200, 1)
    )
    analysis = judged(recording(LEAK, collected))
    assert analysis.verdict is Verdict.INCONCLUSIVE
    assert "the garbage collector ran in full only once meanwhile" in analysis.reason
    often = counter("go_gc_cycles_total_gc_cycles_total", np.arange(SECONDS) // 10)
    assert judged(recording(LEAK, often)).verdict is Verdict.FAIL


def test_gos_live_heap_is_judged_and_not_the_garbage_on_it() -> None:
    sawtooth = gauge("go_memstats_heap_alloc_bytes", 20e6 + (np.arange(SECONDS) % 290) * 1e5)
    goal = gauge("go_memstats_next_gc_bytes", 40e6 + noise(1e4))
    often = counter("go_gc_cycles_total_gc_cycles_total", np.arange(SECONDS) // 10)
    analysis = judged(recording(sawtooth, goal, often))
    growth = [finding for finding in analysis.findings if finding.rule == "growth"]
    assert [judged_series.series for judged_series in growth] == ["go_gc_heap_live_bytes"]
    assert growth[0].trend is not None
    assert growth[0].trend.level == pytest.approx(20e6, rel=0.01)
    assert analysis.verdict is Verdict.PASS


def test_a_goal_at_its_least_tells_nothing_where_snapshots_measured_the_heap() -> None:
    """Go's goal stays at 4 MiB however the heap moves below 2."""
    goal = gauge("go_memstats_next_gc_bytes", 4 * 2**20)
    exact = gauge("go_heap_after_gc_bytes", 6e5 + noise(1e4), SNAPSHOT_SOURCE)
    few = gauge("go_heap_after_gc_bytes", np.full(FEWEST_SAMPLES - 1, 6e5), SNAPSHOT_SOURCE)
    moved, mostly = (
        gauge("go_memstats_next_gc_bytes", 4 * 2**20 + 100 * (np.arange(SECONDS) > since))
        for since in (100, 200)
    )

    def heaps(*series: Series) -> list[str]:
        found = judged(recording(*series)).findings
        return sorted({each.series for each in found if "heap" in each.series})

    assert heaps(goal) == ["go_gc_heap_live_bytes"]
    assert heaps(goal, exact) == ["go_heap_after_gc_bytes"]
    assert heaps(goal, few) == ["go_gc_heap_live_bytes"]
    assert heaps(moved, exact) == ["go_gc_heap_live_bytes", "go_heap_after_gc_bytes"]
    assert heaps(mostly, exact) == ["go_heap_after_gc_bytes"]


def test_a_part_of_a_process_may_grow_by_a_twentieth_of_the_process() -> None:
    """A pool of buffers of 0.6 MiB in a process of 200 would have left the run open."""
    pool = gauge("jvm_buffer_memory_used_bytes", 6e5 + noise(3e5), id="direct")

    def vouched(*series: Series) -> float:
        found = finding(judged(recording(*series)), "growth", "jvm_buffer_memory_used_bytes")
        assert found.vouched_seconds is not None
        return found.vouched_seconds

    process = gauge("process_resident_memory_bytes", 2e8 + noise(1e5))
    assert vouched(pool, process) == pytest.approx(PART * 2e8 / LITTLE * vouched(pool), rel=1e-2)


def test_under_gomemlimit_the_live_heap_is_not_known() -> None:
    goal, limit = gauge("go_memstats_next_gc_bytes", 99e6), gauge("go_gc_gomemlimit_bytes", 100e6)
    analysis = judged(recording(MEMORY, goal, limit))
    [live] = [finding for finding in analysis.findings if finding.series == "go_gc_heap_live_bytes"]
    assert live.verdict is Verdict.INCONCLUSIVE


def test_a_known_capacity_says_when_it_runs_out() -> None:
    descriptors = gauge("process_open_fds", np.floor(20 + 0.5 * np.arange(SECONDS)))
    analysis = judged(recording(descriptors, gauge("process_max_fds", 1024)))
    told = finding(analysis, "growth")
    assert told.verdict is Verdict.FAIL
    assert told.exhausts_in_hours == pytest.approx((1024 - 170) / 0.5 / 3600, rel=0.1)
    assert "runs out of descriptors in" in told.reason


def test_drift_of_latency() -> None:
    rising = windows(latency=0.01 * (1 + np.arange(SECONDS) / SECONDS), requests=200, spread=0.2)
    steady = windows(latency=0.01, requests=200, spread=0.2)
    told = finding(judged(recording(MEMORY, requests=[rising])), "drift")
    assert told.verdict is Verdict.FAIL
    assert told.observed == pytest.approx(1.0, rel=0.25)
    assert "p99 latency climbs steadily" in told.reason
    assert [
        finding
        for finding in judged(recording(MEMORY, requests=[steady])).findings
        if finding.rule == "drift"
    ] == []
    assert (
        finding(
            judged(recording(MEMORY, requests=[rising]), drift={"p50": "20%"}),
            "drift",
            "http_request_p50_seconds",
        ).verdict
        is Verdict.FAIL
    )
    for limit in ({"p50": "20%"}, {"rate": "10%"}, {"errors": "10%"}):
        assert (
            finding(judged(recording(MEMORY, requests=[steady]), drift=limit), "drift").verdict
            is Verdict.PASS
        )
    few = finding(
        judged(recording(MEMORY, requests=[windows(requests=1)]), drift={"p999": "20%"}), "drift"
    )
    assert few.verdict is Verdict.INCONCLUSIVE
    assert "at least 60,000 are needed" in few.reason


def test_cpu_a_request_that_climbs_drifts() -> None:
    cpu = counter(
        "process_cpu_seconds_total",
        np.cumsum(0.1 * (1 + np.arange(SECONDS) / SECONDS) + noise(0.002)),
    )
    told = finding(judged(recording(MEMORY, cpu), drift={"cpu": "20%"}), "drift")
    assert told.verdict is Verdict.FAIL
    assert told.observed == pytest.approx(1.0, rel=0.2)


def test_warnings_and_events_reach_the_analysis() -> None:
    late = SourceHealth("process", 300, 3, 4.0, "answered 503")
    analysis = judged(
        recording(
            MEMORY,
            sources=[late],
            events=[
                Event(1.0, EventKind.WARNING, "look here"),
                Event(2.0, EventKind.PROBE, "not this"),
            ],
        )
    )
    assert analysis.warnings == (
        "process: 3 of 300 scrapes failed (1%); the last error: answered 503",
        "process: a scrape was 4 s late",
        "look here",
    )
    assert len(analysis.events) == 2


def test_charts_show_judged_series_first_and_keep_their_peaks() -> None:
    spiky = np.zeros(5000) + 100.0
    spiky[2500] = 900.0
    long = gauge("process_open_fds", spiky)
    analysis = judged(
        recording(long, gauge("process_threads", np.zeros(5000) + 9), seconds=5000),
        max={"process_open_fds": 500},
    )
    first = analysis.charts[0]
    assert (first.title, first.verdict, first.limit) == ("Open descriptors", Verdict.FAIL, 500)
    [curve] = first.curves
    assert len(curve.times) <= 600
    assert curve.high.max() == 900
    assert {"Requests", "Latency"} <= {chart.title for chart in analysis.charts}


def test_warm_up_is_shown_as_left_out_or_as_found() -> None:
    analysis = judged(recording(MEMORY, ramp=10.0), warmup=60.0)
    assert [(phase.name, phase.start, phase.end) for phase in analysis.phases] == [
        ("ramp", 0.0, 10.0),
        ("steady", 10.0, 300.0),
        ("warmup", 10.0, 60.0),
    ]
    settling = gauge(
        "process_resident_memory_bytes",
        50e6 + 20e6 * (1 - np.exp(-np.arange(SECONDS) / 15)) + noise(2e4),
    )
    chart = next(
        chart for chart in judged(recording(settling)).charts if chart.title == "Resident memory"
    )
    assert chart.warm_up is not None
    assert chart.warm_up.start == pytest.approx(0, abs=5)
    assert 20 < chart.warm_up.end < 150
