"""A known leak is a warning until its day, and never a worse one."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.acceptance import (
    FASTER,
    _judged_again,
    _outcome,
    out_of_date,
    with_acceptances,
    without_bound,
)
from soak.analysis.prepare.prepare import prepare
from soak.growth_views import Place, Suspect
from soak.model import Analysis, Finding, RuleName, RunInfo, Trend, Verdict
from soak.profile import Limits
from soak.profile.compare import Accepted
from tests.analysis.recordings import SECONDS, gauge, noise, recording

DAY = date(2026, 1, 1)
SERIES = "process_resident_memory_bytes"
RECORDING = recording(
    gauge(SERIES, 50e6 + 20000.0 * np.arange(SECONDS) + noise(2e4)), gauge("process_open_fds", 30)
)
MIB = 2.0**20


@pytest.fixture(scope="module")
def leaking() -> Analysis:
    analysis = analyze(RECORDING, Limits())
    assert analysis.verdict is Verdict.FAIL
    return analysis


def suspect(
    leak_class: str = "unbounded-cache", endpoint: str = "GET /search", confidence: float = 0.9
) -> Suspect:
    return Suspect(
        leak_class,
        confidence,
        Place("f", "a.go", 3),
        endpoint,
        1.0,
        0.9,
        1.1,
        "bytes",
        (),
        "",
        "bound it",
    )


def accepted(
    analysis: Analysis,
    day: date = DAY,
    baseline: dict[str, float] | None = None,
    suspects: Any = (),
    **keys: Any,
) -> Analysis:
    entry = Accepted.model_validate(
        {"series": SERIES, "until": "2026-01-31", "reason": "ORD-1"} | keys
    )
    return with_acceptances(
        replace(analysis, suspects=tuple(suspects)), prepare(RECORDING, 0.0), [entry], day, baseline
    )


def test_an_accepted_leak_is_a_warning_that_every_report_has(leaking: Analysis) -> None:
    analysis = accepted(leaking, growth="90MiB/h")
    assert analysis.verdict is Verdict.PASS
    assert "1 known leak is accepted: Accepted until 2026-01-31, up to 90 MiB/h" in analysis.reason
    assert any("ORD-1" in warning for warning in analysis.warnings)
    assert analysis.vouched is None


@pytest.mark.parametrize(
    ("day", "verdict"), [("2026-01-31", Verdict.PASS), ("2026-02-01", Verdict.FAIL)]
)
def test_it_is_accepted_to_the_end_of_its_day(
    leaking: Analysis, day: str, verdict: Verdict
) -> None:
    analysis = accepted(leaking, date.fromisoformat(day), growth="90MiB/h")
    assert analysis.verdict is verdict
    assert (verdict is Verdict.FAIL) == (
        "Accepted until 2026-01-31, which has passed" in analysis.reason
    )


def test_a_faster_leak_than_accepted_fails_and_one_that_may_be_is_open(leaking: Analysis) -> None:
    [trend] = [finding.trend for finding in leaking.findings if finding.series == SERIES]
    assert trend is not None
    assert accepted(leaking, growth="20MiB/h").verdict is Verdict.FAIL
    between = (trend.slope_low + trend.slope_per_hour) / 2
    assert accepted(leaking, growth=f"{between}B/h").verdict is Verdict.INCONCLUSIVE
    assert accepted(leaking, growth=f"{trend.slope_per_hour * 1.001}B/h").verdict is Verdict.PASS


def test_a_baseline_bounds_what_names_no_growth(leaking: Analysis) -> None:
    assert accepted(leaking, baseline={SERIES: 90 * MIB}).verdict is Verdict.PASS
    assert accepted(leaking, baseline={SERIES: 30 * MIB}).verdict is Verdict.FAIL


@pytest.mark.parametrize("baseline", [None, {}, {"process_open_fds": 3.0}])
def test_a_leak_of_which_no_bound_is_known_is_not_accepted(
    leaking: Analysis, baseline: dict[str, float] | None
) -> None:
    analysis = accepted(leaking, baseline=baseline)
    assert analysis.verdict is Verdict.FAIL
    assert (
        "Not accepted, because it may be worse than the known leak (give accept.growth, such as"
        in analysis.reason
    )
    suggested = analysis.reason.partition("such as ")[2].partition(",")[0]
    assert accepted(leaking, growth=suggested.replace(" ", "")).verdict is Verdict.PASS


def test_an_acceptance_without_a_bound_is_told_before_the_run() -> None:
    entry = Accepted.model_validate(
        {"series": SERIES + '{pod="a"}', "until": "2026-01-31", "reason": "ORD-1"}
    )
    [said] = without_bound([entry], {"process_open_fds": 3.0})
    assert f"no growth is known up to which {entry.series} is accepted" in said
    assert without_bound([entry], {SERIES + '{pod="a"}': 3.0}) == []
    assert without_bound([entry.model_copy(update={"growth": 3.0})], {}) == []


def test_what_is_out_of_date_is_said_before_anything_is_driven_from_the_day_after() -> None:
    entry = Accepted.model_validate({"series": SERIES, "until": DAY, "reason": "ORD-1"})
    assert out_of_date([entry], DAY) == []
    [said] = out_of_date([entry], DAY + timedelta(days=1))
    assert f"{SERIES} was accepted until {DAY}, which has passed" in said


def test_class_and_endpoint_must_be_those_of_every_sure_suspect(leaking: Analysis) -> None:
    keys: dict[str, Any] = {
        "endpoint": "GET /search",
        "class": "unbounded-cache",
        "growth": "90MiB/h",
    }
    assert accepted(leaking, **keys).verdict is Verdict.FAIL
    assert accepted(leaking, suspects=[suspect()], **keys).verdict is Verdict.PASS
    assert accepted(leaking, suspects=[suspect(endpoint="GET /x")], **keys).verdict is Verdict.FAIL
    assert accepted(leaking, suspects=[suspect("goroutine-leak")], **keys).verdict is Verdict.FAIL
    assert (
        accepted(leaking, suspects=[suspect(), suspect(endpoint="GET /x")], **keys).verdict
        is Verdict.FAIL
    )
    assert (
        accepted(leaking, suspects=[suspect(), suspect("gc-pressure", "GET /x")], **keys).verdict
        is Verdict.PASS
    )


def test_another_series_stays_a_fail_and_an_unused_acceptance_past_its_day_is_named(
    leaking: Analysis,
) -> None:
    analysis = accepted(leaking, date(2026, 3, 1), series="process_open_fds")
    assert analysis.verdict is Verdict.FAIL
    assert any(
        "process_open_fds was accepted until 2026-01-31, which has passed" in text
        for text in analysis.warnings
    )


# Boundaries, on findings made by hand.

UNTIL = date(2026, 1, 31)
PREPARED = prepare(recording(gauge("fds", 30.0)), 0.0)


def leak(series: str = "fds", verdict: Verdict = Verdict.FAIL, **more: Any) -> Finding:
    """A growth of 10/h, between 8 and 12."""
    trend = Trend(10.0, 8.0, 12.0, 1.0, 0.0, 100.0)
    made = Finding(RuleName.GROWTH, series, verdict, f"{series} grows", unit="/h", trend=trend)
    return replace(made, **more)


def entry(series: str = "fds", **keys: Any) -> Accepted:
    return Accepted.model_validate({"series": series, "until": UNTIL, "reason": "ORD-1"} | keys)


def judged(*findings: Finding, **more: Any) -> Analysis:
    return replace(Analysis(RunInfo("made"), Verdict.FAIL, "as it was", findings), **more)


def of(made: Analysis) -> list[tuple[str, str, int]]:
    return [(each.series, each.verdict.value, len(each.adjustments)) for each in made.findings]


def outcome(given: Accepted, finding: Finding, *suspects: Suspect, **baseline: float) -> str:
    told = _outcome(given, finding, suspects, DAY, baseline)
    return f"{told.verdict}: {told.reason}"


def test_without_acceptances_an_analysis_stays_as_it_is() -> None:
    made = judged(leak())
    assert with_acceptances(made, PREPARED, [], DAY) is made


def test_only_growth_that_fails_is_accepted_and_each_by_the_first_that_names_it() -> None:
    made = judged(
        leak("a", rule=RuleName.MAX),
        leak("a", Verdict.PASS),
        leak("a", Verdict.INCONCLUSIVE),
        leak("b"),
        leak("a"),
        leak("c"),
    )
    given = [entry("c", growth="99/h"), entry("a", growth="12/h"), entry("[ab]", growth="1/h")]
    accepted = with_acceptances(made, PREPARED, given, DAY)
    assert of(accepted) == [
        ("a", "fail", 0),
        ("b", "fail", 1),
        ("a", "inconclusive", 0),
        ("a", "pass", 0),
        ("a", "pass", 1),
        ("c", "pass", 1),
    ]
    assert accepted.warnings == tuple(
        each.reason for name in "bac" for each in accepted.findings
        if each.series == name and each.adjustments
    )  # fmt: skip


@pytest.mark.parametrize(
    ("day", "failing", "said"),
    [
        (UNTIL, "fds", 1),
        (UNTIL + timedelta(days=1), "fds", 1),
        (UNTIL, "other", 0),
        (UNTIL + timedelta(days=1), "other", 1),
    ],
)
def test_an_acceptance_past_its_day_that_nothing_needs_is_to_be_removed(
    day: date, failing: str, said: int
) -> None:
    made = judged(leak(failing), warnings=("before",))
    accepted = with_acceptances(made, PREPARED, [entry(growth="99/h")], day)
    assert accepted.warnings[0] == "before"
    assert len(accepted.warnings) == 1 + said
    removed = any("did not fail: remove it" in warning for warning in accepted.warnings)
    assert removed is (said == 1 and failing == "other")
    if failing == "other":
        assert (accepted.reason, accepted.findings) == ("as it was", made.findings)


@pytest.mark.parametrize(
    ("growth", "verdict", "said"),
    [
        (12.0, "pass", "Accepted until 2026-01-31, up to 12/h: fds grows (ORD-1)"),
        (10.0, "pass", "Accepted until 2026-01-31, up to 10/h"),
        (9.99, "inconclusive", "May be worse than accepted until 2026-01-31 (up to 9.99/h)"),
        (8.0, "inconclusive", "May be worse than accepted until 2026-01-31 (up to 8/h)"),
        (7.99, "fail", "Worse than accepted until 2026-01-31 (up to 7.99/h)"),
        (0.0, "fail", "Worse than accepted until 2026-01-31 (up to 0/h)"),
    ],
)
def test_a_leak_is_accepted_up_to_its_bound(growth: float, verdict: str, said: str) -> None:
    assert outcome(entry(growth=f"{growth}/h"), leak()).startswith(f"{verdict}: {said}")
    assert outcome(entry(), leak(), fds=growth).startswith(f"{verdict}: {said}")
    stated = outcome(entry(growth=f"{growth}/h"), leak(), fds=1e9)
    assert stated.startswith(f"{verdict}: {said}")


@pytest.mark.parametrize(
    ("growth", "verdict"), [(12.0, "pass"), (9.0, "inconclusive"), (7.0, "fail")]
)
def test_what_is_left_falls_where_other_leaks_grow(growth: float, verdict: str) -> None:
    falling = leak()
    assert falling.trend is not None
    falling = replace(falling, trend=falling.trend.mirrored())
    assert outcome(entry(growth=f"{growth}/h"), falling).startswith(f"{verdict}: ")
    assert "give accept.growth, such as 12/h, or" in outcome(entry(), falling)


def test_where_no_bound_is_known_one_is_advised() -> None:
    assert outcome(entry(), leak()) == (
        "fail: Not accepted, because it may be worse than the known leak (give accept.growth, such as 12/h, or --against a "
        "baseline that was set from a run with this leak): fds grows (ORD-1)"
    )
    assert FASTER == 0.25  # of a baseline
    assert "such as 12 B/h, or" in outcome(entry(), leak(unit="bytes/h"))
    assert "such as 0/h, or" in outcome(entry(growth="5/h"), leak(trend=None))
    assert "such as 12/h, or" in outcome(entry(), leak(labels=(("a", "b"),)), fds=99.0)
    labelled = outcome(entry(), leak(labels=(("a", "b"),)), **{'fds{a="b"}': 99.0})
    assert labelled.startswith("pass: ")


NONE_SURE = "(no suspect says that it is "


@pytest.mark.parametrize(
    ("keys", "suspects", "why"),
    [
        ({}, [suspect("goroutine-leak", "GET /x")], None),
        ({"class": "unbounded-cache"}, [], f"{NONE_SURE}unbounded-cache; diagnose"),
        ({"endpoint": "GET /search"}, [], f"{NONE_SURE}GET /search; diagnose"),
        (
            {"class": "unbounded-cache", "endpoint": "GET /search"},
            [suspect(confidence=0.49)],
            f"{NONE_SURE}unbounded-cache; diagnose",
        ),
        ({"class": "unbounded-cache"}, [suspect(confidence=0.5)], None),
        ({"class": "unbounded-cache"}, [suspect(endpoint="GET /x")], None),
        ({"endpoint": "GET /search"}, [suspect("goroutine-leak")], None),
        (
            {"class": "unbounded-cache"},
            [suspect("goroutine-leak", confidence=0.5)],
            "(a goroutine-leak is suspected, 50% sure)",
        ),
        (
            {"endpoint": "GET /search"},
            [suspect(), suspect(endpoint="GET /x")],
            "(it leaks through GET /x)",
        ),
        (
            {"endpoint": "GET /search"},
            [suspect(endpoint="")],
            "(it leaks through an unknown endpoint)",
        ),
        (
            {"endpoint": "GET /search"},
            [suspect(endpoint="*")],
            "(it leaks through an unknown endpoint)",
        ),
        ({"class": "unbounded-cache"}, [suspect(), suspect("gc-pressure")], None),
        ({"class": "unbounded-cache"}, [suspect(), suspect("buffered-response")], None),
        ({"class": "unbounded-cache"}, [suspect("gc-pressure")], NONE_SURE),
    ],
)
def test_the_suspects_that_are_sure_must_be_the_accepted_leak(
    keys: dict[str, Any], suspects: list[Suspect], why: str | None
) -> None:
    said = outcome(entry(growth="12/h", **keys), leak(), *suspects)
    if why is None:
        assert said.startswith("pass: ")
    else:
        assert said.startswith(f"fail: Not the leak that is accepted until 2026-01-31 {why}")


@pytest.mark.parametrize(
    ("selector", "key", "known"),
    [
        ("fds", "fds", True),
        ("fds", "fds{pod='a'}", True),
        ("fd*", "fds", True),
        ("fds", "fd", False),
        ("{pod='a'}", "anything", True),
    ],
)
def test_a_baseline_may_bound_whatever_an_acceptance_names(
    selector: str, key: str, known: bool
) -> None:
    assert (without_bound([entry(selector)], {key: 1.0}) == []) is known


def test_accepted_leaks_are_told_first_and_what_is_worse_comes_before_them() -> None:
    passed = leak("a", Verdict.PASS)
    worse = leak("b").adjusted("warm-up", Verdict.FAIL, "It grows.")
    taken = worse.adjusted("acceptance", Verdict.PASS, "Accepted b.")
    other = leak("c").adjusted("vouched horizon", Verdict.PASS, "c is well")
    once = _judged_again(judged(), PREPARED, [passed, taken, other])
    assert once.verdict is Verdict.PASS
    assert once.reason.startswith("1 known leak is accepted: Accepted b. 3 series stayed steady")
    twice = _judged_again(judged(), PREPARED, [taken, replace(taken, reason="Accepted d.")])
    assert twice.reason.startswith("2 known leaks are accepted: Accepted b. ")
    plain = _judged_again(judged(), PREPARED, [passed, other])
    assert plain.reason.startswith("2 series stayed steady")
    open_ = leak("e", Verdict.INCONCLUSIVE)
    undecided = _judged_again(judged(), PREPARED, [taken, open_])
    assert [each.series for each in undecided.findings] == ["e", "b"]
    assert (undecided.verdict, undecided.reason) == (
        Verdict.INCONCLUSIVE,
        "1 known leak is accepted: Accepted b. e grows",
    )
    failing = _judged_again(judged(), PREPARED, [taken, open_, leak("f")])
    assert [each.series for each in failing.findings] == ["f", "e", "b"]
    assert (failing.verdict, failing.reason) == (Verdict.FAIL, "f grows")
    still = _judged_again(
        judged(), PREPARED, [replace(taken, verdict=Verdict.INCONCLUSIVE), passed]
    )
    assert still.reason == "Accepted b."


def test_a_broken_run_stays_broken_unless_something_fails() -> None:
    broken = judged(broken="The run broke: x.")
    accepted = leak("b").adjusted("acceptance", Verdict.PASS, "Accepted b.")
    made = _judged_again(broken, PREPARED, [accepted])
    assert (made.verdict, made.reason) == (
        Verdict.INCONCLUSIVE,
        "1 known leak is accepted: Accepted b. The run broke: x.",
    )
    failing = _judged_again(broken, PREPARED, [leak()])
    assert (failing.verdict, failing.reason) == (Verdict.FAIL, "fds grows")
