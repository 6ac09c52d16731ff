"""The load's own connections taken off what the target counts of them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.prepare.generator_series import CONNECTIONS
from soak.analysis.prepare.load_connections import without_connections
from soak.model import Recording, Series, Verdict
from soak.profile import Limits
from soak.windows import GeneratorWindows
from tests.analysis.recordings import SECONDS, gauge, noise, recording

T = np.arange(SECONDS)
#: A stall in the midst opens sixty more, and these are closed again, late.
OPEN = np.where((T > 190) & (T < 280), 74, 14) + np.where((T > 220) & (T < 240), 30, 0)
LEAK = np.floor(20 + 0.5 * T)


def driven(descriptors: object, connections: object) -> Recording:
    column = np.broadcast_to(np.asarray(connections, np.float64), (SECONDS,))
    ones, at = np.ones(SECONDS), T.astype(np.float64) + 1.0
    shares = (0.1 * ones, 0.1 * ones, 0 * ones, 5e7 * ones, ones, ones, 0 * ones)
    health = GeneratorWindows(at, ones, *shares, column, np.nan * ones, np.nan * ones)
    resident = gauge("process_resident_memory_bytes", 50e6 + noise(2e4))
    return replace(recording(gauge("process_open_fds", descriptors), resident), generator=health)


def verdict_of(driven_run: Recording) -> Verdict:
    [growth] = [
        finding
        for finding in analyze(driven_run, Limits()).findings
        if (finding.rule, finding.series) == ("growth", "process_open_fds")
    ]
    return growth.verdict


@pytest.mark.parametrize("each", [1, 2])
def test_a_leak_under_connections_that_come_and_go_is_seen(each: int) -> None:
    assert verdict_of(driven(LEAK + each * np.roll(OPEN, 1), OPEN)) is Verdict.FAIL


def test_connections_that_a_stall_added_are_no_leak() -> None:
    late = np.where(T > 150, 14 + 0.4 * (T - 150), 14).round()
    assert verdict_of(driven(20 + np.roll(late, 1), late)) is Verdict.PASS


@pytest.mark.parametrize("each", [1, 2])
def test_visitors_that_arrive_one_by_one_and_stay_are_no_leak(each: int) -> None:
    arriving = 1 + T // 2
    assert verdict_of(driven(20 + each * (1 + (T + 1) // 2), arriving)) is Verdict.PASS
    assert verdict_of(driven(20 + each * arriving + T // 10, arriving)) is Verdict.FAIL
    assert verdict_of(driven(20 + T // 8, arriving)) is Verdict.FAIL  # behind a proxy


def test_what_a_heap_holds_for_each_connection_is_estimated_and_taken_off() -> None:
    """Twenty levels of a JVM whose server keeps 100 KiB for each connection: a stall opens ninety more."""
    times = np.arange(10, 290, 14.0)
    there = np.interp(times, T, OPEN)
    connections = gauge(CONNECTIONS, OPEN)

    def left(kept: Any) -> Series:
        heap = Series("jvm_live_classes_bytes", times, 9e6 + 2e4 * times + kept)
        return without_connections(heap, connections, counted=False)

    leak = 9e6 + 2e4 * times
    wander = noise(1e5, 4, len(times))
    assert left(1e5 * there + wander).values == pytest.approx(leak + 1e5 * 14 + wander, abs=4e5)
    # What has nothing to do with connections, or falls where they come, is left as it is.
    for other in (wander, 6e5 * np.sin(times), -1e5 * there):
        assert left(other).values.tolist() == (leak + other).tolist()


def test_a_series_that_does_not_follow_the_connections_stays_as_it_is() -> None:
    connections = gauge(CONNECTIONS, OPEN)
    leak = gauge("process_open_fds", LEAK)
    assert without_connections(leak, connections) is leak
    assert without_connections(leak, gauge(CONNECTIONS, 14)) is leak
    assert without_connections(leak, None) is leak
    assert without_connections(leak, gauge(CONNECTIONS, np.full(SECONDS, np.nan))) is leak


def test_the_level_stays_that_of_the_usual_number_of_connections() -> None:
    [calm] = {
        *without_connections(
            gauge("process_open_fds", 20 + OPEN), gauge(CONNECTIONS, OPEN)
        ).values.tolist()
    }
    assert calm == 20 + 14


@pytest.mark.parametrize(("samples", "followed"), [(9, False), (10, True)])
def test_ten_samples_of_each_are_the_fewest(samples: int, followed: bool) -> None:
    at = np.linspace(0, SECONDS - 1, samples)
    seldom = replace(gauge(CONNECTIONS, np.where(np.arange(samples) % 2, 74, 14)), times=at)
    often = gauge("process_open_fds", 20 + np.round(np.interp(T, at, seldom.values)))
    few = replace(often, times=at, values=20 + seldom.values)
    closely = gauge(CONNECTIONS, np.interp(T, at, seldom.values))
    assert (without_connections(often, seldom) is not often) is followed
    assert (without_connections(few, closely) is not few) is followed
