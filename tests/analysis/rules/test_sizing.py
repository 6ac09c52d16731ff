"""Sizing: what peaks come to, without a leak."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.prepare.prepare import Prepared, prepare
from soak.analysis.rules import sizing
from soak.analysis.rules.rule import RuleInput
from soak.analysis.rules.sizing import (
    CLOSE,
    KILLED_AT,
    REMARKABLE,
    _by_chance,
    _died,
    _judged,
    _last,
    _percent,
    _size,
    _total,
    ceiling_warnings,
    session_warnings,
    sizing_findings,
)
from soak.analysis.statistics.peaks import Peaks
from soak.model import Event, EventKind, Finding, RuleName, Series, Verdict
from soak.profile import Limits
from tests.analysis.recordings import gauge, health, recording

SECONDS = 900
MIB = 2.0**20


def memory(
    level: float, scatter: float, seed: int = 4, name: str = "process_resident_memory_bytes"
) -> Series:
    return gauge(name, (level + scatter * np.random.default_rng(seed).normal(size=SECONDS)) * MIB)


def judged(*series: Series, events: Any = (), **limits: Any) -> list[Finding]:
    run = recording(*series, seconds=SECONDS, events=events)
    return [
        finding
        for finding in analyze(run, Limits.model_validate(limits)).findings
        if finding.rule is RuleName.MAX
    ]


def limit_of(mib: float, name: str = "container_spec_memory_limit_bytes") -> Series:
    return gauge(name, np.full(SECONDS, mib * MIB))


def test_peaks_far_below_the_limit_are_not_mentioned() -> None:
    series = memory(100, 1)
    peak = float(series.values.max()) / MIB
    assert judged(series, limit_of(peak / REMARKABLE + 1)) == []
    assert len(judged(series, limit_of(peak / REMARKABLE - 1))) == 1


def test_room_enough_passes_and_says_the_chance() -> None:
    [finding] = judged(memory(100, 1), limit_of(150))
    assert finding.verdict is Verdict.PASS
    assert "the chance that peaks reach it within 30 days is under 1%" in finding.reason


def test_a_limit_just_above_the_peaks_fails_and_says_what_would_do() -> None:
    series = memory(100, 5)
    [finding] = judged(series, limit_of(float(series.values.max()) / MIB + 0.2))
    assert finding.verdict is Verdict.FAIL
    assert "without a leak" in finding.reason
    assert "MiB would do, with a chance of 1%" in finding.reason
    assert finding.limit is not None
    assert finding.observed is not None
    assert finding.observed < finding.limit


def test_a_chance_that_nobody_can_be_sure_of_is_left_open() -> None:
    series = memory(100, 5)
    [finding] = judged(series, limit_of(float(series.values.max()) / MIB + 3))
    assert finding.verdict is Verdict.INCONCLUSIVE


def test_too_few_peaks_leave_open_what_is_close_and_nothing_else() -> None:
    few = memory(100, 1)
    few = replace(few, times=few.times[::15], values=few.values[::15])
    peak = float(few.values.max()) / MIB
    [finding] = judged(few, limit_of(peak / CLOSE - 1))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "cannot be told: 60 samples are too few" in finding.reason
    assert judged(few, limit_of(peak / CLOSE + 1)) == []


def test_a_process_that_died_at_its_limit_was_given_too_little() -> None:
    series, died = (
        memory(100, 1),
        [Event(500.0, EventKind.TARGET, "the target ended by itself with code -9")],
    )
    peak = float(series.values.max()) / MIB
    [finding] = judged(series, limit_of(peak / KILLED_AT - 1), events=died)
    assert finding.verdict is Verdict.FAIL
    assert "did not survive: the limit is too small for it" in finding.reason
    [other] = judged(series, limit_of(peak / KILLED_AT + 40), events=died)
    assert other.verdict is Verdict.PASS


def test_a_limit_of_address_space_counts_and_no_limit_is_none() -> None:
    space = memory(100, 5, name="process_virtual_memory_bytes")
    top = float(space.values.max()) / MIB + 0.2
    [finding] = judged(space, limit_of(top, "process_virtual_memory_max_bytes"))
    assert (finding.series, finding.verdict) == ("process_virtual_memory_bytes", Verdict.FAIL)
    assert judged(space, limit_of(2.0**62, "process_virtual_memory_max_bytes")) == []


def test_a_maximum_of_the_profile_s_own_is_the_one_that_counts() -> None:
    [finding] = judged(
        memory(100, 5), limit_of(118), max={"process_resident_memory_bytes": "200MiB"}
    )
    assert finding.limit == 200 * MIB


@pytest.mark.parametrize(("heap", "warned"), [(500, False), (700, True)])
def test_a_heap_that_may_outgrow_the_container_is_warned_of(heap: float, warned: bool) -> None:
    """400 MiB resident, of which 250 of the heap: 150 beside it, and 700 + 150 is more than the container's 800."""
    run = recording(
        memory(400, 1),
        limit_of(800),
        gauge("jvm_memory_max_bytes", np.full(SECONDS, heap * MIB), area="heap", id="G1 Old Gen"),
        gauge("jvm_memory_max_bytes", np.full(SECONDS, -1.0), area="heap", id="G1 Eden Space"),
        gauge(
            "jvm_memory_committed_bytes", np.full(SECONDS, 250 * MIB), area="heap", id="G1 Old Gen"
        ),
        seconds=SECONDS,
    )
    said = [text for text in analyze(run, Limits()).warnings if "killed without a leak" in text]
    assert bool(said) is warned


