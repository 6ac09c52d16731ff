"""Merging is exact: many workers' windows are what one process would have recorded."""

from dataclasses import replace

import msgpack
from hypothesis import given
from hypothesis import strategies as st

from soak.load.cluster.merging import Slots, merged, packed, unpacked
from soak.load.measure.counting import MAX_ENDPOINTS, MAX_KINDS, Counting
from soak.load.measure.exemplars import A_MINUTE, EACH
from soak.windows import GeneratorWindow, Window, WorkerCoverage

_requests = st.lists(
    st.tuples(
        st.integers(0, 3),  # the worker
        st.sampled_from(["GET /a", "GET /b", "ü\n"]),
        st.floats(0, 1e4),
        st.integers(0, 10**9),
        st.none() | st.sampled_from(["timeout", "status 500", "connect: refused"]),
        st.booleans(),
    )
)


def travelled(window: Window) -> Window:
    """As a message brings it: packed by the worker, through MessagePack, unpacked by the master."""
    return unpacked(
        msgpack.loads(msgpack.dumps(packed(window, 100.0)), strict_map_key=False), 100.0
    )


@given(_requests)
def test_windows_of_many_merge_to_what_one_would_have_recorded(
    requests: list[tuple[int, str, float, int, str | None, bool]],
) -> None:
    planned = ("GET /a", "GET /b")
    health = GeneratorWindow(0.25, 0.25, 0.001, 10, 2.5, 2, 1)
    alone, many = Counting(planned), [Counting(planned) for _ in range(4)]
    for worker, endpoint, seconds, size, failure, drops in requests:
        for counting in (alone, many[worker]):
            counting.count(endpoint, seconds, size, failure, seconds / 2 if size % 2 else None)
            if drops:
                counting.drop(endpoint)
    whole = alone.close(101.0, 1.0, 40)
    joined = merged(
        [travelled(replace(counting.close(101.0, 1.0, 10), generator=health)) for counting in many]
    )
    assert (joined.time, joined.seconds, joined.users) == (101.0, 1.0, 40)
    assert {seen.endpoint: seen for seen in joined.endpoints} == {
        seen.endpoint: seen for seen in whole.endpoints
    }
    assert joined.generator == GeneratorWindow(0.25, 1.0, 0.001, 40, 10.0, 8, 4)


@given(_requests)
def test_of_a_minutes_exemplars_those_stay_that_one_process_would_keep(
    requests: list[tuple[int, str, float, int, str | None, bool]],
) -> None:
    alone, many = Counting(()), [Counting(()) for _ in range(4)]
    for number, (worker, endpoint, seconds, _, failure, _) in enumerate(requests):
        for counting in (alone, many[worker]):
            counting.count(endpoint, seconds, 1, failure, None, 200, number + 1)
    whole = alone.close(101.0, 1.0, 1, last=True).exemplars
    joined = merged(
        [travelled(counting.close(101.0, 1.0, 1, last=True)) for counting in many]
    ).exemplars
    assert [alone.time for alone in joined] == sorted(alone.time for alone in joined)
    # Of failures the first ones of each kind stay; two of them may be of one moment of the clock.
    slow, failed = (
        ([(e.endpoint, e.seconds) for e in kept if not e.failure] for kept in (whole, joined)),
        [{(e.endpoint, e.failure) for e in kept if e.failure} for kept in (whole, joined)],
    )
    before, after = slow
    assert sorted(before) == sorted(after)
    assert failed[0] == failed[1]


def test_exemplars_of_a_hundred_workers_are_no_more_than_those_of_one() -> None:
    windows = []
    for worker in range(100):
        counting = Counting(())
        for number in range(40):
            for kind in (None, "timeout", f"status 50{number % 5}"):
                counting.count(f"GET /{number}", 0.001 * worker, 1, kind)
        windows.append(counting.close(1.0, 1.0, 1, last=True))
    joined = merged(windows).exemplars
    assert len(joined) == A_MINUTE
    for number in range(40):
        assert (
            len(
                [
                    exemplar
                    for exemplar in joined
                    if exemplar.endpoint == f"GET /{number}" and not exemplar.failure
                ]
            )
            <= EACH
        )


def test_the_minutes_of_workers_end_in_the_same_slot_whenever_their_windows_really_end() -> None:
    ended = []
    for late in (0.0, 0.4, 0.049):
        counting = Counting(("a",))
        for slot in range(1, 400):
            counting.count("a", 1.0, 1)
            if counting.close(
                7e5 + 0.3 * slot + late * (slot % 3), 0.3, 1, slot=7e5 + late + 0.3 * slot
            ).exemplars:
                ended.append((late, slot))
    slots = [[slot for late, slot in ended if late == offset] for offset in (0.0, 0.4, 0.049)]
    assert slots == [[201]] * 3


