"""Stopping early: only what is certain stops a run, and never what could still change."""

import numpy as np

from soak.analysis import analyze
from soak.analysis.sequential_stop import LOOKS, certain_already
from soak.model import Analysis
from soak.profile import Limits
from tests.analysis.recordings import SECONDS, gauge, noise, recording, windows

STEADY = gauge("process_open_fds", 30 + np.round(noise(1.0)))


def judged(*series: object, **limits: object) -> Analysis:
    return analyze(recording(*series), Limits.model_validate(limits))  # type: ignore[arg-type]


def test_the_looks_are_fixed_in_advance_and_spend_little() -> None:
    shares = [share for share, _, _ in LOOKS]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] < 1
    assert sum(risk for _, risk, _ in LOOKS) < 0.001


def test_a_gross_leak_stops_a_run_at_the_first_look() -> None:
    descriptors = gauge("process_open_fds", 30 + np.floor(2.0 * np.arange(SECONDS)))
    reason = certain_already(judged(descriptors), 0, 3600.0)
    assert reason is not None
    assert reason.startswith("Open descriptors keep")


def test_what_is_steady_under_the_default_rule_runs_to_its_end() -> None:
    assert certain_already(judged(STEADY), 2, 3600.0) is None


def test_a_limit_that_is_surely_kept_stops_a_run() -> None:
    limits = {"growth": {"process_open_fds": "100000/h"}}
    assert certain_already(judged(STEADY, **limits), 0, 3600.0) == "Every growth limit is surely kept."
    assert (
        certain_already(judged(STEADY, gauge("process_threads", 9 + np.round(noise(1.0, 2))), **limits), 0, 3600.0)
        is None
    )


def test_a_broken_latency_limit_stops_nothing_for_it_may_recover() -> None:
    analysis = analyze(recording(STEADY, requests=[windows(latency=2.0)]), Limits.model_validate({"p99": "1s"}))
    assert analysis.verdict.value == "fail"
    assert certain_already(analysis, 0, 3600.0) is None


def test_a_restart_is_certain_at_once() -> None:
    started = gauge("process_start_time_seconds", np.where(np.arange(SECONDS) < 100, 5.0, 100.0))
    assert certain_already(judged(STEADY, started), 0, 3600.0) is not None


def test_a_leak_that_is_certain_but_not_gross_runs_to_its_end() -> None:
    descriptors = gauge("process_open_fds", 300 + np.floor(0.5 * np.arange(SECONDS)))
    analysis = judged(descriptors)
    assert analysis.verdict.value == "fail"
    assert certain_already(analysis, 0, 3600.0) is None


def test_a_leak_that_would_end_the_run_before_its_time_is_gross() -> None:
    descriptors = gauge("process_open_fds", 300 + np.floor(0.5 * np.arange(SECONDS)))
    analysis = judged(descriptors, gauge("process_max_fds", np.full(SECONDS, 1024.0)))
    assert certain_already(analysis, 0, 3600.0) is not None
    assert certain_already(analysis, 0, 60.0) is None