@pytest.mark.parametrize(("allowed", "warned"), [(640, False), (660, True)])
def test_a_gomemlimit_that_the_container_has_no_room_for_is_warned_of(
    allowed: float, warned: bool
) -> None:
    """400 MiB resident, of which Go holds 300 - 50: 150 beside it, so 650 of the container's 800 are left for Go."""
    run = recording(
        memory(400, 0.01),
        limit_of(800),
        limit_of(allowed, "go_gc_gomemlimit_bytes"),
        limit_of(300, "go_memstats_sys_bytes"),
        limit_of(50, "go_memstats_heap_released_bytes"),
        seconds=SECONDS,
    )
    said = [text for text in analyze(run, Limits()).warnings if "GOMEMLIMIT" in text]
    assert bool(said) is warned
    assert all("GOMEMLIMIT of 650 MiB at most would fit" in text for text in said)


def test_no_gomemlimit_is_none() -> None:
    run = recording(
        memory(400, 0.01),
        limit_of(800),
        limit_of(2.0**63 / MIB, "go_gc_gomemlimit_bytes"),
        limit_of(300, "go_memstats_sys_bytes"),
        seconds=SECONDS,
    )
    assert not any("GOMEMLIMIT" in text for text in analyze(run, Limits()).warnings)


def sessions(maximum: float, server: str = "postgres", limit: float = 1000) -> list[str]:
    """10 sessions and their server, 55 MiB of their own: 5 MiB each, beside 600 MiB in all."""
    run = recording(
        *(
            gauge(name, np.full(SECONDS, value), instance=server)
            for name, value in (
                ("process_children", 10.0),
                ("process_unique_memory_bytes", 55 * MIB),
                ("process_resident_memory_bytes", 600 * MIB),
                ("container_spec_memory_limit_bytes", limit * MIB),
            )
        ),
        gauge("hikaricp_max_connections", np.full(SECONDS, maximum), pool="orders"),
        gauge("pg_settings_max_connections", np.full(SECONDS, 100.0)),
        seconds=SECONDS,
    )
    return [text for text in analyze(run, Limits()).warnings if "The pool may open" in text]


def test_a_pool_whose_sessions_the_database_has_no_memory_for_is_warned_of() -> None:
    assert sessions(90) == []
    [said] = sessions(92)
    assert (
        "of which each takes 5 MiB at PostgreSQL: with all of them it needs 1,010 MiB, more than its 1,000 MiB"
        in said
    )
    # Workers of a service that have a pool each are no sessions of a database.
    assert sessions(92, server="gunicorn") == []


def test_a_pool_larger_than_the_database_accepts_is_warned_of() -> None:
    assert sessions(100, limit=5000) == []
    [said] = sessions(101, limit=5000)
    assert (
        said
        == "The pool may open 101 connections, and PostgreSQL accepts 100 (max_connections): some will be refused"
    )


def at(name: str, *values: float, **labels: str) -> Series:
    return Series(
        name, np.arange(float(len(values))), np.array(values, np.float64), tuple(labels.items())
    )


def ready(*series: Series, recorded: dict[str, Any] | None = None, **more: Any) -> Prepared:
    run = replace(recording(*series, requests=[]), **(recorded or {}))
    return replace(prepare(run, 0.0), series=series, **more)


def asked(*series: Series, limits: Any = None, **more: Any) -> RuleInput:
    return RuleInput(ready(*series, **more), Limits.model_validate(limits or {}))


