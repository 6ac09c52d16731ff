"""No evidence is never a pass: what was not seen, or not asked for, is said with when."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.prepare.asked_load import AskedLoad
from soak.model import (
    Analysis,
    Ending,
    Event,
    EventKind,
    Finding,
    Recording,
    RuleName,
    Series,
    SourceHealth,
    Verdict,
)
from soak.profile import Limits
from soak.windows import EndpointWindows, GeneratorWindows
from tests.analysis.recordings import SECONDS, gauge, health, noise, recording, windows

MEMORY = gauge("process_resident_memory_bytes", 50e6 + noise(2e4))


def judged(
    run: Recording, limits: Limits | None = None, asked: AskedLoad | None = None
) -> Analysis:
    return analyze(run, limits or Limits(), asked_load=asked or AskedLoad())


def only(analysis: Analysis, rule: RuleName) -> Finding:
    [finding] = [
        finding
        for finding in analysis.findings
        if finding.rule is rule and finding.verdict is not Verdict.PASS
    ]
    return finding


def at(series: Series, seconds: Iterable[int]) -> Series:
    """The series as it is where only these scrapes have it; the others are NaN."""
    values = np.full(SECONDS, np.nan)
    chosen = list(seconds)
    values[chosen] = series.values[chosen]
    return replace(series, values=values)


def kept(windows_: EndpointWindows, seconds: Iterable[int]) -> EndpointWindows:
    """The windows of these seconds alone: in the others none was written."""
    rows = np.array(list(seconds))
    cells = np.concatenate([np.arange(windows_.offsets[i], windows_.offsets[i + 1]) for i in rows])
    offsets = np.concatenate(([0], np.cumsum(np.diff(windows_.offsets)[rows])))
    columns = {
        name: getattr(windows_, name)[rows]
        for name in ("times", "seconds", "requests", "failures", "bytes")
    }
    return replace(
        windows_,
        **columns,
        offsets=offsets,
        buckets=windows_.buckets[cells],
        counts=windows_.counts[cells],
    )


def generator(asked: float, made: np.ndarray, users: float = np.nan) -> GeneratorWindows:
    times, ones = np.arange(1.0, SECONDS + 1), np.ones(SECONDS)
    zeros = np.zeros(SECONDS)
    return GeneratorWindows(
        times,
        ones,
        0.1 * ones,
        0.1 * ones,
        zeros,
        zeros,
        asked * ones,
        made,
        zeros,
        zeros,
        users * ones,
        np.nan * ones,
    )


@pytest.mark.parametrize(("lost", "verdict"), [(20, Verdict.PASS), (21, Verdict.INCONCLUSIVE)])
def test_a_fifth_of_the_scrapes_of_a_third_may_be_lost_and_no_more(
    lost: int, verdict: Verdict
) -> None:
    sources = [health(failing=range(150, 150 + lost), error="answered 503")]
    analysis = judged(recording(MEMORY, sources=sources))
    assert analysis.verdict is verdict
    if verdict is Verdict.INCONCLUSIVE:
        assert only(analysis, RuleName.SAMPLING).reason == (
            "process answered in only 79% of the time from 1.7 min to 3.3 min of the load (the last error: answered 503), "
            "so growth may hide in what was not seen; a run in which it answers in 80% of each third would tell."
        )


def test_scrapes_that_were_never_made_were_not_seen_either() -> None:
    """A supervisor that stood still writes no failed rows: one says so, and the rest are not there."""
    awake = np.concatenate((np.arange(100), np.arange(230, 300)))
    source = SourceHealth(
        "process",
        len(awake),
        0,
        0.0,
        None,
        False,
        awake.astype(float),
        np.ones(len(awake), np.bool_),
    )
    short = replace(MEMORY, times=MEMORY.times[awake], values=MEMORY.values[awake])
    finding = only(judged(recording(short, sources=[source])), RuleName.SAMPLING)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert (
        "process answered in only 0% of the time from 1.7 min to 3.3 min of the load: soak itself"
        in finding.reason
    )


@pytest.mark.parametrize(
    "seen", [range(150), range(0, SECONDS, 2), [*range(100), *range(130, 300)]]
)
def test_a_series_that_vanishes_while_its_page_answers_is_inconclusive(seen: Iterable[int]) -> None:
    page = gauge("process_open_fds", 30.0)
    finding = only(judged(recording(at(MEMORY, seen), page, sources=[health()])), RuleName.COVERAGE)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.series == MEMORY.name
    assert "while process answered" in finding.reason


def test_a_series_that_nobody_judges_may_vanish() -> None:
    aside = gauge("some_gauge", 1.0)
    assert (
        judged(recording(MEMORY, at(aside, range(50)), sources=[health()])).verdict is Verdict.PASS
    )


def test_a_target_gone_at_the_last_scrape_is_a_fail_however_late() -> None:
    gone = health(failing=[299], error="process 7 has ended", gone=True)
    analysis = judged(recording(MEMORY, sources=[gone]))
    assert analysis.verdict is Verdict.FAIL
    assert analysis.reason == "The target died: process 7 has ended."


def test_a_target_that_ended_by_itself_is_a_fail() -> None:
    event = Event(290.0, EventKind.TARGET, "the target ended by itself with code 1")
    analysis = judged(recording(MEMORY, sources=[health()], events=[event]))
    assert analysis.verdict is Verdict.FAIL
    assert analysis.reason == "The target ended by itself with code 1 after 4.8 min of load."


def test_what_a_dead_target_does_not_answer_is_no_further_finding() -> None:
    served = windows()
    failures = np.where(np.arange(SECONDS) < 200, 0, served.requests)
    served = replace(served, failures=failures, failure_kinds={"connect: refused": 5000})
    lost = health(failing=list(range(199, 300)), error="process 7 does not exist", gone=True)
    event = Event(200.0, EventKind.TARGET, "the target died: its process is gone")
    analysis = judged(recording(MEMORY, sources=[lost], requests=[served], events=[event]))
    assert analysis.reason == "The target died after 3.3 min of load: its process is gone."
    told = [finding for finding in analysis.findings if finding.verdict is not Verdict.PASS]
    assert [finding.rule for finding in told] == ["restart"]
    assert analysis.warnings == ()


@pytest.mark.parametrize(
    ("failing", "verdict"), [(range(294, 300), Verdict.FAIL), ((), Verdict.INCONCLUSIVE)]
)
def test_a_target_that_serves_nothing_at_the_end(failing: Iterable[int], verdict: Verdict) -> None:
    """Where its page answers no more either it did not survive; where it does, what was judged was not served."""
    served = windows()
    failures = np.where(np.arange(SECONDS) < 294, 0, served.requests)
    served = replace(served, failures=failures, failure_kinds={"refused": 300})
    recorded = recording(MEMORY, requests=[served], sources=[health(failing=list(failing))])
    analysis = judged(recorded)
    assert analysis.verdict is verdict
    assert analysis.reason.startswith("No request succeeded any more from 4.9 min of the load on")


def test_a_service_that_only_fails_from_some_time_on_is_inconclusive() -> None:
    served = windows()
    failures = np.where(np.arange(SECONDS) < 162, 0, served.requests)
    failures[-1] = 0  # and not at the very end
    served = replace(served, failures=failures, failure_kinds={"status 503": int(failures.sum())})
    finding = only(
        judged(recording(MEMORY, requests=[served], sources=[health()])), RuleName.COVERAGE
    )
    assert finding.reason.startswith(
        "Requests mostly succeeded in only 1% of the time from 3.3 min to 5 min of the load"
    )
    recorded = recording(MEMORY, requests=[served], sources=[health()])
    assert judged(recorded, Limits(errors=1.0)).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("served_still", "verdict"), [(0, Verdict.INCONCLUSIVE), (1, Verdict.PASS)]
)
def test_a_limit_on_errors_does_not_allow_that_nothing_is_served_for_long(
    served_still: int, verdict: Verdict
) -> None:
    served = windows()
    out = (np.arange(SECONDS) >= 120) & (np.arange(SECONDS) < 220)
    failures = np.where(out, served.requests - served_still, 0)
    served = replace(served, failures=failures, failure_kinds={"refused": int(failures.sum())})
    analysis = judged(recording(MEMORY, requests=[served], sources=[health()]), Limits(errors=0.5))
    assert analysis.verdict is verdict
    if verdict is Verdict.INCONCLUSIVE:
        finding = only(analysis, RuleName.COVERAGE)
        assert finding.reason.startswith("At least one request succeeded in only")
        assert "of the load: a limit on errors allows some requests to fail" in finding.reason


@pytest.mark.parametrize("still", [range(200), [*range(30), *range(200, 300)]])
def test_a_load_that_stood_still_is_inconclusive(still: Iterable[int]) -> None:
    """With windows of nothing, and with no windows at all."""
    seconds = list(still)
    silent = windows()
    silent = replace(
        silent, requests=np.where(np.isin(np.arange(SECONDS), seconds), silent.requests, 0)
    )
    for seen in (silent, kept(windows(), seconds)):
        finding = only(
            judged(recording(MEMORY, requests=[seen], sources=[health()])), RuleName.COVERAGE
        )
        assert finding.series == "load_requests"
        assert finding.verdict is Verdict.INCONCLUSIVE


def test_a_load_of_few_requests_is_not_one_that_stood_still() -> None:
    rare = windows()
    requests = np.zeros(SECONDS, np.int64)
    requests[::15] = 1
    assert (
        judged(
            recording(MEMORY, requests=[replace(rare, requests=requests)], sources=[health()])
        ).verdict
        is Verdict.PASS
    )


@pytest.mark.parametrize(("made", "verdict"), [(41.0, Verdict.PASS), (39.0, Verdict.INCONCLUSIVE)])
def test_far_fewer_arrivals_than_asked_for_are_inconclusive(made: float, verdict: Verdict) -> None:
    column = np.full(SECONDS, 50.0)
    column[200:] = made - 1.5 * (verdict is Verdict.INCONCLUSIVE)
    run = replace(recording(MEMORY, sources=[health()]), generator=generator(50.0, column))
    findings = [finding for finding in judged(run).findings if finding.series == "load_arrivals"]
    assert bool(findings) == (verdict is Verdict.INCONCLUSIVE)


def test_users_that_are_missing_in_one_third_are_counted_in_that_third() -> None:
    there = np.where(np.arange(SECONDS) < 200, 10.0, 6.0)
    users = Series("load_users", np.arange(1.0, SECONDS + 1), there, source="load")
    run = replace(recording(MEMORY, sources=[health()]), users=users)
    reason = judged(run, asked=AskedLoad(users_at=lambda _: 10.0)).reason
    assert reason.startswith("Only 60% of the users asked for from 3.3 min to 5 min of the load")


@pytest.mark.parametrize(("there", "verdict"), [(8.0, Verdict.PASS), (7.0, Verdict.INCONCLUSIVE)])
@pytest.mark.parametrize("by", ["profile", "locustfile"])
def test_far_fewer_users_than_asked_for_are_inconclusive(
    by: str, there: float, verdict: Verdict
) -> None:
    users = Series(
        "load_users", np.arange(1.0, SECONDS + 1), np.full(SECONDS, there), source="load"
    )
    run = replace(recording(MEMORY, sources=[health()]), users=users)
    if by == "profile":
        analysis = judged(run, asked=AskedLoad(users_at=lambda _: 10.0))
    else:
        by_window = generator(np.nan, np.zeros(SECONDS), users=10.0)
        analysis = judged(replace(run, generator=by_window))
    assert analysis.verdict is verdict
    if verdict is Verdict.INCONCLUSIVE:
        assert (
            "Only 70% of the users asked for from 0 s to 1.7 min of the load were there"
            in analysis.reason
        )


def test_a_run_that_sent_nothing_broke() -> None:
    users = Series("load_users", np.arange(1.0, SECONDS + 1), np.full(SECONDS, 5.0), source="load")
    for run in (
        replace(recording(MEMORY, requests=[], sources=[health()]), users=users),
        recording(
            MEMORY,
            requests=[replace(windows(), requests=np.zeros(SECONDS, np.int64))],
            sources=[health()],
        ),
    ):
        analysis = judged(run)
        assert analysis.verdict is Verdict.INCONCLUSIVE
        assert analysis.broken is not None
        assert analysis.reason.startswith("The run broke: No request was made")


def test_an_endpoint_that_was_never_sent_or_always_failed_is_a_warning() -> None:
    fine, bad = windows(), windows("GET /bad", requests=1, failures=1)
    recorded = recording(MEMORY, requests=[fine, bad], sources=[health()])
    analysis = judged(recorded, Limits(errors=0.5), AskedLoad(("GET /", "GET /bad", "GET /never")))
    assert "never sent: GET /never, so whether it leaks is not known" in analysis.warnings
    assert any(text.startswith("GET /bad: all 300 requests failed") for text in analysis.warnings)
    assert analysis.verdict is Verdict.PASS
    without = judged(recorded)
    assert without.verdict is Verdict.INCONCLUSIVE
    assert "an endpoint that mostly fails is not doing the work" in without.reason


@pytest.mark.parametrize(("share", "told"), [(0.011, True), (0.009, False)])
def test_failures_that_no_limit_judges_are_told_from_one_in_a_hundred(
    share: float, told: bool
) -> None:
    failing = windows("GET /bad", requests=1000, failures=round(1000 * share))
    recorded = recording(MEMORY, requests=[failing], sources=[health()])
    warnings = judged(recorded).warnings
    assert any("no limit judges that" in text for text in warnings) is told
    assert not any(
        "no limit judges" in text for text in judged(recorded, Limits(errors=0.5)).warnings
    )


def test_a_run_whose_load_failed_broke_and_says_why() -> None:
    recorded = recording(MEMORY, sources=[health()], ended=Ending.ABORTED)
    analysis = judged(
        replace(
            recorded, run=replace(recorded.run, failure="the load's process was killed by signal 9")
        )
    )
    assert analysis.broken == "The run broke: the load's process was killed by signal 9."
    assert (analysis.verdict, analysis.reason) == (Verdict.INCONCLUSIVE, analysis.broken)


@pytest.mark.parametrize(("last", "verdict"), [(285, Verdict.PASS), (230, Verdict.INCONCLUSIVE)])
def test_a_series_of_a_file_is_judged_by_its_own_rhythm(last: int, verdict: Verdict) -> None:
    """Every third row has a value, as far as it goes; another column shows that the file goes on."""
    other = gauge("other_gauge", 5.0)
    file = Recording(recording().run, (at(MEMORY, range(0, last, 3)), other))
    assert analyze(file, Limits()).verdict is verdict


@pytest.mark.parametrize(("hole", "verdict"), [(6.5, Verdict.PASS), (7.5, Verdict.INCONCLUSIVE)])
def test_of_each_hole_a_twentieth_of_a_third_hides_nothing(hole: float, verdict: Verdict) -> None:
    """A recorder that polls every 50 ms, and is pushed aside for as long again and longer."""
    times = np.concatenate(
        [start + np.arange(0.0, 3.0, 0.05) for start in np.arange(0.0, 299.0, 3.0 + hole)]
    )
    dense = replace(MEMORY, times=times, values=50e6 + 2e4 * np.sin(times * 7.7))
    other = gauge("other_gauge", 5.0)
    analysis = analyze(Recording(recording().run, (dense, other)), Limits())
    assert analysis.verdict is verdict
