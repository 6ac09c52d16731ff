"""The rate of an open model: when it counts as not kept, since when, who did not keep it, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
import pytest

from soak.analysis.prepare.prepare import Prepared, prepare
from soak.analysis.rules.rate_kept import (
    EITHER,
    GENERATOR,
    TARGET,
    RateWatch,
    RateWindow,
    Shortfall,
    _advice,
    _answered,
    _any_short,
    _hanging,
    _kept,
    _rate,
    _timeouts,
    _windows,
    fell_behind,
    rate_not_kept,
)
from soak.windows import Arrivals, EndpointWindows, GeneratorWindows, Ints
from tests.analysis.recordings import recording, windows


def window(
    time: float,
    answered: int = 10,
    *,
    asked: float = 10.0,
    sent: float | None = None,
    seconds: float = 1.0,
    timeouts: int = 0,
    cpu: float = 0.2,
) -> RateWindow:
    """One window of one endpoint, all of whose arrivals were sent unless `sent` says otherwise."""
    made = asked if sent is None else sent
    ended = answered + timeouts
    return RateWindow(
        time, seconds, asked, made, ended, {"GET /": (answered, timeouts)}, cpu, 0.002
    )


def told(seen: Iterable[RateWindow]) -> list[tuple[float, Shortfall]]:
    """The shortfalls that are told, each with the end of the window by which it is."""
    watch, shorts = RateWatch(), []
    for each in seen:
        watch.saw(each)
        if watch.short is not None:
            shorts.append((each.time, watch.short))
    return shorts


def begun(seen: Iterable[RateWindow]) -> bool:
    """Whether the last of these windows is one by which the rate is not kept, however short that was."""
    watch = RateWatch()
    for each in seen:
        watch.saw(each)
    return watch._since is not None


def steady(last: int, **more: Any) -> list[RateWindow]:
    return [window(float(time), **more) for time in range(1, last + 1)]


def short(since: float = 0.0, **more: Any) -> Shortfall:
    usual: dict[str, Any] = {"who": TARGET, "asked": 50.0, "sent": 49.5, "answered": 12.34}
    usual |= {"waiting": 1, "best": 13.26, "cpu_ratio": 0.5}
    return Shortfall(since, **(usual | more))


def test_the_middle_of_a_window_is_half_of_it_before_its_end() -> None:
    assert window(10.0, seconds=3.0).middle == 8.5


@pytest.mark.parametrize(
    ("cpu", "lag", "pressed"),
    [(0.9, 0.0, True), (0.89, 0.0, False), (0.0, 0.05, True), (0.0, 0.049, False), (1, 1, True)],
)
def test_a_generator_that_is_busy_or_lags_is_under_pressure(
    cpu: float, lag: float, pressed: bool
) -> None:
    assert replace(window(1.0, cpu=cpu), lag=lag).pressed is pressed


@pytest.mark.parametrize(
    ("shortfall", "said"),
    [
        (
            short(),
            (
                "the target does not keep the rate: 50 requests/s asked for, 12.3 answered, "
                "1 request waiting; try less than 13.3 requests/s"
            ),
        ),
        (
            short(answered=0.0, waiting=200),
            "the target answers nothing any more: 50 requests/s asked for, 200 requests waiting",
        ),
        (
            short(who=GENERATOR, sent=40.06),
            "the load generator does not keep the rate: 50 requests/s asked for, 40.1 sent (50% of a core)",
        ),
        (
            short(who=GENERATOR, answered=0.0),
            "the load generator does not keep the rate: 50 requests/s asked for, 49.5 sent (50% of a core)",
        ),
        (
            short(who=EITHER, waiting=7),
            (
                "the target or the load generator does not keep the rate: 50 requests/s asked for, "
                "12.3 answered, 7 requests waiting; try less than 13.3 requests/s"
            ),
        ),
    ],
)
def test_what_is_said_while_the_run_goes_on(shortfall: Shortfall, said: str) -> None:
    assert shortfall.now == said


def test_a_rate_has_one_decimal() -> None:
    assert (_rate(1.26), _rate(0.04), _rate(1234.0)) == ("1.3", "0", "1,234")


def test_a_target_that_stops_answering_is_told_after_four_more_windows() -> None:
    shorts = told([*steady(20), *(window(float(time), 0) for time in range(21, 28))])
    assert [time for time, _ in shorts] == [25.0, 26.0, 27.0]
    assert shorts[0][1] == Shortfall(16.0, TARGET, 10.0, 10.0, 0.0, 50, 0.0, 0.2)
    assert [each.since for _, each in shorts] == [16.0] * 3
    assert [each.waiting for _, each in shorts] == [50, 60, 70]


def test_the_best_rate_is_the_highest_since_the_shortfall_began() -> None:
    answers = [*([7] * 6), 9, 5]
    shorts = told(
        [*steady(20), *(window(21.0 + index, many) for index, many in enumerate(answers))]
    )
    assert [(time, each.answered, each.best, each.waiting) for time, each in shorts] == [
        (26.0, 7.0, 7.0, 18),
        (27.0, 7.4, 7.4, 19),
        (28.0, 7.0, 7.4, 24),
    ]


def test_the_best_rate_is_that_of_a_whole_stretch_of_the_shortfall() -> None:
    """A stretch counts from its first window's middle on, so one that begins there is the first."""
    late = [window(21.0 + index, many) for index, many in enumerate([0, 5, 5, 5, 5])]
    shorts = told([*steady(20), *late, window(25.5, 0, asked=5.0, seconds=0.5)])
    assert [(time, each.best) for time, each in shorts] == [(25.0, 4.0), (25.5, 4.0)]