LIMIT = "container_spec_memory_limit_bytes"
RSS, SPACE = "process_resident_memory_bytes", "process_virtual_memory_bytes"


def found(*series: Series, **more: Any) -> list[tuple[str, float | None]]:
    return [
        (finding.series, finding.observed) for finding in sizing_findings(asked(*series, **more))
    ]


def test_each_resource_with_a_limit_is_judged_by_the_known_values_since_judging_began() -> None:
    space = (at(SPACE, 95, 85), at("process_virtual_memory_max_bytes", 100))
    assert found(at(RSS, 99, 90, np.nan), at(LIMIT, 100), *space, judged_from=1.0) == [
        (RSS, 90.0),
        (SPACE, 85.0),
    ]
    limits = {"max": {RSS: 50}}
    assert found(at(RSS, 90, 90), at(LIMIT, 100), *space, limits=limits) == [(SPACE, 95.0)]


def test_a_resource_without_a_limit_or_values_does_not_hide_the_next() -> None:
    series = [
        at(RSS, 90, 90, instance="a"),
        at(RSS, 90, np.nan, instance="b"),
        at(RSS, 10, 20, instance="c"),
        at(RSS, 95, 85, instance="d"),
        *(at(LIMIT, 100, instance=name) for name in "bcd"),
    ]
    assert found(*series, judged_from=1.0) == [(RSS, 85.0)]


def peaks_at(limit: float, *values: float, died: bool = False) -> Finding | None:
    restarts = {"": (5.0,) if died else ()}
    series = at(RSS, *values)
    return _judged(ready(restarts=restarts), series, series.times, series.values, limit, 3600.0)


SEEN = "Resident memory stood at 75 B and peaked at"


@pytest.mark.parametrize(
    ("peak", "died", "verdict", "said"),
    [
        (79.0, False, None, ""),
        (80.0, False, Verdict.INCONCLUSIVE, "80 B, 80% of the limit of 100 B; whether peaks"),
        (90.0, False, Verdict.INCONCLUSIVE, "90 B, 90% of the limit of 100 B; whether peaks"),
        (89.0, True, Verdict.INCONCLUSIVE, "89 B, 89% of the limit of 100 B; whether peaks"),
        (90.0, True, Verdict.FAIL, "90 B, 90% of the limit of 100 B, and the process did not"),
    ],
)
def test_three_samples_are_judged_by_their_peak_alone(
    peak: float, died: bool, verdict: Verdict | None, said: str
) -> None:
    finding = peaks_at(100.0, 75.0, peak, 70.0, died=died)
    assert (finding.verdict if finding else None) is verdict
    if finding is not None:
        assert finding.reason.startswith(f"{SEEN} {said}")
        assert (finding.limit, finding.observed, finding.unit) == (100.0, peak, "bytes")


class MadePeaks(Peaks):
    """Peaks whose chances and levels are given."""

    given: tuple[Any, Any]

    def __init__(self, chances: list[float], levels: list[float]) -> None:
        object.__setattr__(self, "given", (np.array(chances), np.array(levels)))

    def chances(self, level: float, seconds: float) -> Any:
        return self.given[0]

    def levels(self, chance: float, seconds: float) -> Any:
        return self.given[1]


@pytest.mark.parametrize(
    ("chances", "verdict", "said"),
    [
        ([0.6, 0.5, 0.5], Verdict.FAIL, "seen, without a leak: the chance that peaks reach it"),
        ([0.6, 0.49, 0.49], Verdict.INCONCLUSIVE, "seen: the chance that peaks reach it"),
        ([0.05, 0.0, 0.0], Verdict.INCONCLUSIVE, "seen: the chance that peaks reach it"),
        ([0.049, 0.0, 0.9], Verdict.PASS, "seen: the chance that peaks reach it"),
    ],
)
def test_the_chance_of_a_breach_decides(chances: list[float], verdict: Verdict, said: str) -> None:
    seen = _by_chance("seen", MadePeaks(chances, []), 100.0, 7200.0, "; 150 B would do")
    assert seen[0] is verdict
    assert seen[1].startswith(f"{said} within 2 h is ")
    assert seen[1].endswith(".") is True
    assert ("; 150 B would do." in seen[1]) is (verdict is not Verdict.PASS)


def test_the_interval_of_the_chance_is_that_of_all_draws() -> None:
    _, said = _by_chance("seen", MadePeaks([0.3, 0.1, 0.9], []), 100.0, 7200.0, "")
    assert said == "seen: the chance that peaks reach it within 2 h is 30% (12% to 88%)."


