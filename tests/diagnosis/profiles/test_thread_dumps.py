"""Threads grouped by stack, of either runtime."""

from __future__ import annotations

import json
from typing import Any

import pytest

from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.profiles.pprof import ProfileFormatError, StackProfile
from soak.diagnosis.profiles.thread_dumps import read_threads


def read(**dump: Any) -> StackProfile:
    return read_threads(json.dumps(dump).encode())


def counted(profile: StackProfile) -> list[tuple[tuple[Frame, ...], float]]:
    assert profile.columns == (("threads", "count"),)
    return [(profile.stack(row), value) for row, [value] in enumerate(profile.values.tolist())]


def thread(number: int | None, *calls: str) -> str:
    head = '"worker"' + ("" if number is None else f" #{number}") + " daemon prio=5\n"
    return head + "   State: WAITING\n" + "".join(f"\tat {call}\n" for call in calls)


PARK = "jdk.internal.misc.Unsafe.park(java.base@17/Native Method)"
RUN = "shop.Worker.run(Worker.java:12)"


def test_threads_of_one_stack_are_counted_together() -> None:
    dump = "\n".join([thread(1, PARK, RUN), thread(2, RUN), thread(3, PARK, RUN)])
    park, run = Frame("jdk.internal.misc.Unsafe.park"), Frame("shop.Worker.run", "Worker.java", 12)
    assert counted(read(dump=dump, started={})) == [((park, run), 2.0), ((run,), 1.0)]
    assert [frame.own for frame in read(dump=dump, started={}).stack(0)] == [False, True]


def test_the_calls_that_started_a_thread_follow_its_own() -> None:
    dump = "\n".join([thread(12, RUN), thread(13, RUN), thread(14)])
    started = {"13": [["shop.Pool.start", 40], ["shop.Main.main", 3]], "14": [["shop.Pool.x", 5]]}
    run = Frame("shop.Worker.run", "Worker.java", 12)
    assert counted(read(dump=dump, started=started)) == [
        ((run,), 1.0),
        ((run, Frame("shop.Pool.start", "", 40), Frame("shop.Main.main", "", 3)), 1.0),
        ((Frame("shop.Pool.x", "", 5),), 1.0),
    ]


def test_threads_without_a_number_or_without_a_call_are_the_jvms_own() -> None:
    dump = "\n".join([thread(None, RUN), thread(7), thread(8, RUN)])
    assert [count for _, count in counted(read(dump=dump, started={}))] == [1.0]
    assert counted(read(dump=thread(7), started={})) == []
    with pytest.raises(ProfileFormatError, match="no thread in it"):
        read(dump=thread(None, RUN), started={})


@pytest.mark.parametrize(
    ("call", "file", "line"),
    [
        ("shop.A.b(A.java:7)", "A.java", 7),
        ("shop.A.b(A.java)", "A.java", 0),
        ("shop.A.b(Unknown Source)", "", 0),
        ("shop.A.b(Native Method)", "", 0),
        ("shop.A.b(app//A.java:7)", "A.java", 7),
        ("shop.A.b(java.base@17.0.1/A.java:7)", "A.java", 7),
    ],
)
def test_a_call_has_its_file_and_line_where_they_are_known(call: str, file: str, line: int) -> None:
    [(stack, _)] = counted(read(dump=thread(1, call), started={}))
    assert stack == (Frame("shop.A.b", file, line),)


@pytest.mark.parametrize("call", [["f"], ["f", 1, 2], []])
def test_a_starter_is_a_method_and_a_line(call: list[Any]) -> None:
    with pytest.raises(ProfileFormatError, match="a call that is not a method and a line"):
        read(dump=thread(1, RUN), started={"1": [["f", 1], call]})


def test_threads_and_tasks_of_python_are_counted() -> None:
    calls = [["/usr/lib/python3/queue.py", 5, "get"], ["/srv/shop.py", 9, "work"]]
    profile = read(
        libraries=["/usr/lib/python3/"],
        threads=[{"frames": calls, "count": 3}, {"frames": calls[1:], "count": 2}],
        tasks=[{"frames": calls, "count": 4}, {"frames": [], "count": 5}],
    )
    get = Frame("get", "/usr/lib/python3/queue.py", 5)
    work = Frame("work", "/srv/shop.py", 9)
    assert counted(profile) == [
        ((get, work), 3.0),
        ((work,), 2.0),
        ((get, work, Frame("asyncio.Task")), 4.0),
        ((Frame("asyncio.Task"),), 5.0),
    ]
    assert [frame.own for frame in profile.stack(0)] == [False, True]
