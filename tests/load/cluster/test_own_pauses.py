"""Silence of others, less this process's own pauses."""

import pytest

from soak.load.cluster.own_pauses import REMEMBERED, OwnPauses


def looked(*moments: float, seconds: float = 0.05) -> OwnPauses:
    pauses = OwnPauses(seconds)
    for moment in moments:
        pauses.look(moment)
    return pauses


def test_silence_is_the_time_since_it_was_heard_while_looks_come_in_time() -> None:
    assert looked().silence(10.0, 13.0) == 3.0
    assert looked(10.0, 10.05, 10.6, 11.1).silence(10.0, 13.0) == 3.0  # half a second late at most


def test_a_pause_of_this_process_is_no_silence_of_others() -> None:
    pauses = looked(10.0, 10.05, 14.05)  # 4 s instead of 0.05 s
    assert pauses.silence(10.0, 14.05) == pytest.approx(0.1)
    assert pauses.silence(10.0, 16.0) == pytest.approx(2.05)
    assert pauses.silence(12.0, 14.05) == pytest.approx(0.0)  # heard during the pause
    assert pauses.silence(14.05, 17.0) == pytest.approx(2.95)  # heard after it


def test_a_pause_is_half_a_second_or_longer() -> None:
    assert looked(0.0, 0.55).silence(0.0, 1.0) == 1.0
    assert looked(0.0, 0.56).silence(0.0, 1.0) == pytest.approx(0.49)
    assert looked(0.0, 0.56, seconds=0.2).silence(0.0, 1.0) == 1.0


def test_of_several_pauses_those_since_it_was_heard_are_left_out() -> None:
    pauses = looked(0.0, 1.05, 2.1, 3.15)  # three of a second
    assert pauses.silence(0.0, 3.15) == pytest.approx(0.15)
    assert pauses.silence(1.05, 3.15) == pytest.approx(0.1)
    assert pauses.silence(2.0, 3.15) == pytest.approx(0.05)  # of the second one, only its end


def test_pauses_of_long_ago_are_forgotten() -> None:
    pauses = looked(*(float(moment) for moment in range(1000)))
    assert len(pauses.pauses) == REMEMBERED
    assert pauses.silence(950.0, 999.0) == pytest.approx(49 - 3 * 0.95)


def test_who_is_late_at_every_look_hears_that_others_are_silent() -> None:
    late = looked(*(float(moment) for moment in range(10)))  # a second instead of 0.05 s, each time
    assert late.silence(0.0, 3.0) == pytest.approx(0.15)
    assert late.silence(0.0, 9.0) == pytest.approx(9 - 3 * 0.95)
    one_long = looked(0.0, 1.0, 2.0, 62.0, 63.0, 64.0)
    assert one_long.silence(0.0, 64.0) == pytest.approx(64 - 59.95 - 2 * 0.95)
