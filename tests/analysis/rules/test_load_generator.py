"""Whether the generator kept up, and what follows where it did not."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.prepare.prepare import Prepared, prepare
from soak.analysis.rules import load_generator
from soak.analysis.rules.load_generator import PARTLY, Generator, generator_of
from soak.analysis.rules.rule import RuleInput
from soak.catalog.metrics import metric_of
from soak.cli.delivery import code_of
from soak.errors import ExitCode
from soak.latency import Histogram, bucket_of
from soak.live.rate_watch import LiveRate
from soak.model import Analysis, Finding, Recording, RuleName, Verdict
from soak.profile import Limits
from soak.windows import (
    Arrivals,
    EndpointWindow,
    EndpointWindows,
    Exemplar,
    GeneratorWindow,
    GeneratorWindows,
    Window,
    WorkerCoverages,
)
from tests.analysis.recordings import SECONDS, gauge, noise, recording, windows

ASKED = 50
STEADY = gauge("process_resident_memory_bytes", 50e6 + noise(1e4))
LEAK = gauge("process_resident_memory_bytes", 50e6 + 20e3 * np.arange(SECONDS) + noise(1e4))
SLOW = Limits.model_validate({"p99": "1ms", "rate": "60/s"})


def generator(
    cpu: Any = 0.2,
    lag: Any = 0.002,
    asked: Any = ASKED,
    made: Any = ASKED,
    queued: Any = 0,
    machine: float = np.nan,
) -> GeneratorWindows:
    times, ones = np.arange(1.0, SECONDS + 1), np.ones(SECONDS)
    columns = (cpu, cpu, lag, 2e8, asked, made, queued, np.nan, np.nan, machine, NONE, NONE)
    return GeneratorWindows(times, ones, *(ones * column for column in columns))


def scheduled(
    requests: int = ASKED, late: Any = 0, dropped: Any = 0, service: float = 0.01
) -> EndpointWindows:
    whole = np.ones(SECONDS, np.int64)
    cells = np.full(SECONDS, bucket_of(service), np.int64)
    kept = Arrivals(whole * late, whole * dropped, np.arange(SECONDS + 1), cells, whole * requests)
    return replace(windows(requests=requests), arrivals=kept)


def judged(
    own: GeneratorWindows | None, seen: EndpointWindows | None = None, **more: Any
) -> Analysis:
    return analyze(made(own, seen, **more), more.get("limits", Limits()))


def made(
    own: GeneratorWindows | None, seen: EndpointWindows | None = None, **more: Any
) -> Recording:
    whole = recording(more.get("memory", STEADY), requests=(scheduled() if seen is None else seen,))
    return replace(whole, generator=own, exemplars=more.get("exemplars", ()))


def finding(analysis: Analysis, rule: str = "generator") -> Finding:
    (only,) = [finding for finding in analysis.findings if finding.rule == rule]
    return only


NONE: Any = np.nan


def figures(
    asked: Any,
    requests: Any,
    *,
    sent: Any = None,
    seconds: Any = 1.0,
    cpu: Any = 0.2,
    spent: Any = 0.2,
    lag: Any = 0.001,
    queued: Any = 0,
    late: Any = None,
    dropped: Any = 0,
    machine: Any = NONE,
    whole: Any = True,
) -> Generator:
    """What is measured of as many windows as `requests` has, where all arrivals were sent unless told otherwise."""
    ones, made = np.ones(len(requests)), asked if sent is None else sent
    own = GeneratorWindows(
        np.cumsum(ones * seconds),
        *(ones * each for each in (seconds, cpu, spent, lag, 2e8, asked, made, queued)),
        *(ones * each for each in (NONE, NONE, machine, NONE, NONE)),
    )
    none, column = np.zeros(len(requests), np.int64), np.asarray(requests, np.int64)
    arrivals = None
    if late is not None:
        many = (late, dropped)
        arrivals = Arrivals(*((ones * each).astype(np.int64) for each in many), *[none] * 3)
    seen = EndpointWindows(
        "GET /", own.times, own.seconds, column, none, none, none, none, none, {}, arrivals
    )
    return load_generator._figures(seen, own, (ones * whole).astype(np.bool_))


def test_every_figure_of_an_open_model_is_that_of_the_chosen_windows() -> None:
    seen = figures(
        asked=[20, 10, 20, 10, 99],
        requests=[10, 5, 10, 5, 1],
        sent=[20, 10, 20, 10, 50],
        seconds=[2, 2, 2, 2, 1],
        cpu=[0.1, 0.2, 0.3, 0.4, 1.0],
        spent=[6, 8, 10, 12, 100],
        lag=[0.01, 0.02, 0.03, 0.04, 9.0],
        queued=[0, 3, 1, 1, 0],
        late=[1, 2, 3, 4, 70],
        dropped=[1, 0, 0, 2, 70],
        machine=[0.25, NONE, 0.5, 0.0, 9.0],
        whole=[1, 1, 1, 1, 0],
    )
    # Late without those that found no free connection: 1, 0, 2 and 3 of 30.
    assert seen.cpu == pytest.approx(0.25)
    assert seen.lag == pytest.approx(0.0397)
    assert seen.late == pytest.approx(0.2)
    assert seen.dropped == pytest.approx(3 / 33)
    assert (seen.asked, seen.achieved, seen.machine) == (7.5, 3.75, 0.5)
    assert (seen.saturated, seen.delayed, seen.busy) == (0.0, 0.0, 0.0)
    # 36 CPU seconds in 8 s made half of what was asked for: 9 cores, of which each is used for 70%.
    assert seen.processes == 13
    assert (seen.behind, seen.sent, seen.several) == (False, None, False)  # 30 is within chance


def test_without_a_schedule_the_rate_is_what_was_answered() -> None:
    seen = figures(asked=NONE, requests=[10, 20], sent=0.0, seconds=2.0, spent=[3, 4])
    assert (seen.asked, seen.achieved, seen.behind, seen.sent) == (None, 7.5, False, None)
    assert seen.processes == 3  # 7 / (4 * 0.7)
    assert np.isnan(seen.machine)


def test_the_rate_that_was_sent_is_told_only_where_it_was_too_low() -> None:
    assert figures(asked=100, requests=[90], sent=[60.0]).sent is None
    assert figures(asked=100, requests=[59], sent=[59.0], seconds=2.0).sent == 29.5
    assert figures(asked=100, requests=[59]).behind is True
    assert figures(asked=100, requests=[60]).behind is False


def test_a_window_without_a_schedule_asks_for_nothing() -> None:
    seen = figures(asked=[NONE, 30.0], requests=[10, 20], sent=[0, 30])
    assert (seen.asked, seen.achieved) == (15.0, 15.0)


@pytest.mark.parametrize(
    ("spent", "requests", "processes"), [(0.0, 10, 1), (2.0, 0, 1), (0.6, 10, 1), (0.8, 10, 2)]
)
def test_at_least_one_process_is_needed(spent: float, requests: int, processes: int) -> None:
    assert figures(asked=10, requests=[requests], spent=spent).processes == processes


@pytest.mark.parametrize(
    ("requests", "late", "dropped", "shares"),
    [(0, 3, 0, (3.0, 0.0)), (0, 0, 1, (0.0, 1.0)), (0, 0, 0, (0.0, 0.0)), (3, 1, 1, (1 / 3, 0.25))],
)
def test_late_is_a_share_of_the_answered_and_dropped_one_of_all(
    requests: int, late: int, dropped: int, shares: tuple[float, float]
) -> None:
    seen = figures(asked=3, requests=[requests], late=late, dropped=dropped)
    assert (seen.late, seen.dropped) == pytest.approx(shares)


@pytest.mark.parametrize(
    ("cpu", "lag", "busy", "delayed"),
    [(0.9, 0.0, 1.0, 1.0), (0.89, 0.05, 0.0, 1.0), (0.89, 0.049, 0.0, 0.0)],
)
def test_pressure_begins_at_90_percent_of_a_core_and_at_50_ms_of_lag(
    cpu: float, lag: float, busy: float, delayed: float
) -> None:
    seen = figures(asked=10, requests=[10], cpu=cpu, lag=lag, late=6)
    assert (seen.busy, seen.delayed) == (busy, delayed)


@pytest.mark.parametrize(
    ("late", "cpu", "saturated", "delayed"),
    [(5, 0.95, 0.0, 0.0), (6, 0.95, 1.0, 1.0), (6, 0.1, 0.0, 1.0)],
)
def test_more_than_half_late_saturate_a_busy_generator_and_delay_a_pressed_one(
    late: int, cpu: float, saturated: float, delayed: float
) -> None:
    """Connections that were not free count only where there was no pressure."""
    seen = figures(asked=10, requests=[10], cpu=cpu, lag=0.1, late=late, queued=4)
    assert (seen.saturated, seen.delayed) == (saturated, delayed)


@pytest.mark.parametrize(
    ("requests", "dropped", "lag", "saturated"),
    [(99, 1, 0.1, 0.0), (98, 1, 0.1, 1.0), (98, 1, 0.0, 0.0), (59, 0, 0.1, 1.0), (60, 0, 0.1, 0.0)],
)
def test_more_than_a_hundredth_dropped_or_too_few_answered_saturate_under_pressure(
    requests: int, dropped: int, lag: float, saturated: float
) -> None:
    seen = figures(asked=100, requests=[requests], dropped=dropped, late=0, lag=lag)
    assert seen.saturated == saturated


@pytest.mark.parametrize(
    ("lag", "requests", "saturated"),
    [
        ([0.1, 0.1, 0.0, 0.0], [50, 50, 50, 50], 0.5),  # half pressed: it may be the cause
        ([0.1, 0.0, 0.0, 0.0], [50, 50, 50, 50], 0.0),  # too few without it as well
        ([0.1, 0.0, 0.0, 0.0], [10, 94, 94, 94], 0.25),  # enough without it
    ],
)
def test_answers_missing_without_pressure_too_are_not_the_generators(
    lag: list[float], requests: list[int], saturated: float
) -> None:
    assert figures(asked=100, requests=requests, lag=lag).saturated == saturated


def test_a_generator_without_a_schedule_is_saturated_where_it_is_busy() -> None:
    seen = figures(asked=NONE, requests=[9] * 4, cpu=[0.95, 0.1, 0.1, 0.1], lag=0.2, late=0)
    assert (seen.saturated, seen.busy) == (0.25, 0.25)


@pytest.mark.parametrize(
    ("seconds", "missing", "behind"),
    [(1.0, 40, []), (1.0, 41, [3]), (2.0, 36, []), (2.0, 37, [3]), (0.5, 48, []), (0.5, 49, [3])],
)
def test_a_window_is_short_that_is_half_a_second_behind_beyond_chance(
    seconds: float, missing: int, behind: list[int]
) -> None:
    """Of 64 arrivals asked for four standard errors are 32; half a second of 16 in each window comes on top."""
    asked, made = np.full(9, 16.0), np.full(9, 16.0)
    made[3], made[4] = 16.0 - missing, 16.0 + missing  # made up for in the next
    short = load_generator._short(made, asked, np.full(9, seconds))
    assert np.flatnonzero(short).tolist() == behind


def test_all_windows_are_short_where_the_whole_stretch_is() -> None:
    made = np.array([100.0, 100.0, 19.0, 0.0])
    short = load_generator._short(made, np.full(4, 100.0), np.ones(4))
    assert short.tolist() == [True] * 4


@pytest.mark.parametrize(
    ("made", "asked", "short"),
    [(60, 100, False), (59, 100, True), (9501, 10_000, False), (9499, 10_000, True), (0, 0, False)],
)
def test_falling_short_takes_a_twentieth_and_four_standard_errors(
    made: float, asked: float, short: bool
) -> None:
    assert load_generator.falls_short(made, asked) is short


def prepared_of(
    seconds: list[float], expected: int | None = None, end: float = 99.0, **more: Any
) -> Prepared:
    """A run of windows of these lengths, in which everything that was asked for was answered at once."""
    ones, times = np.ones(len(seconds)), np.cumsum(seconds)
    many = np.full(len(seconds), 10, np.int64)
    cpu, spent = more.get("cpu", 0.2), more.get("spent", 0.2)
    own = GeneratorWindows(
        times,
        np.array(seconds),
        *(ones * each for each in (cpu, spent, 0.0, 1.0, 10.0, 10.0, 0.0, *[NONE] * 5)),
    )
    cells = np.zeros(0, np.int64)
    offsets = np.zeros(len(seconds) + 1, np.int64)
    seen = EndpointWindows(
        "GET /", times, np.array(seconds), many, many, many, offsets, cells, cells
    )
    run = recording(requests=[seen])
    coverages = None
    if expected is not None:
        whole = np.full(len(seconds), expected)
        coverages = WorkerCoverages(times, np.array(seconds), whole, whole, ones)
    return Prepared(
        replace(run, generator=own, coverages=coverages),
        (),
        0.0,
        end,
        0.0,
        {},
        None,
        True,
        requests_of_all=seen,
    )


def test_a_rest_of_at_most_half_a_window_is_not_measured() -> None:
    for rest, rate in ((0.5, 10.0), (0.51, 40 / 3.51)):
        seen = generator_of(prepared_of([1.0, 1.0, 1.0, rest]))
        assert seen is not None
        assert seen.achieved == pytest.approx(rate)
    longer = generator_of(prepared_of([2.0, 2.0, 2.0, 0.9]))
    assert longer is not None
    assert longer.achieved == 5.0


def test_a_generator_is_not_measured_without_windows_or_without_its_cpu() -> None:
    prepared = prepared_of([1.0] * 4)
    assert generator_of(prepared) is not None
    assert generator_of(replace(prepared, requests_of_all=None)) is None
    assert generator_of(replace(prepared, recording=recording())) is None
    assert generator_of(prepared_of([1.0] * 4, cpu=NONE)) is None
    assert generator_of(replace(prepared, judged_from=50.0)) is None


@pytest.mark.parametrize(
    ("expected", "several", "processes"),
    [(None, False, 2), (1, False, 2), (2, True, 3), (3, True, 4)],
)
def test_a_busy_generator_needs_one_process_more_than_made_the_load(
    expected: int | None, several: bool, processes: int
) -> None:
    busy = generator_of(prepared_of([1.0] * 20, expected, cpu=[0.9] * 2 + [0.2] * 18))
    idle = generator_of(prepared_of([1.0] * 20, expected, cpu=[0.9] + [0.2] * 19))
    assert busy is not None
    assert idle is not None
    assert (busy.several, busy.processes) == (several, processes)
    assert (idle.several, idle.processes) == (several, 1)
    needed = generator_of(prepared_of([1.0] * 20, expected, cpu=0.95, spent=4.0))
    assert needed is not None
    assert needed.processes == 6


def measured(**changes: Any) -> Generator:
    """A generator with time to spare that answered the 50 requests/s asked for."""
    fine = Generator(0.2, 0.002, 0.0, 0.0, 0.0, 0.0, 0.0, 50.0, 50.0, 1)
    assert (fine.several, fine.behind, fine.sent) == (False, False, None)
    assert np.isnan(fine.machine)
    return replace(fine, **changes)


def test_a_generator_broke_that_was_saturated_half_of_the_time() -> None:
    assert measured(saturated=0.5).broke is True
    assert measured(saturated=0.49).broke is False


@pytest.mark.parametrize(
    ("dropped", "behind", "short"), [(0.01, False, False), (0.011, False, True), (0.0, True, True)]
)
def test_a_load_is_short_that_is_behind_or_loses_more_than_a_hundredth(
    dropped: float, behind: bool, short: bool
) -> None:
    assert measured(dropped=dropped, behind=behind).short is short


IDLE = "20% of a core, event loop up to 2 ms late"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, IDLE),
        ({"machine": 1.5, "lag": 0.05}, "1.5 per core"),
        ({"machine": 1.0, "lag": 0.05}, "20% of a core, event loop up to 50 ms late"),
        ({"machine": 1.5, "lag": 0.049}, "20% of a core, event loop up to 49 ms late"),
        ({"behind": True, "asked": None}, IDLE),
        ({"behind": True, "achieved": 30.0}, f"{IDLE}, 30 of 50 requests/s answered"),
        ({"behind": True, "achieved": 30.0, "sent": 40.0}, f"{IDLE}, 40 of 50 requests/s sent"),
    ],
)
def test_the_figures_of_a_generator_in_a_sentence(changes: dict[str, Any], said: str) -> None:
    assert load_generator._figures_of(measured(**changes)).endswith(said)


def test_a_rate_without_one_asked_for_is_one_of_nothing() -> None:
    assert load_generator._rates(measured(asked=None)) == "50 of 0"


@pytest.mark.parametrize(
    ("changes", "verdict", "said"),
    [
        ({"late": 0.01}, Verdict.PASS, f"The load generator kept up: {IDLE}."),
        (
            {"late": 0.011, "saturated": 0.05},
            Verdict.PASS,
            f"The load generator was not saturated, but sent some arrivals late: {IDLE}.",
        ),
        (
            {"saturated": 0.06},
            Verdict.INCONCLUSIVE,
            (
                f"The load generator was saturated in 6% of the time judged ({IDLE}), so that latency and rate say "
                "nothing about the target; others use its processor: give it a core of its own."
            ),
        ),
        (
            {"saturated": 0.5, "sent": 30.0},
            Verdict.INCONCLUSIVE,
            (
                f"The load generator was saturated throughout and did not keep the rate ({IDLE}), so that latency and "
                "rate say nothing about the target; others use its processor: give it a core of its own."
            ),
        ),
    ],
)
def test_the_finding_of_a_generator(
    changes: dict[str, Any], verdict: Verdict, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_generator, "generator_of", lambda _: measured(**changes))
    [found] = load_generator.generator_findings(RuleInput(prepared_of([1.0]), Limits()))
    assert (found.verdict, found.reason, found.observed) == (verdict, said, 0.2)
    monkeypatch.setattr(load_generator, "generator_of", lambda _: None)
    assert not list(load_generator.generator_findings(RuleInput(prepared_of([1.0]), Limits())))


UNKEPT = Finding(RuleName.COVERAGE, load_generator.RATE, Verdict.INCONCLUSIVE, "Not kept.")
OTHER = Finding(RuleName.COVERAGE, "load_requests", Verdict.INCONCLUSIVE, "Not made.")
LATE = "2% of the arrivals were sent late because of the load generator"
OWN_CORE = "others use its processor: give it a core of its own"


@pytest.mark.parametrize(
    ("changes", "findings", "said"),
    [
        ({}, (), ()),
        ({"late": 0.01}, (), ()),
        (
            {"late": 0.02, "saturated": 0.05},
            (),
            (f"{LATE}; their latency includes it, p99 and beyond above all.",),
        ),
        ({"late": 0.02, "saturated": 0.06}, (), ()),
        (
            {"late": 0.02, "behind": True},
            (UNKEPT,),
            (f"{LATE}; their latency includes it, p99 and beyond above all.",),
        ),
        (
            {"late": 0.02, "behind": True, "achieved": 40.0},
            (OTHER,),
            (
                (
                    f"40 of 50 requests/s asked for were answered, and {LATE}: which of the two was too slow, target or "
                    f"load generator, cannot be told; {OWN_CORE}."
                ),
            ),
        ),
        (
            {"late": 0.01, "behind": True, "achieved": 40.0, "sent": 45.0},
            (),
            (
                (
                    "45 of 50 requests/s asked for were sent: the target was too slow; the load generator kept up "
                    f"({IDLE}, 45 of 50 requests/s sent)."
                ),
            ),
        ),
        (
            {"dropped": 0.02, "achieved": 49.0},
            (),
            (
                (
                    "49 of 50 requests/s asked for were answered, and 2% were dropped: the target was too slow; the load "
                    f"generator kept up ({IDLE})."
                ),
            ),
        ),
        (
            {"dropped": 0.01, "behind": True, "achieved": 49.0},
            (),
            (
                (
                    "49 of 50 requests/s asked for were answered: the target was too slow; the load generator kept up "
                    f"({IDLE}, 49 of 50 requests/s answered)."
                ),
            ),
        ),
        ({"dropped": 0.02, "busy": 0.05}, (UNKEPT,), ()),
        ({"busy": 0.05}, (), ()),
        (
            {"busy": 0.06},
            (),
            (
                f"The load generator was busy ({IDLE}); load.processes: 2 would do, at 70% of a core each.",
            ),
        ),
    ],
)
def test_the_warnings_of_a_generator(
    changes: dict[str, Any],
    findings: tuple[Finding, ...],
    said: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(load_generator, "generator_of", lambda _: measured(**changes))
    asked = RuleInput(prepared_of([1.0]), Limits())
    assert tuple(load_generator.generator_warnings(asked, findings)) == said
    monkeypatch.setattr(load_generator, "generator_of", lambda _: None)
    assert tuple(load_generator.generator_warnings(asked, findings)) == ()


@pytest.mark.parametrize(
    ("changes", "latency", "rate"),
    [
        ({"saturated": 0.05, "delayed": 0.05}, Verdict.FAIL, Verdict.FAIL),
        ({"saturated": 0.06}, Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE),
        ({"delayed": 0.06}, Verdict.INCONCLUSIVE, Verdict.FAIL),
        (None, Verdict.FAIL, Verdict.FAIL),
    ],
)
def test_a_saturated_generator_leaves_no_failing_latency_or_rate(
    changes: dict[str, Any] | None, latency: Verdict, rate: Verdict
) -> None:
    names = ("http_request_p99_seconds", "http_requests_per_second", "http_request_error_ratio")
    failing = [Finding(RuleName.LATENCY, name, Verdict.FAIL, "It is high.") for name in names]
    passing = [replace(each, verdict=Verdict.PASS) for each in failing]
    generator = None if changes is None else measured(**changes)
    seen = list(load_generator.unproven(failing, generator))
    assert [each.verdict for each in seen] == [latency, rate, Verdict.FAIL]
    assert {each.reason for each in seen if each.verdict is Verdict.INCONCLUSIVE} <= {
        "It is high. But the load generator did not keep up, and this may be its own doing."
    }
    assert list(load_generator.unproven(passing, generator)) == passing


def test_a_run_is_said_to_break_by_the_finding_of_its_generator() -> None:
    own = Finding(
        RuleName.GENERATOR, "soak_load_cpu_ratio", Verdict.INCONCLUSIVE, "The load was so."
    )
    said = load_generator.saturated(measured(saturated=0.5), [OTHER, own])
    assert said == "the load was so."
    assert load_generator.saturated(measured(saturated=0.5), [OTHER]) == ""
    assert load_generator.saturated(measured(saturated=0.4), [own]) is None
    assert load_generator.saturated(None, [own]) is None


OVERLOADED = (
    "the load generator's machine was overloaded (load average 1.1 per core, "
    "while the load generator used 20% of a core)"
)
NOT_BUSY = (
    "of the load generator, which was not busy (20% of a core; load average of its machine 1 per core): look for "
    "bursts of other processes, a CPU limit of its container, a virtual machine that was paused"
)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "of the load generator"),
        ({"machine": 1.1, "busy": 0.05}, OVERLOADED),
        ({"machine": 1.1, "busy": 0.06}, "of the load generator"),
        ({"machine": 1.0}, NOT_BUSY),
    ],
)
def test_the_cause_of_late_arrivals(changes: dict[str, Any], said: str) -> None:
    assert load_generator._late_because(measured(**changes)) == said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"busy": 0.05}, OWN_CORE),
        ({"busy": 0.05, "processes": 2}, f"{OWN_CORE}, and load.processes: 2"),
        ({"busy": 0.06, "processes": 1}, "load.processes: 2 would do, at 70% of a core each"),
        ({"busy": 0.06, "processes": 3}, "load.processes: 3 would do, at 70% of a core each"),
        (
            {"busy": 0.05, "several": True},
            "others use its workers' processors: give each worker a core of its own",
        ),
        (
            {"busy": 0.06, "several": True, "processes": 3},
            "3 workers would do, at 70% of a core each (load.processes, or load.workers on other machines)",
        ),
    ],
)
def test_the_remedy_of_a_saturated_generator(changes: dict[str, Any], said: str) -> None:
    assert load_generator._remedy(measured(**changes)) == said


def test_a_generator_with_time_to_spare_passes() -> None:
    analysis = judged(generator())
    assert (analysis.verdict, finding(analysis).verdict, analysis.broken) == (
        Verdict.PASS,
        Verdict.PASS,
        None,
    )
    assert analysis.warnings == ()
    assert code_of(analysis) is ExitCode.PASS


@pytest.mark.parametrize(
    ("own", "seen"),
    [
        (generator(cpu=0.97), scheduled(30)),
        (generator(lag=0.2), scheduled(30)),
        (generator(cpu=0.3, made=30), scheduled(30)),  # starved: it did not get to make them
        (generator(cpu=0.95), scheduled(dropped=5)),
        (generator(cpu=0.95), scheduled(late=40)),
        (
            generator(cpu=0.97, asked=np.nan),
            scheduled(),
        ),  # the closed model: it is what sets the rate
    ],
)
def test_saturated_throughout_breaks_the_run(own: GeneratorWindows, seen: EndpointWindows) -> None:
    analysis = judged(own, seen)
    assert (analysis.verdict, finding(analysis).verdict) == (
        Verdict.INCONCLUSIVE,
        Verdict.INCONCLUSIVE,
    )
    assert analysis.broken
    assert analysis.reason == analysis.broken
    assert "saturated throughout" in analysis.reason
    assert code_of(analysis) is ExitCode.BROKEN


def test_the_message_says_how_many_processes_would_do() -> None:
    # 0.97 CPU seconds make 30 of 50 requests, so that all need 1.62 cores: three processes at 70%.
    assert "load.processes: 3 would do" in judged(generator(cpu=0.97), scheduled(30)).reason
    assert "a core of its own" in judged(generator(cpu=0.3, lag=0.2), scheduled(30)).reason


def test_several_workers_are_told_that_they_should_be_more() -> None:
    times = np.arange(1.0, SECONDS + 1)
    whole = np.full(SECONDS, 4)
    coverages = WorkerCoverages(
        times, np.ones(SECONDS), whole - (times > SECONDS - 5), whole, np.ones(SECONDS)
    )
    busiest = replace(generator(cpu=0.97, made=30), cpu_seconds=np.full(SECONDS, 1.5))
    analysis = analyze(replace(made(busiest, scheduled(30)), coverages=coverages), Limits())
    # One that is lost is a finding of the same rule, which does not hide that the others were
    # saturated.
    assert {finding.series for finding in analysis.findings if finding.rule == "generator"} == {
        "load_workers",
        "soak_load_cpu_ratio",
    }
    assert analysis.broken
    assert (
        "5 workers would do, at 70% of a core each (load.processes, or load.workers"
        in analysis.broken
    )
    idle = analyze(
        replace(made(generator(cpu=0.3, lag=0.2), scheduled(30)), coverages=coverages), Limits()
    )
    assert "give each worker a core of its own" in idle.reason


def test_what_the_generator_did_not_send_and_what_was_not_answered_are_told_apart() -> None:
    unsent = judged(generator(cpu=0.3, made=30), scheduled(30)).reason
    assert "saturated throughout and did not keep the rate" in unsent
    assert "30 of 50 requests/s sent" in unsent
    assert "30 of 50 requests/s answered" in judged(generator(cpu=0.97), scheduled(30)).reason


@pytest.mark.parametrize("lag", [0.002, np.where(np.arange(SECONDS) % 10, 0.002, 0.14)])
def test_a_rate_that_the_target_does_not_keep_is_told_at_the_end_as_while_it_runs(lag: Any) -> None:
    """Also where the generator was late now and then: answers are missing without that as well."""
    analysis = judged(generator(lag=lag), scheduled(30))
    assert analysis.reason.startswith(
        "The target did not keep the rate from 4 s on: 50 requests/s asked for, 30 answered, "
        "6,000 requests waiting at the end; a run at less than 30 requests/s would tell."
    )
    assert finding(analysis).verdict is Verdict.PASS
    assert analysis.warnings == ()
    live = LiveRate()
    for second in range(SECONDS):
        seen = EndpointWindow("GET /", 30, {}, 0, Histogram(), Histogram())
        own = GeneratorWindow(0.2, 0.2, 0.002, 1, 50.0, 50)
        live.saw(Window(second + 1.0, 1.0, 1, (seen,), own))
    assert live.said == (
        "the target does not keep the rate: 50 requests/s asked for, 30 answered, 6,000 requests waiting; "
        "try less than 30 requests/s"
    )


def test_a_target_that_gets_into_its_stride_late_is_advised_a_warm_up() -> None:
    answered = np.where(np.arange(SECONDS) < 55, 20, ASKED)
    analysis = judged(generator(), replace(scheduled(), requests=answered))
    assert (
        "; a run with `--warmup 60s`, or at less than 20 requests/s, would tell." in analysis.reason
    )


def timed_out(seen: EndpointWindows, each: int) -> EndpointWindows:
    """The same, with so many timeouts among the requests of every window."""
    rows = np.stack([np.arange(SECONDS), np.full(SECONDS, each)], 1)
    return replace(
        seen,
        failures=np.full(SECONDS, each),
        failure_kinds={"timeout": each * SECONDS},
        failed={"timeout": rows},
    )


def test_timeouts_are_a_rate_that_is_not_kept_and_not_a_service_that_mostly_fails() -> None:
    analysis = judged(generator(), timed_out(scheduled(50), 30))
    assert analysis.reason.startswith("The target did not keep the rate from ")
    assert not any(finding.series == "load_successes" for finding in analysis.findings)


def test_an_endpoint_that_hangs_beside_others_that_do_not_is_no_rate_that_is_not_kept() -> None:
    hangs = replace(timed_out(scheduled(25), 25), endpoint="GET /hangs")
    recorded = replace(made(generator(), scheduled(25)), windows=(scheduled(25), hangs))
    assert not any(
        finding.series == "load_rate" for finding in analyze(recorded, Limits()).findings
    )


def test_a_queue_that_is_answered_soon_is_no_rate_that_is_not_kept() -> None:
    """It stands still for 25 s of each 100, and answers all that waited in the second after."""
    second = np.arange(SECONDS) % 100
    answered = np.where(second < 25, 0, np.where(second == 25, 26 * ASKED, ASKED))
    analysis = judged(generator(), replace(scheduled(), requests=answered))
    assert not any(finding.series == "load_rate" for finding in analysis.findings)


def test_a_rate_that_was_not_kept_for_a_part_says_from_when_to_when() -> None:
    answered = np.where((np.arange(SECONDS) >= 120) & (np.arange(SECONDS) < 180), 10, ASKED)
    analysis = judged(generator(), replace(scheduled(), requests=answered))
    assert analysis.reason.startswith(
        "The target did not keep the rate from 1.9 min to 3.1 min of the load: 50 requests/s asked for, "
        "14.7 answered; a run at less than 10 requests/s would tell."
    )


#: The queue grows by forty requests a second in the last third, and with each of them what the process holds.
FELL_BEHIND = np.where(np.arange(SECONDS) < 200, ASKED, 10)
QUEUE = 40e3 * np.maximum(np.arange(SECONDS) - 200.0, 0.0)


def memory_of(answered: Any, held: Any) -> Finding:
    memory = gauge("process_resident_memory_bytes", 50e6 + held + noise(1e4))
    return finding(
        judged(generator(), replace(scheduled(), requests=answered), memory=memory), "growth"
    )


def test_a_leak_that_brings_its_service_down_fails_by_what_was_seen_until_then() -> None:
    seen = memory_of(FELL_BEHIND, 40e3 * np.arange(SECONDS) + QUEUE)
    assert seen.verdict is Verdict.FAIL
    assert seen.reason.endswith(
        "; judged over the first 3.3 min of the load, because after that the target did not keep the rate."
    )
    assert [(note.by, note.after) for note in seen.adjustments][-1] == ("overload", Verdict.FAIL)
    assert seen.trend is not None
    assert seen.trend.slope_per_hour == pytest.approx(3600 * 40e3, rel=0.05)  # without the queue's


@pytest.mark.parametrize(
    ("answered", "held"),
    [
        (FELL_BEHIND, QUEUE),  # steady until then
        (np.full(SECONDS, 10), 40e3 * np.arange(SECONDS)),  # it never kept the rate
    ],
)
def test_what_only_an_overload_holds_is_no_leak(answered: Any, held: Any) -> None:
    seen = memory_of(answered, held)
    assert seen.verdict is Verdict.INCONCLUSIVE, seen.reason


def test_a_slow_target_is_not_the_generators_fault() -> None:
    analysis = judged(
        generator(queued=20),
        scheduled(30, late=20, dropped=5),
        limits=Limits.model_validate({"rate": "40/s"}),
    )
    assert finding(analysis).verdict is Verdict.PASS
    assert finding(analysis, "rate").verdict is Verdict.FAIL
    assert analysis.verdict is Verdict.FAIL
    assert any(
        finding.reason.startswith("The target did not keep") for finding in analysis.findings
    )
    assert analysis.warnings == ()


def test_late_arrivals_and_a_slow_target_are_one_warning_that_does_not_contradict_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = RuleInput(
        prepare(made(generator(queued=20), scheduled(30, late=20, dropped=5)), 0.0), Limits()
    )
    seen = load_generator.generator_of(asked.prepared)
    assert seen is not None
    monkeypatch.setattr(load_generator, "generator_of", lambda _: replace(seen, late=0.05))
    (warning,) = load_generator.generator_warnings(asked, ())
    assert "5% of the arrivals were sent late because of the load generator" in warning
    assert "which of the two was too slow, target or load generator, cannot be told" in warning
    assert "kept up" not in warning


@pytest.mark.parametrize(("share", "verdict"), [(0.02, Verdict.PASS), (0.2, Verdict.INCONCLUSIVE)])
def test_saturated_partly(share: float, verdict: Verdict) -> None:
    pressed = np.arange(SECONDS) < share * SECONDS
    analysis = judged(
        generator(cpu=np.where(pressed, 0.97, 0.3)), scheduled(dropped=pressed.astype(np.int64) * 5)
    )
    assert (analysis.verdict, finding(analysis).verdict, analysis.broken) == (
        verdict,
        verdict,
        None,
    )
    assert code_of(analysis) is (
        ExitCode.PASS if verdict is Verdict.PASS else ExitCode.INCONCLUSIVE
    )


def test_a_proven_leak_outranks_a_saturated_generator() -> None:
    analysis = judged(generator(cpu=0.97, made=30), scheduled(30), memory=LEAK)
    assert analysis.verdict is Verdict.FAIL
    assert analysis.findings[0].rule == "growth"
    assert code_of(analysis) is ExitCode.FAIL


@pytest.mark.parametrize(
    ("cpu", "who"), [(0.97, "the target or the load generator"), (0.2, "the target")]
)
def test_of_an_overload_beside_a_saturated_generator_neither_is_accused_alone(
    cpu: float, who: str
) -> None:
    analysis = judged(generator(cpu=cpu), scheduled(30))
    assert (
        f"but {who} did not keep the rate: requests in flight rose"
        in finding(analysis, "growth").reason
    )


def test_failing_latency_and_rate_prove_nothing_where_it_was_saturated() -> None:
    fails = judged(generator(), limits=SLOW)
    assert {finding(fails, rule).verdict for rule in ("latency", "rate")} == {Verdict.FAIL}
    unproven = judged(generator(cpu=0.97), scheduled(30), limits=SLOW)
    assert {finding(unproven, rule).verdict for rule in ("latency", "rate")} == {
        Verdict.INCONCLUSIVE
    }
    assert code_of(unproven) is ExitCode.BROKEN


def test_a_generator_that_waits_for_its_processor_and_makes_all_arrivals_leaves_the_target_judged() -> (
    None
):
    own, seen = generator(cpu=0.05, lag=0.16), scheduled(late=40)
    analysis = judged(own, seen)
    assert (analysis.verdict, analysis.broken) == (Verdict.PASS, None)
    (warning,) = analysis.warnings
    assert "sent late because of the load generator" in warning
    assert finding(judged(own, seen, limits=SLOW), "latency").verdict is Verdict.INCONCLUSIVE


def test_arrivals_made_a_moment_later_are_made() -> None:
    made = np.where(np.arange(SECONDS) % 5 == 0, ASKED - 20, ASKED)
    made[1::5] = ASKED + 20
    assert judged(generator(cpu=0.05, lag=0.3, made=made)).verdict is Verdict.PASS


def test_late_arrivals_are_a_warning_only_where_the_generator_made_them_late() -> None:
    (warning,) = (analysis := judged(generator(), scheduled(late=2))).warnings
    reason = finding(analysis).reason
    assert "was not saturated, but sent some arrivals late: 20% of a core" in reason
    assert not set(re.findall(r"[\d.]+ ?%", reason)) & set(re.findall(r"[\d.]+ ?%", warning))
    assert "kept up" in finding(judged(generator())).reason
    assert warning.startswith("4% of the arrivals were sent late because of the load generator")
    assert judged(generator(queued=2), scheduled(late=2)).warnings == ()


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (
            generator(cpu=0.05, machine=7.5),
            "the load generator's machine was overloaded (load average 7.5 per core, while the load generator used 5% of",
        ),
        (generator(cpu=0.05, machine=1.01), "machine was overloaded"),
        (
            generator(cpu=0.05, machine=1.0),
            "of the load generator, which was not busy (5% of a core; load average of its machine 1 per core): look for",
        ),
        (generator(cpu=0.05), "because of the load generator; their latency includes it"),
        (generator(cpu=0.95, machine=7.5), "because of the load generator; their latency"),
    ],
)
def test_why_arrivals_were_late_is_told_as_far_as_it_was_recorded(
    own: GeneratorWindows, said: str
) -> None:
    assert any(said in warning for warning in judged(own, scheduled(late=2)).warnings)


def test_an_overloaded_machine_stands_beside_the_lag_that_it_explains() -> None:
    reason = finding(judged(generator(lag=0.06, machine=3.0))).reason
    assert "up to 60 ms late, load average of its machine 3 per core" in reason
    assert "load average" not in finding(judged(generator(lag=0.04, machine=3.0))).reason


def test_a_generator_that_is_busy_and_keeps_up_is_a_warning() -> None:
    analysis = judged(generator(cpu=0.93))
    assert analysis.verdict is Verdict.PASS
    (warning,) = analysis.warnings
    assert "busy" in warning


def test_a_recording_without_it_is_judged_as_before() -> None:
    analysis = judged(None)
    assert [finding for finding in analysis.findings if finding.rule == "generator"] == []
    assert analysis.verdict is Verdict.PASS


def test_its_series_are_there_to_limit_and_to_draw_and_never_judged_for_growth() -> None:
    own = generator(cpu=0.2 + 0.001 * np.arange(SECONDS))
    analysis = judged(
        own, scheduled(late=1), limits=Limits.model_validate({"max": {"soak_load_cpu_ratio": 0.4}})
    )
    assert finding(analysis, "max").verdict is Verdict.FAIL
    assert {finding.series for finding in analysis.findings if finding.rule == "growth"} == {
        "process_resident_memory_bytes"
    }
    assert {"asked", "all"} <= {
        curve.label
        for chart in analysis.charts
        for curve in chart.curves
        if chart.title == "Requests"
    }
    assert {"Late arrivals", "Load generator: CPU of its busiest process"} <= {
        chart.title for chart in analysis.charts
    }
    assert "Dropped arrivals" not in {chart.title for chart in analysis.charts}
    for name in ("soak_load_cpu_ratio", "soak_load_lag_seconds", "soak_load_resident_memory_bytes"):
        role = metric_of(name)
        assert role is not None
        assert not role.judged


def test_the_service_time_is_told_apart_where_it_differs() -> None:
    (hidden,) = judged(generator(), scheduled(service=0.001)).endpoints
    (same,) = judged(generator(), scheduled(service=0.01)).endpoints
    (without,) = judged(generator(), windows()).endpoints
    assert hidden.service_p99 == pytest.approx(0.001, rel=0.03)
    assert (hidden.delayed, same.delayed, without.delayed) == (True, False, False)
    assert without.service_p99 is None


def test_a_report_shows_the_slowest_and_some_of_each_failure() -> None:
    slow = [Exemplar(float(n), f"GET /{n % 10}", 0.1 * n, "", 200) for n in range(100)]
    failed = [Exemplar(float(n), "GET /", 1.0, "timeout" if n else "reset") for n in range(50)]
    late = Exemplar(SECONDS + 1.0, "GET /", 99.0)
    shown = judged(generator(), exemplars=(*failed, *slow, late)).exemplars
    told = [exemplar for exemplar in shown if not exemplar.failure]
    assert len(told) == 20
    assert told[0].seconds == pytest.approx(9.9)
    assert [exemplar.seconds for exemplar in told] == sorted(
        (exemplar.seconds for exemplar in told), reverse=True
    )
    assert {exemplar.endpoint for exemplar in told} == {f"GET /{n}" for n in range(10)}
    assert [exemplar.failure for exemplar in shown if exemplar.failure] == [
        "reset",
        *["timeout"] * 5,
    ]


@pytest.mark.parametrize("rate", [0.5, 2.0, 6.0, 40.0, 300.0, 2000.0])
@pytest.mark.parametrize("windows", [15, 60, 600])
def test_arrivals_at_random_are_no_saturation(rate: float, windows: int) -> None:
    """Of 1,000 runs of an idle generator at most one is taken for a saturated one."""
    made = np.random.default_rng(windows).poisson(rate, (1000, windows)).astype(np.float64)
    asked, seconds = np.full(windows, rate), np.ones(windows)
    taken = sum(float(np.mean(load_generator._short(row, asked, seconds))) > PARTLY for row in made)
    assert taken <= 1


@pytest.mark.parametrize(("made", "short"), [(949.0, False), (873.0, True), (874.0, False)])
def test_fewer_arrivals_than_chance_explains_are_short(made: float, short: bool) -> None:
    """Of 1,000 asked for, four standard errors are 126.5; of 100,000, five percent are more."""
    assert load_generator._is_short(np.array([made]), np.array([1000.0])) is short
    assert load_generator._is_short(np.array([94_999.0]), np.array([100_000.0])) is True
    assert load_generator._is_short(np.array([95_001.0]), np.array([100_000.0])) is False
