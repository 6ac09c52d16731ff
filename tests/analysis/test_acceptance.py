"""A known leak is a warning until its day, and never a worse one."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.acceptance import out_of_date, with_acceptances, without_bound
from soak.analysis.prepare.prepare import prepare
from soak.growth_views import Place, Suspect
from soak.model import Analysis, Verdict
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
