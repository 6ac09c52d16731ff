"""Which requests a report shows as examples."""

from __future__ import annotations

from soak.analysis.prepare.prepare import prepare
from soak.analysis.prepare.shown_exemplars import ALL, EACH, shown
from soak.model import Exemplar, Phase, Recording, RunInfo


def chosen(*exemplars: Exemplar) -> tuple[Exemplar, ...]:
    """The examples of a load from 0 s to 100 s, judged from 20 s on."""
    phases = (Phase("ramp", 0.0, 20.0), Phase("steady", 20.0, 100.0))
    return shown(prepare(Recording(RunInfo("x"), (), phases=phases, exemplars=exemplars), 0.0))


def test_slow_requests_are_of_what_is_judged_and_failed_ones_of_the_whole_load() -> None:
    inside = [Exemplar(20.0, "a", 2.0), Exemplar(97.0, "a", 3.0)]
    outside = [Exemplar(19.5, "a", 2.0), Exemplar(97.5, "a", 3.0)]
    failed = [Exemplar(100.0, "a", 1.0, "timeout"), Exemplar(5.0, "a", 1.0, "timeout")]
    after = Exemplar(100.5, "a", 1.0, "timeout")
    assert chosen(*inside, *outside, *failed, after) == (
        inside[1],
        inside[0],
        failed[1],
        failed[0],
    )


def test_the_slowest_come_first_and_five_of_each_endpoint() -> None:
    rows = [Exemplar(30.0, name, float(took)) for name in "ab" for took in range(1, 8)]
    told = [(each.endpoint, each.seconds) for each in chosen(*rows)]
    assert told == [(name, float(took)) for took in range(7, 2, -1) for name in "ab"]
    assert (EACH, ALL) == (5, 20)


def test_failures_are_five_of_each_kind_and_endpoint_in_order_of_time() -> None:
    rows = [
        Exemplar(float(at), name, 1.0, kind)
        for at, (name, kind) in enumerate(7 * [("a", "x"), ("a", "y"), ("b", "x")])
    ]
    assert chosen(*rows) == tuple(rows[:15])
    assert chosen(*rows[::-1]) == tuple(rows[6:])


def test_of_more_than_twenty_each_group_s_first_come_before_any_second() -> None:
    rows = [Exemplar(30.0, f"{name}", 30.0 - name) for name in range(15) for _ in range(2)]
    told = [each.endpoint for each in chosen(*rows)]
    assert sorted(map(int, told)) == sorted([*range(15), *range(5)])
    slower = [Exemplar(30.0, "only", 50.0)] * 9
    assert [each.endpoint for each in chosen(*rows, *slower)].count("only") == 2
