"""What is said where nothing of the target is known."""

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.prepare.prepare import prepare
from soak.analysis.rules.rule import RuleInput
from soak.analysis.rules.unknown_resources import _moved, unknown_warnings
from soak.catalog.metrics import METRICS, ResourceKind
from soak.model import Finding, RuleName, Trend, Verdict
from soak.profile import Limits
from tests.analysis.recordings import SECONDS, gauge, noise, recording

T = np.arange(SECONDS)
UNKNOWN = (
    gauge("app_heap_used", 1e8 + 1e5 * T),
    gauge("app_worker_threads", 7),
    gauge("app_temperature", 20.0),
)


def advice(*series: object, limits: Limits | None = None) -> list[str]:
    analysis = analyze(recording(*series), limits or Limits())  # type: ignore[arg-type]
    return [text for text in analysis.warnings if " looks like " in text]


def test_series_that_look_like_resources_are_named_with_what_they_did_and_a_limit() -> None:
    heap, threads = advice(*UNKNOWN)
    assert heap == (
        "app_heap_used looks like memory in bytes, and went from 100,000,000 to 129,900,000; "
        "limits: {growth: {app_heap_used: 1MiB/h}} would have it judged"
    )
    assert threads.startswith("app_worker_threads looks like threads, and stayed at 7;")


def test_beside_a_known_resource_nothing_is_advised() -> None:
    assert advice(*UNKNOWN, gauge("process_resident_memory_bytes", 5e7 + noise(2e4))) == []


def test_a_limit_on_what_was_never_recorded_is_no_resource() -> None:
    assert len(advice(*UNKNOWN, limits=Limits.model_validate({"growth": {"app_heap": "0/h"}}))) == 2


def warned(*findings: Finding) -> int:
    """How much is advised beside these findings."""
    asked = RuleInput(prepare(recording(*UNKNOWN, requests=[]), 0.0), Limits())
    return len(list(unknown_warnings(asked, findings)))


def growth(name: str, trend: Trend | None) -> Finding:
    return Finding(RuleName.GROWTH, name, Verdict.PASS, "It is steady.", trend=trend)


def test_only_a_judged_resource_of_the_target_makes_advice_needless() -> None:
    trend = Trend(0.0, -1.0, 1.0, 1.0, 0.0, 5.0)
    own = next(metric.selector for metric in METRICS if metric.kind is ResourceKind.METRICS)
    assert warned() == 2
    assert warned(growth("process_open_fds", None)) == 2
    assert warned(growth(own, trend)) == 2
    assert warned(growth("process_open_fds", trend)) == 0
    assert warned(growth("app_heap_used", trend)) == 0
    assert warned(growth(own, trend), growth("process_open_fds", trend)) == 0


def test_series_of_the_load_are_not_the_targets() -> None:
    series = [gauge("app_heap_used", 7.0, "load"), gauge("app_worker_threads", 7.0)]
    asked = RuleInput(prepare(recording(*series, requests=[]), 0.0), Limits())
    [said] = unknown_warnings(asked, ())
    assert said.startswith("app_worker_threads looks like threads")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([np.nan], "has no value"),
        ([7.0, np.nan, 7.0], "stayed at 7"),
        ([7.0], "stayed at 7"),
        ([1.0, 1.25], "went from 1 to 1.25"),
        ([np.nan, 12345.0, 99.0, 3.0, np.nan], "went from 12,345 to 3"),
    ],
)
def test_from_which_value_to_which_a_series_went(values: list[float], said: str) -> None:
    assert _moved(gauge("app_heap_used", np.array(values))) == said