@pytest.mark.parametrize(
    ("peak", "judged_at_all"), [(49.0, False), (50.0, True), (51.0, True), (95.0, True)]
)
def test_a_peak_from_half_of_the_limit_on_has_a_chance(
    monkeypatch: pytest.MonkeyPatch, peak: float, judged_at_all: bool
) -> None:
    made = MadePeaks([0.0, 0.0, 0.0], [120.0, 120.0])
    monkeypatch.setattr(sizing, "fit_peaks", lambda *_: made)
    finding = peaks_at(100.0, 40.0, peak, 40.0)
    assert (finding is not None) is judged_at_all
    if finding is not None:
        assert finding.verdict is Verdict.PASS
        assert finding.reason == (
            f"Resident memory stood at 40 B and peaked at {peak:.0f} B, {peak:.0f}% of the limit of 100 B: "
            "the chance that peaks reach it within 60 min is under 1% (under 1% to under 1%)."
        )
    died = peaks_at(100.0, 40.0, 95.0, 40.0, died=True)
    assert died is not None
    assert died.reason.endswith(
        "the limit is too small for it; 120 B would do, with a chance of 1%."
    )


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        ([100.0, 100.0], ""),
        ([0.0, 102.0], ""),
        ([101.0, 101.0], "; 101 B would do, with a chance of 1%"),
        ([0.0, 200.0], "; 195 B would do, with a chance of 1%"),
    ],
)
def test_a_size_is_recommended_that_is_larger_than_the_limit(
    levels: list[float], said: str
) -> None:
    assert _size(MadePeaks([], levels), 100.0, 3600.0, "bytes") == said
    assert _size("too few", 100.0, 3600.0, "bytes") == ""


@pytest.mark.parametrize(
    ("chance", "said"),
    [
        (0.0, "under 1%"),
        (0.0099, "under 1%"),
        (0.01, "1%"),
        (0.416, "42%"),
        (0.99, "99%"),
        (0.991, "over 99%"),
    ],
)
def test_a_chance_is_never_shown_as_none_or_certain(chance: float, said: str) -> None:
    assert _percent(chance) == said


@pytest.mark.parametrize(
    ("recorded", "restarts", "died"),
    [
        ({}, {"": ()}, False),
        ({}, {"": (), "b": (5.0,)}, True),
        ({"sources": (health(gone=True),)}, {}, True),
        ({"events": (Event(1.0, EventKind.TARGET, "it died"),)}, {}, True),
        ({"events": (Event(1.0, EventKind.OOM, "it was killed"),)}, {}, True),
        ({"events": (Event(1.0, EventKind.WARNING, "it warned"),)}, {}, False),
    ],
)
def test_a_process_died_if_it_ended_was_replaced_or_was_killed(
    recorded: dict[str, Any], restarts: dict[str, tuple[float, ...]], died: bool
) -> None:
    assert _died(ready(recorded=recorded, restarts=restarts)) is died


def ceilings(
    resident: float = 400,
    allowed: float = 651,
    taken: float = 300,
    returned: float = 50,
    *more: Series,
    limit: float = 800,
) -> list[str]:
    """What is said of Go's limit, all in KiB."""
    own = {
        "go_gc_gomemlimit_bytes": allowed,
        "go_memstats_sys_bytes": taken,
        "go_memstats_heap_released_bytes": returned,
    }
    go = [at(name, value * 1024) for name, value in own.items()]
    rss = at(RSS, 1.0, resident * 1024, 1e9, instance="a")
    held = at(LIMIT, limit * 1024, instance="a")
    return list(ceiling_warnings(asked(*more, rss, held, *go), ()))


@pytest.mark.parametrize(
    ("given", "beside", "fits"),
    [
        ({"allowed": 650}, None, ""),
        ({"allowed": 651}, "150 KiB", "650 KiB"),
        ({"allowed": 0}, None, ""),
        ({"resident": 2000, "taken": 50, "allowed": 900}, None, ""),  # Go has taken nothing
        ({"resident": 2000, "taken": 40, "allowed": 900}, None, ""),
        ({"resident": 200, "allowed": 801}, "0 B", "800 KiB"),
        ({"resident": 200, "allowed": 800}, None, ""),
        ({"resident": 1200}, "950 KiB", "0 B"),
    ],
)
def test_a_runtimes_own_limit_must_fit_beside_all_other_memory(
    given: dict[str, float], beside: str | None, fits: str
) -> None:
    said = ceilings(**given)
    if beside is None:
        assert said == []
    else:
        allowed = given.get("allowed", 651)
        assert said == [
            (
                f"Go may take {allowed:.0f} KiB (GOMEMLIMIT), and the process holds {beside} beside it: "
                "more than the container's 800 KiB, so it may be killed without a leak; "
                f"GOMEMLIMIT of {fits} at most would fit"
            )
        ]


