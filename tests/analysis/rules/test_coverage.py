"""No evidence is never a pass: what was not seen, or not asked for, is said with when."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.prepare.asked_load import AskedLoad
from soak.analysis.rules import coverage
from soak.analysis.rules.coverage import Gap, coverage_findings, thirds
from soak.analysis.rules.rule import RuleInput
from soak.analysis.statistics.growth_input import Subject
from soak.model import (
    Analysis,
    Ending,
    Event,
    EventKind,
    Finding,
    Phase,
    Recording,
    RuleName,
    Series,
    SourceHealth,
    Verdict,
)
from soak.profile import Limits
from soak.windows import EndpointWindows, GeneratorWindows
from tests.analysis.prepared import prepared
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
        *[np.nan * ones] * 3,
    )


FIRST, SECOND, THIRD = (0.0, 10.0), (10.0, 20.0), (20.0, 30.0)


def polled(
    answered: Iterable[float], failed: Iterable[float] = (), error: str | None = None
) -> SourceHealth:
    """A source that answered at these seconds, and failed at those."""
    ok, lost = list(answered), list(failed)
    times = np.array(sorted([*ok, *lost]), np.float64)
    seen = np.isin(times, ok)
    return SourceHealth("process", len(times), len(lost), 0.0, error, False, times, seen)


def seen_at(times: Iterable[float], name: str = "process_open_fds", **more: Any) -> Series:
    column = np.array(list(times), np.float64)
    return Series(name, column, np.ones(len(column)), source=more.pop("source", "process"))


def spans(gaps: Iterable[Gap]) -> list[tuple[Any, float, float]]:
    """Share seen, start and end."""
    return [(pytest.approx(gap.share), gap.start, gap.end) for gap in gaps]


def test_a_gap_says_what_share_of_which_stretch() -> None:
    gap = Gap(0.3333, 65.0, 125.0)
    assert gap.said(prepared(start=5.0)) == "only 33% of the time from 60 s to 2 min of the load"
    assert gap.said(prepared(driven=False)) == (
        "only 33% of the time from 65 s to 2.1 min of the recording"
    )


def test_the_judged_stretch_has_three_parts_of_one_length() -> None:
    assert thirds(prepared(judged_from=3.0)) == [(3.0, 12.0), (12.0, 21.0), (21.0, 30.0)]


def test_nothing_is_missing_of_a_stretch_without_length() -> None:
    lost = prepared(sources=(polled([]),))
    assert len(list(coverage_findings(RuleInput(lost, Limits())))) == 1
    for start in (30.0, 31.0):
        nothing = replace(lost, judged_from=start)
        assert list(coverage_findings(RuleInput(nothing, Limits()))) == []


@pytest.mark.parametrize(
    ("seen", "expected", "few"),
    [
        (8, 10, False),
        (7, 10, True),
        (4, 5, False),
        (6.4, 8, False),
        (3.5, 5, False),
        (3.4, 5, True),
    ],
)
def test_too_few_are_less_than_four_fifths_and_more_than_one_missed(
    seen: float, expected: float, few: bool
) -> None:
    assert coverage._too_few(seen, expected) is few


@pytest.mark.parametrize(
    ("times", "interval"),
    [([], 1.0), ([7.0], 1.0), ([7.0, 9.0], 2.0), ([0.0, 2.0, 4.0, 9.0], 2.0)],
)
def test_the_usual_time_between_polls_is_their_median(times: list[float], interval: float) -> None:
    assert coverage._interval(polled(times)) == interval


def test_polls_at_one_moment_have_hardly_any_time_between_them() -> None:
    assert coverage._interval(replace(polled([3.0]), times=np.array([3.0, 3.0]))) == 1e-9


@pytest.mark.parametrize(
    ("masked", "seconds"),
    [
        ([], 10.0),
        ([(12.0, 15.0)], 7.0),
        ([(8.0, 9.5)], 10.0),
        ([(20.5, 22.0)], 10.0),
        ([(8.0, 11.0), (18.0, 29.0)], 7.0),
        ([(0.0, 10.0), (20.0, 30.0)], 10.0),
        ([(0.0, 30.0)], 0.0),
        ([(8.0, 18.0), (12.0, 22.0)], 0.0),
    ],
)
def test_what_is_masked_of_a_part_is_not_in_it(
    masked: list[tuple[float, float]], seconds: float
) -> None:
    run = prepared(masked=[Phase("snapshot", *each) for each in masked])
    assert coverage.unmasked(run, *SECOND) == seconds


def test_times_count_after_a_parts_start_until_its_end_and_outside_of_what_is_masked() -> None:
    times = np.array([10.0, 10.5, 20.0, 20.0 + 1e-6, 20.5])
    assert coverage._count(prepared(), times, *SECOND) == 3
    times = np.array([11.0, 12.0, 13.0, 15.0, 16.0, 18.0])
    masked = [Phase("snapshot", 12.0, 15.0), Phase("snapshot", 17.0, 19.0)]
    assert coverage._count(prepared(masked=masked), times, *SECOND) == 2


@pytest.mark.parametrize(
    ("starts", "ends", "gaps", "found"),
    [
        ([0.0], [30.0], [], []),
        ([], [], [], [(0.0, *FIRST), (0.0, *SECOND), (0.0, *THIRD)]),
        ([0.0], [28.0], [], []),
        ([0.0], [27.0], [], [(0.7, *THIRD)]),
        ([2.0], [30.0], [], []),
        ([3.0], [30.0], [], [(0.7, *FIRST)]),
        ([0.0, 14.0], [11.0, 30.0], [], [(0.7, *SECOND)]),
        # Where two overlap, the stretch counts once; also where the first ends last.
        ([0.0, 4.0, 20.0], [6.0, 7.0, 30.0], [], [(0.7, *FIRST), (0.0, *SECOND)]),
        ([0.0, 1.0, 5.0, 20.0], [7.0, 2.0, 6.0, 30.0], [], [(0.7, *FIRST), (0.0, *SECOND)]),
        # A stretch in which the run stood still was seen.
        ([0.0, 20.0], [10.0, 30.0], [(11.0, 19.0)], []),
        ([0.0, 20.0], [10.0, 30.0], [(11.0, 17.0)], [(0.6, *SECOND)]),
        ([0.0, 20.0], [10.0, 30.0], [(12.0, 14.0), (15.0, 17.0)], [(0.4, *SECOND)]),
        ([], [], [(0.0, 30.0)], []),
    ],
)
def test_a_third_is_uncovered_of_which_less_than_four_fifths_are(
    starts: list[float],
    ends: list[float],
    gaps: list[tuple[float, float]],
    found: list[tuple[float, float, float]],
) -> None:
    run = prepared(gaps=[Phase("gap", *each) for each in gaps])
    seen = coverage.uncovered(run, np.array(starts), np.array(ends))
    assert spans(seen) == found


def test_the_worst_gap_is_the_one_of_which_least_was_seen() -> None:
    gaps = [Gap(0.5, *FIRST), Gap(0.1, *SECOND), Gap(0.7, *THIRD)]
    assert coverage.worst(gaps) == gaps[1]
    assert coverage.worst([]) is None


def counted(scrapes: int, failed: int) -> SourceHealth:
    """A source of which only the counts are known."""
    return SourceHealth("process", scrapes, failed, 0.0)


@pytest.mark.parametrize(
    ("health", "gaps"),
    [
        (counted(10, 2), []),
        (counted(10, 3), [(0.7, 0.0, 30.0)]),
        (counted(0, 0), [(0.0, 0.0, 30.0)]),
        (polled(range(1, 31)), []),
        (polled([*range(1, 11), *range(13, 31)]), []),
        (polled([*range(1, 11), *range(14, 31)]), [(0.7, *SECOND)]),
        (polled(range(1, 24), range(24, 31)), [(0.3, *THIRD)]),
        (polled(range(2, 31, 2)), []),
        # Of three polls in a third one may fail.
        (polled([3, 6, 9, 12, 15, 24, 27, 30], [18, 21]), []),
        (polled([3, 6, 9, 12, 24, 27, 30], [15, 18, 21]), [(0.3, *SECOND)]),
    ],
)
def test_a_source_answers_in_four_fifths_of_each_third(
    health: SourceHealth, gaps: list[tuple[float, float, float]]
) -> None:
    assert spans(coverage._gaps_of_source(prepared(), health)) == gaps


def test_polls_that_would_fall_into_a_masked_stretch_are_not_missed() -> None:
    masked = [Phase("snapshot", 12.0, 18.0)]
    health = polled([*range(1, 13), *range(19, 31)])
    assert coverage._gaps_of_source(prepared(masked=masked), health) == []
    assert spans(coverage._gaps_of_source(prepared(), health)) == [(0.4, *SECOND)]
    whole = [Phase("snapshot", 10.0, 20.0)]
    assert coverage._gaps_of_source(prepared(masked=whole), health) == []


@pytest.mark.parametrize(
    ("health", "share", "said"),
    [
        (polled(range(1, 24), range(24, 31), "refused"), 0.3,
         ("process answered in only 30% of the time from 20 s to 30 s of the load (the last error: refused), so growth "
         "may hide in what was not seen; a run in which it answers in 80% of each third would tell.")),
        (polled(range(1, 24)), 0.3,
         ("process answered in only 30% of the time from 20 s to 30 s of the load: soak itself did not poll it, so "
         "growth may hide in what was not seen; a run in which it answers in 80% of each third would tell.")),
        (polled([], range(1, 31), "refused"), 0.0,
         ("process never answered (the last error: refused), so growth may hide in what was not seen; "
         "a run in which it answers in 80% of each third would tell.")),
        (counted(3, 1), 0.6667,
         ("process answered in only 67% of the time from 0 s to 30 s of the load: soak itself did not poll it, so "
         "growth may hide in what was not seen; a run in which it answers in 80% of each third would tell.")),
    ],
)  # fmt: skip
def test_the_finding_about_a_source(health: SourceHealth, share: float, said: str) -> None:
    run = prepared(sources=(polled(range(1, 31)), health))
    assert list(coverage._sources(run)) == [
        Finding(
            RuleName.SAMPLING,
            "scrapes",
            Verdict.INCONCLUSIVE,
            said,
            (("source", "process"),),
            0.8,
            share,
            "ratio",
        )
    ]


def everything(*judged_: Series) -> dict[str, Subject]:
    """All of these are judged."""
    return {series.key: Subject(series, series.name, "things") for series in judged_}


@pytest.mark.parametrize(
    ("times", "share"),
    [
        (range(1, 31), None),
        ([*range(1, 11), *range(13, 31)], None),
        ([*range(1, 11), *range(14, 31)], 0.7),
        (range(1, 24), 0.3),
        (range(4, 31), 0.7),
    ],
)
def test_a_series_is_there_in_four_fifths_of_the_scrapes_of_each_third(
    times: Iterable[float], share: float | None
) -> None:
    series = seen_at(times)
    run = prepared(series=[series], sources=(polled(range(1, 31)),))
    found = list(coverage._series(run, everything(series)))
    assert [each.observed for each in found] == ([] if share is None else [share])


def test_a_value_that_is_not_a_number_was_not_seen() -> None:
    series = seen_at(range(1, 31))
    series.values[23:] = np.nan
    run = prepared(series=[series], sources=(polled(range(1, 31)),))
    [found] = coverage._series(run, everything(series))
    assert found == Finding(
        RuleName.COVERAGE,
        "process_open_fds",
        Verdict.INCONCLUSIVE,
        "process_open_fds was there in only 30% of the time from 20 s to 30 s of the load, while process answered: "
        "growth may hide in what was not seen; a run that has it in 80% of each third would tell.",
        (),
        0.8,
        0.3,
        "ratio",
    )


def test_the_worst_series_of_each_source_is_named_and_the_others_are_counted() -> None:
    some, fewer, most = (
        seen_at(range(1, 28)),
        seen_at(range(1, 23), "b"),
        seen_at(range(1, 25), "c"),
    )
    judged_ = everything(some, fewer, most)

    def said(*series: Series, **more: Any) -> list[str]:
        sources = more.get("sources", (polled(range(1, 31)),))
        return [
            each.reason.partition(": growth")[0]
            for each in coverage._series(prepared(series=series, sources=sources), judged_)
        ]

    when = "of the time from 20 s to 30 s of the load, while process answered"
    assert said(some) == [f"process_open_fds was there in only 70% {when}"]
    assert said(some, fewer) == [f"b was there in only 20% {when}, and 1 more series likewise"]
    assert said(some, fewer, most) == [
        f"b was there in only 20% {when}, and 2 more series likewise"
    ]
    # Neither what is not judged, nor what is of another source, nor of one that answered too rarely.
    assert said(seen_at(range(1, 23), "other")) == []
    assert said(seen_at(range(1, 23), "b", source="page")) == []
    assert said(fewer, sources=(polled(range(1, 23)),)) == []
    assert said(seen_at(range(1, 21), "b"), sources=(polled(range(1, 24)),)) == []
    assert said(fewer, sources=(counted(30, 0),)) == []
    # A source that answers too rarely leaves those after it to be asked for.
    page = replace(polled(range(1, 23)), source="page")
    assert said(fewer, sources=(page, polled(range(1, 31)))) == [f"b was there in only 20% {when}"]
    known = replace(counted(30, 0), source="page")
    assert said(fewer, sources=(known, polled(range(1, 31)))) == [f"b was there in only 20% {when}"]
    assert said(seen_at([1.0], "other"), fewer) == [f"b was there in only 20% {when}"]


def test_a_series_that_is_not_expected_in_a_third_is_not_missing_there() -> None:
    masked = [Phase("snapshot", 10.0, 20.0)]
    series = seen_at([*range(1, 11), *range(21, 31)])
    health = polled([*range(1, 11), *range(21, 31)])
    run = prepared(series=[series], sources=(health,), masked=masked)
    assert list(coverage._series(run, everything(series))) == []


@pytest.mark.parametrize(
    ("times", "share"),
    [
        (range(31), None),
        (range(0, 31, 2), None),
        ([*range(13), *range(17, 31)], None),  # 1.5 s on either side: 2 s are missing
        ([*range(13), *range(18, 31)], 0.7),
        ([*range(12), *range(18, 31)], 0.6),
        (range(24), 0.45),
        (range(8, 31), 0.35),
        ([*range(31), 50.0], None),
        ([0.0, 30.0], None),
        ([0.0, 1.0], 0.0),
        ([*range(26), 30], None),
        ([*range(27), 31.0], 0.75),
        ([0, *range(5, 31)], None),
        ([0.0], None),
        ([7.0], None),
        ([], None),
    ],
)
def test_a_series_of_a_file_has_no_hole_of_more_than_three_of_its_intervals(
    times: Iterable[float], share: float | None
) -> None:
    series = seen_at(times)
    run = prepared(series=[series], driven=False)
    found = list(coverage._file(run, everything(series)))
    assert [each.observed for each in found] == ([] if share is None else [pytest.approx(share)])
    assert list(coverage._file(run, {})) == []


def test_a_series_of_a_file_that_is_polled_densely_reaches_a_twentieth_of_a_third() -> None:
    """Of a third of 10 s that is half a second, half of it on either side."""
    times = np.concatenate((np.arange(0.0, 12.0, 0.1), np.arange(14.35, 30.01, 0.1)))
    run = prepared(series=[seen_at(times)], driven=False)
    assert list(coverage._file(run, everything(seen_at(times)))) == []
    times = 30.0 + np.concatenate((np.arange(0.0, 12.0, 0.1), np.arange(14.65, 30.01, 0.1)))
    run = prepared(series=[seen_at(times)], driven=False, judged_from=30.0, end=60.0)
    [found] = coverage._file(run, everything(seen_at(times)))
    assert found.reason == (
        "process_open_fds was recorded in only 78% of the time from 40 s to 50 s of the recording: growth may hide in "
        "what was not seen; a recording of 80% of each third would tell."
    )


def test_a_file_without_the_series_before_others_leaves_those_to_be_asked_for() -> None:
    short, series = seen_at([1.0], "a"), seen_at(range(24))
    run = prepared(series=[short, seen_at(range(24), "other"), series], driven=False)
    assert len(list(coverage._file(run, everything(short, series)))) == 1


def test_only_what_a_file_holds_of_the_judged_stretch_counts() -> None:
    series = seen_at([*range(10), 25.0, 26.0, 27.0, 28.0, 29.0, 30.0])
    run = prepared(series=[series], driven=False, judged_from=24.0)
    assert list(coverage._file(run, everything(series))) == []
    late = prepared(series=[series], driven=False, judged_from=0.0, end=9.0)
    assert list(coverage._file(late, everything(series))) == []


def test_the_share_of_a_gap_is_rounded_to_four_digits() -> None:
    found = coverage._unseen(seen_at([1.0]), Gap(0.123456, *FIRST), "Not seen.")
    assert (found.observed, found.reason) == (0.1235, "Not seen.")


def test_files_and_runs_are_asked_for_what_each_should_have() -> None:
    memory = seen_at(range(24), "process_resident_memory_bytes")
    run = prepared(series=[memory], sources=(polled(range(1, 31)), polled([1])))
    of_run = list(coverage_findings(RuleInput(run, Limits())))
    of_file = list(coverage_findings(RuleInput(replace(run, driven=False), Limits())))
    assert [each.series for each in of_run] == ["scrapes", "process_resident_memory_bytes"]
    assert [each.series for each in of_file] == ["process_resident_memory_bytes"]


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