def test_the_best_rate_of_long_windows_counts_from_the_middle_of_the_first() -> None:
    fine = [window(2.0 * index, 20, asked=20.0, seconds=2.0) for index in range(1, 11)]
    late = [window(20.0 + 2 * index, 0, asked=20.0, seconds=2.0) for index in range(1, 4)]
    [(time, shortfall)] = told([*fine, *late])
    assert (time, shortfall.best, shortfall.answered) == (26.0, 20 / 6, 0.0)


def test_after_a_rate_was_kept_again_a_shortfall_begins_anew() -> None:
    def burst(first: int) -> list[RateWindow]:
        return [window(float(time), 0) for time in range(first, first + 2)]

    def fine(first: int, last: int) -> list[RateWindow]:
        return [window(float(time)) for time in range(first, last)]

    shorts = told([*steady(20), *burst(21), *fine(23, 40), *burst(40), *fine(42, 60)])
    assert [time for time, _ in shorts] == [25.0, 26.0, 44.0, 45.0]
    assert [each.since for _, each in shorts] == [16.0, 16.0, 35.0, 35.0]


def test_a_shortfall_lasts_longer_than_nine_tenths_of_the_stretch_less_a_window() -> None:
    """With windows of half a second it must last longer than 4 s."""
    late = [window(20.5 + 0.5 * index, 0, asked=5.0, seconds=0.5) for index in range(12)]
    fine = [window(0.5 * index, 5, asked=5.0, seconds=0.5) for index in range(1, 41)]
    # By 20.5 s only 5 are missing, which is too few.
    assert told([*fine, *late])[0][0] == 25.5


def test_windows_longer_than_the_stretch_are_told_at_once() -> None:
    fine = [window(10.0 * index, 100, asked=100.0, seconds=10.0) for index in range(1, 4)]
    late = [window(10.0 * index, 40, asked=100.0, seconds=10.0) for index in range(4, 6)]
    shorts = told([*fine, *late])
    assert [(time, each.since, each.answered, each.waiting) for time, each in shorts] == [
        (40.0, 30.0, 4.0, 60),
        (50.0, 30.0, 4.0, 120),
    ]


@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 30.0])
def test_a_shortfall_is_told_whatever_the_length_of_the_windows(seconds: float) -> None:
    count, asked = max(4, round(20 / seconds)), 10.0 * seconds
    answered = [round(asked)] * count + [round(0.4 * asked)] * count
    seen = [
        window(seconds * (index + 1), each, asked=asked, seconds=seconds)
        for index, each in enumerate(answered)
    ]
    assert told(seen)
    assert not told(seen[:count])


@pytest.mark.parametrize(("first", "begins"), [(5, 9.0), (1, 9.0), (7, 9.0)])
def test_nothing_is_compared_before_four_seconds_were_seen_of_both_parts(
    first: int, begins: float
) -> None:
    seen = [window(float(time), 0 if time >= first else 10) for time in range(1, 20)]
    assert told(seen)[0][0] == begins + 4


def test_a_stretch_of_which_less_than_four_seconds_were_seen_is_not_compared() -> None:
    """Windows of one second with a hole of one second between them: three of the last five are seen."""
    assert told(window(2.0 * index, 10 if index < 10 else 0) for index in range(1, 30)) == []