def test_merging_changes_none_of_the_windows() -> None:
    windows = []
    for _ in range(3):
        counting = Counting(("GET /a",))
        counting.count("GET /a", 0.01, 1, "timeout")
        counting.count("GET /a", 0.01, 1)
        windows.append(counting.close(1.0, 1.0, 1))
    assert merged(windows) == merged(windows)
    assert windows[0].endpoints[0].latency.total() == 1


def test_a_thousand_names_and_kinds_are_folded_and_none_is_lost() -> None:
    windows = []
    for worker in range(4):
        counting = Counting(())
        for number in range(250):
            counting.count(f"GET /{worker}/{number}", 0.01, 1, f"error {worker} {number}")
        windows.append(counting.close(1.0, 1.0, 1))
    joined = merged(windows)
    assert len(joined.endpoints) == MAX_ENDPOINTS + 1
    assert sum(seen.requests for seen in joined.endpoints) == 1000
    kinds = {kind: count for seen in joined.endpoints for kind, count in seen.failures.items()}
    assert len(kinds) <= MAX_KINDS + 1
    assert sum(sum(seen.failures.values()) for seen in joined.endpoints) == 1000


def window(time: float, requests: int = 1) -> Window:
    counting = Counting(("GET /a",))
    for _ in range(requests):
        counting.count("GET /a", 0.01, 1)
    return counting.close(time, 1.0, 1)


def test_a_slot_closes_when_all_at_work_have_reported_it() -> None:
    slots = Slots(3)
    for worker in (0, 1):
        slots.add(worker, window(1.0))
        slots.add(worker, window(2.0))
    assert list(slots.closed([0, 1, 2], [], [(1, 3)])) == []
    slots.add(2, window(1.1))
    [first] = slots.closed([0, 1, 2], [], [(1, 3)])
    assert first.coverage == WorkerCoverage(3, 3, 1.0)
    assert first.endpoints[0].requests == 3
    # Worker 2 is lost: nobody waits for it, its share is missed, and from slot 3 on it is the
    # others'.
    [second] = slots.closed([0, 1], [], [(1, 3), (3, 2)])
    assert second.coverage == WorkerCoverage(2, 3, 2 / 3)
    for worker in (0, 1):
        slots.add(worker, window(3.0))
    [third] = slots.closed([0, 1], [], [(1, 3), (3, 2)])
    assert third.coverage == WorkerCoverage(2, 3, 1.0)


def test_a_worker_that_has_finished_is_not_missing() -> None:
    slots = Slots(2)
    slots.add(0, window(1.0))
    slots.add(1, window(1.0))
    slots.add(1, window(1.2))
    joined = list(slots.closed([], [0, 1], [(1, 2)]))
    assert [closed_window.coverage for closed_window in joined] == [WorkerCoverage(2, 2, 1.0)] * 2
    assert [closed_window.endpoints[0].requests for closed_window in joined] == [2, 1]


def test_what_a_lost_worker_had_reported_is_kept() -> None:
    slots = Slots(2)
    slots.add(0, window(1.0, 5))
    assert list(slots.closed([0, 1], [], [(1, 2)])) == []
    slots.add(1, window(1.0, 7))
    [joined] = slots.closed([1], [], [(1, 2)])
    assert joined.endpoints[0].requests == 12


def test_a_worker_that_left_in_the_middle_of_a_slot_covered_half_of_it() -> None:
    slots = Slots(2)
    slots.add(0, window(1.0))
    counting = Counting(("GET /a",))
    slots.add(1, counting.close(0.5, 0.5, 0))
    [joined] = slots.closed([0], [], [(1, 2), (3, 1)])
    assert joined.coverage == WorkerCoverage(2, 2, 0.75)
    assert (joined.time, joined.seconds) == (1.0, 1.0)


def test_all_endpoints_that_a_profile_names_keep_their_names_beyond_the_bound() -> None:
    """700 of them by two workers: nothing is folded; what is in no profile still is."""
    names = tuple(f"GET /{number}" for number in range(700))
    many = [Counting(names) for _ in range(2)]
    many[1].count("GET /stranger", 0.1, 1)
    joined = merged([counting.close(1.0, 1.0, 1) for counting in many])
    assert [seen.endpoint for seen in joined.endpoints] == [*names, "other"]