def test_a_process_without_a_limit_or_values_does_not_hide_the_next() -> None:
    unlimited = at(RSS, 400.0 * 1024, instance="b")
    unread = at(RSS, np.nan, instance="c")
    of_another = at(LIMIT, 800.0, instance="z")
    assert len(ceilings(400, 651, 300, 50, unlimited, of_another)) == 1
    assert len(ceilings(400, 651, 300, 50, unread, at(LIMIT, 800.0, instance="c"))) == 1


@pytest.mark.parametrize(
    ("allowed", "committed", "beside"),
    [(650, 250, None), (651, 250, "150 B"), (402, 1, "399 B"), (401, 1, None)],
)
def test_a_heaps_limit_must_fit_beside_all_that_is_no_heap(
    allowed: float, committed: float, beside: str | None
) -> None:
    heap = {"area": "heap", "id": "G1 Old Gen"}
    series = [
        at(RSS, 400.0),
        at(LIMIT, 800.0),
        at("jvm_memory_max_bytes", allowed, **heap),
        at("jvm_memory_committed_bytes", committed, **heap),
    ]
    said = list(ceiling_warnings(asked(*series), ()))
    assert len(said) == (beside is not None)
    for text in said:
        assert f"The JVM may take {allowed} B (-Xmx), and the process holds {beside} beside" in text


def pooled(
    most: float = 92,
    *,
    children: float = 10,
    unique: float = 55,
    resident: float = 600,
    limit: float = 1000,
    accepted: float = 1000,
    beside: Sequence[Series] = (),
) -> list[str]:
    own = {
        "process_children": children,
        "process_unique_memory_bytes": unique,
        RSS: resident,
        LIMIT: limit,
    }
    server = [at(name, value, instance="db:5432") for name, value in own.items()]
    pool = at("hikaricp_max_connections", most, pool="orders")
    series = (*beside, *server, pool, at("pg_settings_max_connections", accepted))
    return list(session_warnings(asked(*series), ()))


def test_sessions_beside_those_open_already_must_fit() -> None:
    assert pooled(90) == []
    [said] = pooled(91)
    assert said == (
        "The pool may open 91 connections, of which each takes 5 B at PostgreSQL: with all of them it needs "
        "1,005 B, more than its 1,000 B, so it may be killed without a leak"
    )
    workers = at("process_children", 10.0, instance="gunicorn")
    assert len(pooled(91, beside=[workers])) == 1
    unmeasured = at("process_children", 10.0, instance="postgres-b")
    assert len(pooled(91, beside=[unmeasured])) == 1


@pytest.mark.parametrize(
    "missing",
    [
        {"children": 0.0},
        {"unique": 0.0},
        {"unique": np.nan, "resident": 1100.0},
        {"resident": np.nan, "limit": 100.0},
        {"limit": -1.0},
        {"most": 10.0, "resident": 1100.0},
        {"most": 9.0, "resident": 1100.0},
    ],
)
def test_without_one_of_its_figures_nothing_is_said_of_sessions(missing: dict[str, Any]) -> None:
    assert pooled(**missing) == []


def test_one_session_more_than_are_open_is_added_to_them() -> None:
    assert len(pooled(11, resident=1100)) == 1


@pytest.mark.parametrize(("accepted", "told"), [(92.0, False), (91.0, True), (0.0, False)])
def test_a_pool_may_not_be_larger_than_what_the_database_accepts(
    accepted: float, told: bool
) -> None:
    said = pooled(92, accepted=accepted, limit=5000)
    assert bool(said) is told


def test_the_last_known_value_or_none() -> None:
    assert _last(None) == 0.0
    assert _last(at(RSS, np.nan)) == 0.0
    assert _last(at(RSS, 3.0, 7.0, np.nan)) == 7.0


def test_totals_leave_out_what_means_no_limit() -> None:
    series = [
        at(RSS, value, instance=str(index))
        for index, value in enumerate([-1.0, 0.0, 0.5, 10.0, 2.0**60, np.nan])
    ]
    assert _total(ready(*series), RSS) == 10.5