@pytest.mark.parametrize(
    ("before", "recent", "answered", "falls_behind"),
    [
        # Due is what was sent from ten to five seconds ago, in the same time: 40 in 4 s is 50 in 5 s.
        (10.0, 20.0, 9, False),  # 45 of 50: not more than five are missing
        (10.0, 20.0, 8, True),
        # It is at most what was sent since.
        (30.0, 10.0, 9, False),
        (30.0, 10.0, 8, True),
        # Of more, a tenth may be missing: 230 of 250 are enough, 220 are not.
        (50.0, 50.0, 46, False),
        (50.0, 50.0, 44, True),
    ],
)
def test_what_is_due_and_how_much_of_it_may_be_missing(
    before: float, recent: float, answered: int, falls_behind: bool
) -> None:
    early = [window(float(time), int(before), asked=before) for time in range(1, 5)]
    late = [window(float(time), answered, asked=recent) for time in range(5, 10)]
    assert begun([*early, *late]) is falls_behind


@pytest.mark.parametrize(("answered", "falls_behind"), [(39, False), (38, True)])
def test_a_window_whose_middle_is_where_a_stretch_begins_belongs_to_it(
    answered: int, falls_behind: bool
) -> None:
    """At 10.5 s the first of these windows is the oldest that counts, and the sixth the first of the last five seconds.

    So 40 were sent in the 5 s before, and 44 are due in these 5.5 s.
    """
    rest = [window(float(time)) for time in range(2, 6)]
    late = [window(float(time), (answered - 3) // 4) for time in range(7, 11)]
    missing = answered - 4 * ((answered - 3) // 4)
    seen = [window(1.0, 0, asked=0.0), *rest, window(6.0, 0), *late]
    assert begun([*seen, window(10.5, missing, asked=5.0, seconds=0.5)]) is falls_behind


def test_a_window_that_was_sent_more_than_ten_seconds_ago_does_not_count() -> None:
    """Nothing was sent in it, so with it less would be due."""
    seen = [window(1.0, 0, asked=0.0), *(window(float(time)) for time in range(2, 7))]
    late = [window(float(time), 8) for time in range(7, 12)]
    assert begun([*seen, *late])


def test_a_constant_latency_and_a_ramp_are_no_overload() -> None:
    rising = [
        window(float(time), 2 * max(time - 4, 0), asked=2.0 * time, sent=2.0 * time)
        for time in range(1, 60)
    ]
    assert told(rising) == []


@pytest.mark.parametrize(("busy", "who"), [(5, EITHER), (4, TARGET)])
def test_pressure_in_half_of_the_windows_may_be_what_delays_answers(busy: int, who: str) -> None:
    """Ten windows count: by the 25th, those from the 16th on."""
    late = [
        window(float(time), 0 if time > 20 else 10, cpu=0.95 if time >= 26 - busy else 0.2)
        for time in range(1, 26)
    ]
    [(_, shortfall)] = told(late)
    assert (shortfall.who, shortfall.cpu_ratio) == (who, 0.95)


@pytest.mark.parametrize(("sent", "ended", "waiting"), [(5.0, 5, 0), (5.0, 6, 0), (6.0, 5, 13)])
def test_a_rate_that_was_not_sent_is_the_generators_however_much_is_answered(
    sent: float, ended: int, waiting: int
) -> None:
    seen = [window(float(time), ended, asked=100.0, sent=sent) for time in range(1, 14)]
    [(_, shortfall)] = told(seen)
    assert (shortfall.who, shortfall.by_generator) == (GENERATOR, True)
    assert (shortfall.waiting, shortfall.asked) == (waiting, 100.0)


@pytest.mark.parametrize(("hole", "waiting"), [(1.0, 100), (1.5, 60)])
def test_across_a_hole_of_more_than_a_second_nothing_is_compared(hole: float, waiting: int) -> None:
    before = [window(float(time), 6) for time in range(1, 11)]
    after = [window(10.0 + hole + time, 4) for time in range(1, 11)]
    watch = RateWatch()
    for each in before:
        watch.saw(each)
    watch.saw(after[0])
    assert (watch._since is None) is (hole > 1)
    for each in after[1:]:
        watch.saw(each)
    assert round(watch._waiting) == waiting


def test_after_a_hole_a_shortfall_is_told_as_after_the_beginning() -> None:
    before = [window(float(time), 0) for time in range(1, 12)]
    shorts = told([*before, *(window(20.0 + time, 0) for time in range(1, 14))])
    assert [(time, each.waiting) for time, each in shorts] == [(33.0, 130)]


def totals(*rows: dict[str, tuple[int, int]]) -> list[RateWindow]:
    return [replace(window(float(index)), endpoints=row) for index, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("rows", "hanging"),
    [
        ([{"a": (5, 0), "b": (0, 3)}], {"b"}),
        ([{"a": (5, 1), "b": (0, 3)}], set()),  # everything may be slow
        ([{"a": (0, 0), "b": (0, 3)}], set()),  # nothing shows that the target is well
        ([{"a": (5, 0), "b": (1, 3)}], set()),
        ([{"a": (5, 0), "b": (0, 0), "c": (0, 1)}], {"c"}),
        ([{"a": (5, 0), "b": (0, 2)}, {"a": (5, 0), "b": (0, 1)}], {"b"}),
        ([{"a": (5, 0), "b": (0, 2)}, {"a": (5, 0), "b": (1, 0)}], set()),
        ([{"a": (5, 0), "b": (1, 0)}, {"a": (5, 0), "b": (0, 2)}], set()),
        ([{"a": (5, 0), "b": (0, 2)}, {"a": (5, 1), "b": (0, 1)}], set()),
        ([], set()),
    ],
)
def test_endpoints_that_only_time_out_while_another_never_does_hang(
    rows: list[dict[str, tuple[int, int]]], hanging: set[str]
) -> None:
    assert _hanging(totals(*rows)) == hanging


def test_timeouts_count_as_answers_of_endpoints_that_hang_alone() -> None:
    seen = totals({"a": (5, 2), "b": (3, 4)}, {"a": (7, 0), "b": (0, 6)})
    assert _answered(seen, set()) == 15
    assert _answered(seen, {"b"}) == 25


@pytest.mark.parametrize(
    ("shorts", "seconds", "kept"),
    [
        ([], 20.0, 1.0),
        ([(15.0, 5.0)], 20.0, 0.5),
        ([(15.0, -5.0)], 20.0, 0.25),
        ([(10.0, 5.0), (12.0, 5.0)], 20.0, 0.65),
        ([(4.0, 2.0), (12.0, 8.0)], 20.0, 0.7),
        ([(30.0, 5.0)], 20.0, 0.25),
        ([(40.0, 30.0)], 20.0, 1.0),
        ([(-5.0, -8.0)], 20.0, 1.0),
        ([(15.0, 0.0)], 10.0, 0.0),
        ([(0.25, 0.0)], 0.5, 0.5),
        ([], 0.0, 1.0),
    ],
)
def test_the_share_of_a_part_in_which_the_rate_was_kept(
    shorts: list[tuple[float, float]], seconds: float, kept: float
) -> None:
    each = [(time, short(since)) for time, since in shorts]
    assert _kept(each, 0.0, 20.0, seconds) == pytest.approx(kept, abs=1e-12)


def generator(count: int, asked: Any = 10.0, made: Any = None, cpu: Any = 0.2) -> GeneratorWindows:
    ones = np.ones(count)
    columns = (cpu, cpu, 0.002, 2e8, asked, asked if made is None else made, 0)
    rest = [ones * np.nan] * 5
    return GeneratorWindows(
        np.arange(1.0, count + 1), ones, *(ones * column for column in columns), *rest
    )


def answering(answers: Sequence[int] | Ints, late: dict[int, int] | None = None) -> Any:
    """One endpoint that answers so many in each second, and in which so many of these time out."""
    many = np.asarray(answers, np.int64)
    rows = np.array(sorted((late or {}).items()), np.int64).reshape(-1, 2)
    return replace(windows(seconds=len(many)), requests=many, failed={"timeout": rows})


def prepared(
    answers: Any, *, warmup: float = 0.0, own: GeneratorWindows | None = None, **more: Any
) -> Prepared:
    seen = answers if isinstance(answers, EndpointWindows) else answering(answers)
    count = len(seen.times)
    whole = recording(requests=[seen], seconds=count)
    return replace(
        prepare(replace(whole, generator=generator(count) if own is None else own), warmup), **more
    )


def answers(count: int, *fewer: tuple[int, int, int]) -> list[int]:
    """10 a second, but so many from one second to another, both included."""
    many = [10] * count
    for first, last, each in fewer:
        many[first - 1 : last] = [each] * (last - first + 1)
    return many


def test_a_rate_that_is_not_kept_to_the_end_is_told_with_what_waits() -> None:
    """10/s until the 20th second, then 5/s: by the 22nd more than five of 50 are missing."""
    assert rate_not_kept(prepared(answers(60, (21, 60, 5)))) == (
        0.0,
        (
            "The target did not keep the rate from 17 s on: 10 requests/s asked for, 5.3 answered, "
            "200 requests waiting at the end; a run at less than 5 requests/s would tell."
        ),
    )


def test_a_rate_that_is_kept_after_a_while_needs_a_warm_up() -> None:
    """5/s for 16 s: not kept until at most five of 50 are missing, by the 20th second."""
    seen = prepared(answers(60, (1, 16, 5)))
    result = rate_not_kept(seen)
    assert result is not None
    assert result[0] == pytest.approx(0.25)
    assert result[1] == (
        "The target did not keep the rate from 4 s to 19 s of the load: 10 requests/s asked for, "
        "6 answered; a run with `--warmup 20s`, or at less than 5 requests/s, would tell."
    )
    assert fell_behind(seen) == 4.0
    assert median([5, 5, 5, 5, 6, 7, 8]) == 5


def test_a_shortfall_that_ends_a_window_before_the_load_is_over_leaves_nothing_waiting() -> None:
    result = rate_not_kept(prepared(answers(45, (40, 40, 0))))
    assert result is not None
    assert result[0] == pytest.approx(0.4)
    assert result[1].startswith("The target did not keep the rate from 35 s to 44 s of the load: ")
    assert "waiting" not in result[1]


@pytest.mark.parametrize(("last", "share"), [(70, None), (71, 7 / 9)])
def test_four_fifths_of_a_third_in_which_the_rate_was_kept_are_enough(
    last: int, share: float | None
) -> None:
    """One window without an answer is told of once, after 9 s; two are told of after 10 s: of thirds of 45 s."""
    result = rate_not_kept(prepared(answers(135, (70, last, 0))))
    if share is None:
        assert result is None
    else:
        assert result is not None
        assert result[0] == pytest.approx(share)


def test_a_rate_that_the_generator_did_not_send_is_not_told_here() -> None:
    few = prepared([40] * 60, own=generator(60, 100.0, 50.0))
    assert rate_not_kept(few) is None
    assert fell_behind(few) is None


def test_a_rate_that_first_the_generator_and_then_the_target_does_not_keep_is_the_targets() -> None:
    own = generator(90, 100.0, np.where(np.arange(1, 91) <= 30, 50.0, 100.0))
    seen = prepared([50] * 30 + [100] * 30 + [0] * 30, own=own)
    result = rate_not_kept(seen)
    assert result is not None
    assert result[1].startswith("The target did not keep the rate from 4 s on: ")
    assert fell_behind(seen) == 56.0


def test_a_rate_that_the_target_keeps_is_not_told() -> None:
    assert rate_not_kept(prepared(answers(60))) is None
    assert fell_behind(prepared(answers(60))) is None


@pytest.mark.parametrize(("warmup", "since"), [(18.0, 4.0), (19.0, None)])
def test_what_was_told_by_the_end_of_the_warm_up_does_not_count(
    warmup: float, since: float | None
) -> None:
    """The last that is told of the first 16 s is by the 19th; of the 58th second nothing can be told any more."""
    assert fell_behind(prepared(answers(60, (1, 16, 5), (58, 58, 0)), warmup=warmup)) == since


@pytest.mark.parametrize(
    ("last", "best", "said"),
    [
        (40.0, 0.0, "see the target's log for why it stopped answering"),
        (60.0, 0.0, "see the target's log for why it stopped answering"),
        (50.0, 12.34, "a run with `--warmup 40s`, or at less than 12.3 requests/s, would tell"),
        (41.0, 12.34, "a run with `--warmup 40s`, or at less than 12.3 requests/s, would tell"),
        (45.0, 0.5, "a run with `--warmup 40s`, or at less than 0.5 requests/s, would tell"),
        (51.0, 12.34, "a run at less than 12.3 requests/s would tell"),
    ],
)
def test_in_the_first_third_of_the_judged_stretch_a_warm_up_is_advised(
    last: float, best: float, said: str
) -> None:
    seen = prepared(answers(90), start=10.0, judged_from=30.0, end=90.0)
    assert _advice(seen, last, best) == said


def any_short(missing: dict[int, int], asked: Any = 10.0, count: int = 60) -> bool:
    """Whether more is missing in a third, if so many answers are at the end of these seconds."""
    own = generator(count, asked, np.where(np.isfinite(asked), asked, 10.0))
    many = own.made.astype(np.int64)
    for second, fewer in missing.items():
        many[second - 1] -= fewer
    seen = answering(many)
    return _any_short(prepared(seen, own=own), [_timeouts(seen)])


@pytest.mark.parametrize(
    ("missing", "asked", "any_"),
    [
        ({10: 5}, 10.0, False),
        ({10: 6}, 10.0, True),
        ({59: 6}, 10.0, True),
        # A window belongs to the third in which it ends, the one that ends with a third included.
        ({20: 3, 21: 3}, 10.0, False),
        ({20: 6}, 10.0, True),
        ({21: 3, 22: 3}, 10.0, True),
        ({19: 3, 20: 3}, 10.0, True),
        # Of 1,000 in a third, 2% may be missing.
        ({10: 20}, 50.0, False),
        ({10: 21}, 50.0, True),
        ({10: 10}, 50.0, False),
    ],
)
def test_a_queue_that_each_third_ends_without_is_none(
    missing: dict[int, int], asked: float, any_: bool
) -> None:
    assert any_short(missing, asked) is any_


def test_windows_in_which_no_rate_was_asked_for_are_left_out() -> None:
    asked = np.full(60, 10.0)
    asked[9] = np.nan
    assert any_short({10: 9}, asked) is False
    assert any_short({11: 9}, asked) is True


def test_without_a_generator_or_windows_that_match_it_nothing_is_missing() -> None:
    seen = answering([0] * 60)
    late = [_timeouts(seen)]
    whole = prepared(seen)
    assert _any_short(whole, late) is True
    rec = whole.recording
    for other in (
        replace(rec, generator=None),
        replace(rec, windows=()),
        replace(rec, generator=generator(59)),
    ):
        assert _any_short(replace(whole, recording=other), late[: len(other.windows)]) is False
    assert list(_windows(replace(whole, recording=replace(rec, generator=None)), late)) == []


def test_timeouts_are_no_answers() -> None:
    seen = answering([10] * 60, late={9: 6})
    assert _any_short(prepared(seen), [_timeouts(seen)]) is True


def test_timeouts_of_a_window_are_those_of_each_kind_of_timeout() -> None:
    rows = {
        "timeout": np.array([[0, 2], [3, 5]]),
        "ReadTimeout": np.array([[3, 1]]),
        "connect timeout": np.empty(0, np.int64),
        "status 500": np.array([[1, 7]]),
    }
    assert _timeouts(replace(windows(seconds=4), failed=rows)).tolist() == [2.0, 0.0, 0.0, 6.0]


def test_the_watch_is_given_each_window_of_the_load_with_what_ended_in_it() -> None:
    dropped = np.array([0, 1, 0, 2, 0, 0])
    first = answering([10, 9, 8, 7, 6, 5], late={1: 4, 3: 2})
    first = replace(
        first,
        arrivals=Arrivals(dropped, dropped, first.offsets, first.buckets, first.counts),
    )
    second = replace(answering([1, 1, 2, 3, 5, 8]), endpoint="POST /")
    asked = np.array([10.0, 20.0, np.nan, 40.0, 50.0, 60.0])
    own = replace(generator(6, asked, 9.5), lag=np.arange(6.0), cpu_ratio=np.arange(6.0) / 10)
    whole = recording(requests=[first, second], seconds=6)
    ready = prepare(replace(whole, generator=own), 0.0)
    seen = list(_windows(replace(ready, start=1.0, end=5.0), [_timeouts(first), _timeouts(second)]))
    assert seen == [
        RateWindow(2.0, 1.0, 20.0, 9.5, 11, {"GET /": (5, 4), "POST /": (1, 0)}, 0.1, 1.0),
        RateWindow(4.0, 1.0, 40.0, 9.5, 12, {"GET /": (5, 2), "POST /": (3, 0)}, 0.3, 3.0),
        RateWindow(5.0, 1.0, 50.0, 9.5, 11, {"GET /": (6, 0), "POST /": (5, 0)}, 0.4, 4.0),
    ]
