"""Stopping early: only what is certain stops a run, and never what could still change."""

import numpy as np

from soak.analysis import analyze
from soak.analysis.sequential_stop import LOOKS, LOOKS_UNTIL_CERTAIN, all_certain, certain_already
from soak.analysis.thresholds import CERTAIN
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
    assert (
        certain_already(judged(STEADY, **limits), 0, 3600.0) == "Every growth limit is surely kept."
    )
    assert (
        certain_already(
            judged(STEADY, gauge("process_threads", 9 + np.round(noise(1.0, 2))), **limits),
            0,
            3600.0,
        )
        is None
    )


def test_a_broken_latency_limit_stops_nothing_for_it_may_recover() -> None:
    analysis = analyze(
        recording(STEADY, requests=[windows(latency=2.0)]), Limits.model_validate({"p99": "1s"})
    )
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


def test_until_certain_goes_on_while_anything_is_open_and_ends_when_nothing_is() -> None:
    leak = gauge("process_open_fds", 30 + np.floor(0.5 * np.arange(SECONDS)))
    never_moved = gauge("process_threads", np.full(SECONDS, 9.0))
    last = len(LOOKS_UNTIL_CERTAIN) - 1
    assert all_certain(judged(leak), last) is not None
    assert all_certain(judged(never_moved), 0) is not None
    assert all_certain(judged(leak, never_moved), last) is not None
    short = gauge("process_resident_memory_bytes", np.array([5e7, 6e7, 5e7, 7e7, 5e7]))
    assert all_certain(judged(leak, short), last) is None
    assert all_certain(judged(), last) is None


def test_until_certain_spends_its_error_over_the_looks() -> None:
    shares, risks = zip(*LOOKS_UNTIL_CERTAIN, strict=True)
    assert list(shares) == sorted(shares)
    assert list(risks) == sorted(risks)
    assert sum(risks) < 0.3 * CERTAIN


def test_until_certain_does_not_end_for_a_limit_that_may_recover() -> None:
    never_moved = gauge("process_threads", np.full(SECONDS, 9.0))
    analysis = analyze(
        recording(never_moved, requests=[windows(latency=2.0)]),
        Limits.model_validate({"p99": "1s"}),
    )
    assert all_certain(analysis, 0) is None


def test_until_certain_gives_no_more_false_alarms_than_the_single_look_at_the_end() -> None:
    """A healthy pool fills for a tenth to a third of the run: the first look alone would fail it, and the looks do not."""
    alarms = tempted = 0
    for seed in range(3):
        rng, t = np.random.default_rng(seed), np.arange(SECONDS)
        filling = 200 * (1 - np.exp(-t / (SECONDS * rng.uniform(0.1, 0.35))))
        descriptors = np.round(filling + 40 + 2 * rng.normal(size=SECONDS))
        for look, (share, _) in enumerate(LOOKS_UNTIL_CERTAIN[:2]):
            upto = int(share * SECONDS)
            early = analyze(
                recording(gauge("process_open_fds", descriptors[:upto]), seconds=upto), Limits()
            )
            tempted += early.verdict.value == "fail"
            alarms += early.verdict.value == "fail" and all_certain(early, look) is not None
    assert tempted >= 2
    assert alarms == 0
