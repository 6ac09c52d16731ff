"""The Python hook: what it counts, and that tracing keeps to its share of the processor time."""

from __future__ import annotations

import asyncio
import atexit
import collections
import functools
import gc
import logging
import os
import sqlite3
import subprocess
import sys
import threading
import tracemalloc
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from soak.hook import containers, memory, server, tracing
from soak.hook.openings import count_openings, openings, stop_counting
from soak.hook.threads import remember_starters, tasks, threads
from soak.hook.tracing import (
    GIVEN_UP_AFTER,
    LIMIT,
    LONG,
    SATURATED,
    SHALLOW_AFTER,
    SHORT,
    cost_of,
    duty,
)
from soak.hook.window_sums import SURE, Held, Sums, Traceback, accumulate, surely_kept

KEEP: Traceback = (("/srv/shop.py", 12),)
PASS: Traceback = (("/srv/shop.py", 30),)


@pytest.fixture(autouse=True)
def every_container_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The modules of the tests hold containers too, longer than those of a test."""
    monkeypatch.setattr(containers, "_MOST", 100_000)


@pytest.mark.parametrize("cost", [0.0, 0.1, 0.24, 0.26, 1.2, 2.9, 20.0])
def test_tracing_never_takes_more_than_its_limit(cost: float) -> None:
    extra = duty(cost) * cost
    assert extra / (1 + extra) <= LIMIT + 1e-9
    assert (duty(cost) == 1.0) is (cost / (1 + cost) <= LIMIT)


def test_what_tracing_costs_is_what_it_adds_and_a_saturated_service_is_never_cheap() -> None:
    assert cost_of(0.2, 0.6) == pytest.approx(2.0)
    assert cost_of(0.4, 0.39) == 0.0
    assert duty(cost_of(0.4, SATURATED - 0.06, waited=0.05)) > 0.0


@pytest.mark.parametrize(
    ("without", "within", "waited"),
    [(0.94, 0.95, 0.0), (0.0, 0.1, 0.0), (0.4, SATURATED, 0.0), (0.3, SATURATED - 0.3, 0.31)],
)
def test_where_tracing_would_make_a_service_answer_late_nothing_is_traced(
    without: float, within: float, waited: float
) -> None:
    assert duty(cost_of(without, within, waited)) == 0.0


def test_two_windows_tell_what_is_kept_from_what_is_in_flight() -> None:
    rate, in_flight = 5000.0, 80_000.0
    short: Held = {KEEP: (rate * SHORT, 10.0), PASS: (in_flight, 4.0)}
    long: Held = {KEEP: (rate * LONG, 40.0), PASS: (in_flight, 4.0)}
    sums: Sums = {}
    for _ in range(4):
        accumulate(sums, short, long, 20.0 / (LONG - SHORT))
    kept = surely_kept(sums, 4)
    assert kept[KEEP][0] == pytest.approx(rate * 80)
    assert PASS not in kept
    assert surely_kept(sums, 3) == {}


def test_what_windows_differ_by_because_of_work_in_flight_is_not_kept() -> None:
    sums: Sums = {}
    for burst in (0.0, 900_000.0, 0.0, -300_000.0, 0.0, 900_000.0):
        accumulate(sums, {KEEP: (1000.0, 1.0)}, {KEEP: (1600.0, 4.0), PASS: (burst, 1.0)}, 13.0)
    assert surely_kept(sums, 6).keys() == {KEEP}


@pytest.mark.parametrize(
    ("extra", "kept"), [(SURE + 0.01, True), (SURE - 0.01, False)], ids=["surely", "not surely"]
)
def test_an_estimate_counts_from_so_many_standard_errors_on(extra: float, kept: bool) -> None:
    pairs = 16
    mean = extra / pairs**0.5  # of differences whose standard deviation is 1
    spread = ((pairs - 1) / pairs) ** 0.5
    sums: Sums = {}
    for number in range(pairs):
        left = mean + (spread if number % 2 else -spread)
        accumulate(sums, {KEEP: (10.0, 1.0)}, {KEEP: (10.0 + left, 1.0)}, 1.0)
    assert (KEEP in surely_kept(sums, pairs)) is kept


def loaded(
    monkeypatch: pytest.MonkeyPatch, name: str, source: str, folder: Path = Path("/srv")
) -> types.ModuleType:
    """Return a module of the service with this source, which the hook finds as if it were imported from the folder."""
    module = types.ModuleType(name)
    module.__file__ = str(folder / f"{name}.py")
    exec(compile(source, module.__file__, "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, name, module)
    return module


def test_containers_of_the_services_own_modules_are_told_by_their_holders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = """
import functools
import gc
import logging
SESSIONS = {n: n for n in range(30)}
SHORT = [1]
class Store:
    kept = []
    def __init__(self):
        self.rows = set(range(25))
STORE = Store()
Store.kept.extend(range(40))
@functools.lru_cache(maxsize=None)
def price(n):
    return n
[price(n) for n in range(50)]
"""
    loaded(monkeypatch, "shop", source)
    told = {
        labels["holder"]: (labels["kind"], length)
        for labels, length in containers.lengths()
        if labels["holder"].startswith("shop.")
    }
    assert told == {
        "shop.SESSIONS": ("dict", 30),
        "shop.Store.kept": ("list", 40),
        "shop.STORE.rows": ("set", 25),
        "shop.price": ("lru_cache", 50),
    }


def test_loggers_that_a_request_makes_are_told_with_the_line_that_makes_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The standard library keeps every logger for ever; one that is made while a module is imported is made once."""
    source = tmp_path / "shop.py"
    source.write_text(
        "import logging\nlog = logging.getLogger('shop')\ndef sell(n):\n    return logging.getLogger(f'sale.{n}')\n"
    )
    module = types.ModuleType("shop")
    module.__file__ = str(source)
    exec(compile(source.read_text(), str(source), "exec"), module.__dict__)
    monkeypatch.setattr(logging.Logger.manager, "loggerDict", {})
    monkeypatch.setattr(containers, "_filling", {})
    monkeypatch.setattr(containers, "_own_modules", lambda: iter([module]))
    for number in range(30):
        module.__dict__["sell"](number)
    told = {labels["holder"]: (labels, length) for labels, length in containers.lengths()}
    labels, length = told["logging.Logger.manager.loggerDict"]
    assert labels["bound"] == "none"
    assert (labels["line"], labels["function"]) == ("4", "sell")
    assert length >= 30


def test_a_ring_tells_how_many_entries_it_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("shop")
    module.__file__ = "/srv/shop.py"
    last, all_ = collections.deque(range(30), maxlen=10_000), collections.deque(range(30))
    module.__dict__.update(LAST=last, ALL=all_)
    monkeypatch.setattr(containers, "_filling", {})
    monkeypatch.setattr(containers, "_own_modules", lambda: iter([module]))
    told = {labels["holder"]: labels.get("bound") for labels, _ in containers.lengths()}
    assert (told["shop.LAST"], told["shop.ALL"]) == ("10000", None)


def test_handlers_of_a_logger_and_what_runs_at_exit_are_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A handler for each request stays on its logger, and so does what is registered to run at the end."""
    source = tmp_path / "shop.py"
    source.write_text(
        "import atexit, logging\nclosing = []\n"
        "def audit(n):\n    logging.getLogger('shop.audit').addHandler(logging.NullHandler())\n"
        "def export(n):\n    atexit.register(closing.append, n)\n"
    )
    module = types.ModuleType("shop")
    module.__file__ = str(source)
    exec(compile(source.read_text(), str(source), "exec"), module.__dict__)
    monkeypatch.setattr(containers, "_filling", {})
    monkeypatch.setattr(containers, "_own_modules", lambda: iter([module]))
    logger = logging.getLogger("shop.audit")
    monkeypatch.setattr(logger, "handlers", [])

    def counted() -> dict[str, tuple[dict[str, str], int]]:
        return {labels["holder"]: (labels, length) for labels, length in containers.lengths()}

    before = atexit._ncallbacks()
    try:
        for number in range(30):
            module.__dict__["audit"](number)
            module.__dict__["export"](number)
        told = counted()
    finally:
        atexit.unregister(module.__dict__["closing"].append)
    labels, length = told["logging.getLogger('shop.audit').handlers"]
    assert (labels["kind"], labels["line"], labels["function"], length) == (
        "list",
        "4",
        "audit",
        30,
    )
    assert "bound" not in labels, "a handler may be removed"
    labels, length = told["atexit"]
    assert (labels["bound"], labels["line"], labels["function"]) == ("none", "6", "export")
    assert length == before + 30


def test_tasks_are_told_by_the_line_that_they_wait_at() -> None:
    async def wait_for_ever(event: asyncio.Event) -> None:
        await event.wait()

    async def main() -> list[dict[str, object]]:
        event = asyncio.Event()
        waiting = [asyncio.ensure_future(wait_for_ever(event)) for _ in range(7)]
        await asyncio.sleep(0)
        told: list[dict[str, object]] = threads()["tasks"]
        event.set()
        await asyncio.gather(*waiting)
        return told

    told = asyncio.run(main())
    [group] = [row for row in told if row["count"] == 7]
    frames = group["frames"]
    assert isinstance(frames, tuple)
    assert Path(frames[0][0]).name == "locks.py"
    assert frames[1][2].endswith("wait_for_ever")
    assert tasks() == []


def test_a_thread_that_runs_none_of_the_services_code_is_told_with_who_started_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threading.Thread, "start", threading.Thread.start)
    remember_starters()
    event = threading.Event()

    def wait_in_own_code() -> None:
        event.wait()

    def report() -> list[threading.Thread | threading.Timer]:
        return [
            threading.Thread(target=event.wait),
            threading.Thread(target=event.wait),
            threading.Timer(3600.0, print),
            threading.Thread(target=wait_in_own_code),
        ]

    pool = ThreadPoolExecutor(1)
    pool.submit(print).result()
    waiting = report()
    for thread in waiting:
        thread.start()
    told = [row["frames"] for row in threads()["threads"]]
    event.set()
    waiting[2].cancel()  # type: ignore[union-attr]
    for thread in waiting:
        thread.join()
    pool.shutdown()
    here = [
        [function.rpartition(".")[2] for file, _, function in frames if file == __file__]
        for frames in told
    ]
    starter = test_a_thread_that_runs_none_of_the_services_code_is_told_with_who_started_it.__name__
    assert [own[:1] for own in here].count([starter]) == 3  # two that wait alike are one row
    assert ["wait_in_own_code"] in here


def test_a_cache_of_a_package_is_told_with_the_line_of_its_function(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(containers, "libraries", lambda: ("/usr/lib/", "/opt/hook/", "/srv/lib/"))
    # With such folders all modules of the tests would be the service's own.
    monkeypatch.setattr(containers, "_own_modules", lambda: iter(()))
    for folder in ("/srv/lib", "/usr/lib", "/opt/hook", "/srv"):
        names: dict[str, object] = {"__name__": folder}
        exec(compile("\ndef look(n):\n    return n\n", f"{folder}/web.py", "exec"), names)
        look = names["look"]
        assert callable(look)
        cached = functools.lru_cache(maxsize=None)(look)
        monkeypatch.setattr(containers, "_filling", {})
        for n in range(30):
            cached(n)
        told = {labels["holder"]: labels for labels, _ in containers.lengths()}
        if folder in ("/srv/lib", "/srv"):
            labels = told[f"{folder}.look"]
            assert (labels["file"], labels["line"]) == (f"{folder}/web.py", "2")
            assert (labels["function"], labels["bound"]) == ("look", "none")
        else:
            assert f"{folder}.look" not in told


def test_a_cache_on_a_function_of_the_standard_library_is_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cached = functools.lru_cache(maxsize=None)(Path.joinpath)
    for n in range(30):
        cached(Path("/"), str(n))
    assert not any(
        labels["kind"] == "lru_cache" and "Path" in labels["holder"]
        for labels, _ in containers.lengths()
    )


FILLED = """
ORDERS: dict = {}; SEEN, LOG = set(), []; ORDERS['first'] = 0
def remember(key, value):
    ORDERS[key] = value
def note(line):
    LOG.append(line)
def note_again(line):
    LOG.append(line)
def look(key):
    return ORDERS.get(key), key in SEEN
class Store:
    rows: list = []
    def __init__(self): self.rows = []
    def keep(self, row):
        if row:
            self.rows.append(row)
STORE = Store()
for n in range(30):
    remember(n, n); note(n); note_again(n); STORE.keep(n + 1)
"""


def test_the_only_function_that_fills_a_container_is_told_with_its_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "filled.py").write_text(FILLED)
    loaded(monkeypatch, "filled", FILLED, tmp_path)
    told = {labels["holder"]: labels for labels, _ in containers.lengths()}
    assert (told["filled.ORDERS"]["function"], told["filled.ORDERS"]["line"]) == ("remember", "4")
    assert told["filled.STORE.rows"]["function"].endswith("keep")
    assert told["filled.STORE.rows"]["line"] == "16"
    assert "line" not in told["filled.LOG"]  # two functions fill it


KEEPING = """
import threading
from collections import deque
from types import SimpleNamespace
class Request:
    def __init__(self, n): self.n = n
class Slotted:
    __slots__ = ("n",)
class Hostile:
    __slots__ = ()
    def __getattribute__(self, name): raise RuntimeError(name)
def fill(n):
    return [n() if callable(n) else n for _ in range(30)]
REQUESTS = fill(lambda: Request(1))
BY_ID = {n: (Request(n), 3.5) for n in range(30)}
BY_REQUEST = {Request(n): n for n in range(30)}
WRAPPED = deque(fill(lambda: SimpleNamespace(at=1.5, request=Request(1), more=Slotted())))
SET = set(fill(lambda: Request(1)))
PLAIN, TEXTS = list(range(30)), {str(n): [n] for n in range(30)}
SLOTTED, HOSTILE = fill(lambda: Slotted()), fill(lambda: Hostile())
def answer(n):
    def flush(): return n
    def plain(): return 1
    return flush, plain
def caught():
    try: raise ValueError(1)
    except ValueError as error: return error
CLOSURES, NOT_CLOSED = [answer(n)[0] for n in range(30)], [answer(n)[1] for n in range(30)]
LOCAL = threading.local()
def leave(n):
    LOCAL.kept = [Request(1)] * n
    LOCAL.count = n
    BEGAN.set()
    STOP.wait(10)
BEGAN, STOP = threading.Event(), threading.Event()
threading.Thread(target=leave, args=(30,)).start()
BEGAN.wait(10)
LOCAL.kept = [Request(1)] * 12
class Lazy:
    @property
    def __class__(self): raise RuntimeError("it would be worked out")
LAZY = Lazy()
RAISED, NEVER_RAISED = fill(caught), [ValueError(n) for n in range(30)]
"""


def test_the_classes_of_a_container_s_entries_and_their_parts_are_told_and_stay_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = loaded(monkeypatch, "keeping", KEEPING)
    monkeypatch.setattr(containers, "_entries", {})

    def told() -> dict[str, str]:
        return {
            labels["holder"].removeprefix("keeping."): labels.get("entries", "")
            for labels, _ in containers.lengths()
            if labels["holder"].startswith("keeping.") and labels["kind"] != containers.OBJECTS
        }

    first = told()
    assert first == {
        "REQUESTS": "keeping.Request",
        "BY_ID": "keeping.Request",
        "BY_REQUEST": "keeping.Request",
        "WRAPPED": "types.SimpleNamespace, keeping.Request, keeping.Slotted",
        "SET": "keeping.Request",
        "PLAIN": "",
        "TEXTS": "",
        "SLOTTED": "keeping.Slotted",
        "HOSTILE": "keeping.Hostile",
        "CLOSURES": "keeping.answer.<locals>.flush()",
        "NOT_CLOSED": "",
        "RAISED": "ValueError with its traceback",
        "NEVER_RAISED": "",
        "LOCAL.kept": "keeping.Request",
    }
    [(labels, length)] = [
        row for row in containers.lengths() if row[0]["holder"] == "keeping.LOCAL.kept"
    ]
    assert (labels["kind"], length) == ("thread-local list", 42)
    vars(module)["REQUESTS"].append(5)
    vars(module)["PLAIN"].append(vars(module)["SLOTTED"][0])
    assert told() == first  # a label that changes would begin another series
    vars(module)["STOP"].set()


def test_caches_are_seen_after_their_objects_are_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    @functools.cache
    def price(n: int) -> int:
        return n

    for n in range(30):
        price(n)

    @functools.lru_cache(maxsize=100)
    def discount(n: int) -> int:
        return n

    for n in range(30):
        discount(n)
    containers.remember_frozen()
    monkeypatch.setattr("gc.get_objects", list)
    bounds = {
        labels["holder"].rpartition(".")[2]: labels.get("bound")
        for labels, _ in containers.lengths()
    }
    assert (bounds["price"], bounds["discount"]) == ("none", "100")
    monkeypatch.setattr(containers, "_frozen", [])


def test_the_folder_alone_runs_a_service_and_hides_none_of_the_standard_librarys_modules(
    tmp_path: Path,
) -> None:
    program = tmp_path / "service.py"
    program.write_text(
        "import asyncio, selectors, sys\nprint(selectors.DefaultSelector.__name__, sys.path[0], sys.argv[1:])"
    )
    folder = Path(containers.__file__).parent
    environment = {**os.environ, "SOAK_HOOK": "127.0.0.1:0"}
    done = subprocess.run(
        [sys.executable, folder, program, "--port", "1"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split(maxsplit=2)[1:] == [str(tmp_path), "['--port', '1']\n"]


def kept_to_the_budget(
    monkeypatch: pytest.MonkeyPatch, *stretches: tuple[float, float]
) -> tuple[tracing.Tracing, list[bool]]:
    """Tracing of a service that works and waits for so much of each stretch in turn, and whether each was traced."""
    watched, traced = tracing.Tracing(5), []
    left = iter(stretches)

    def work(seconds: float, stop: threading.Event) -> tuple[float, float, bool]:
        traced.append(tracemalloc.is_tracing())
        worked, waited = next(left, (0.0, 0.0))
        if len(traced) == len(stretches):
            stop.set()
        return worked * seconds, waited * seconds, len(traced) > len(stretches)

    monkeypatch.setattr(tracing, "_work", work)
    monkeypatch.setattr(tracing, "LOOK", 1e-4)
    tracemalloc.start(5)
    watched._keep_to_the_budget()
    tracemalloc.stop()
    gc.unfreeze()
    return watched, traced


IDLE, AT_WORK, SLOWED, FULL = (0.0, 0.0), (0.4, 0.0), (0.45, 0.0), (0.7, 0.3)


def test_an_idle_service_is_traced_and_tells_no_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    watched, traced = kept_to_the_budget(monkeypatch, IDLE, IDLE, IDLE)
    assert watched.cost is None
    assert all(traced)


def test_a_service_at_work_is_measured_in_turns_and_traced_where_that_is_cheap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched, traced = kept_to_the_budget(monkeypatch, AT_WORK, *(AT_WORK, SLOWED) * 8, AT_WORK)
    assert watched.cost == pytest.approx(0.125)
    assert traced == [True, *(False, True) * 8, True]


def test_a_service_that_is_too_idle_to_measure_keeps_its_traces_until_it_works_twice_as_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hardly, less, more = (0.06, 0.0), (0.04, 0.0), (0.13, 0.0)
    watched, traced = kept_to_the_budget(
        monkeypatch, hardly, less, *[hardly] * 6, more, less, *[more] * 3
    )
    assert watched.cost is None
    # Off in each measurement, and in the look after it that starts it again.
    off = [index for index, on in enumerate(traced) if not on]
    assert off == [1, 2, 9, 10]


def test_a_service_that_is_slowed_down_has_three_bad_stretches_for_each_depth_of_stacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # With whole stacks it does not keep up; what had to wait is done untraced; then with one call it does not either.
    slow = (AT_WORK, FULL) * 3
    watched, traced = kept_to_the_budget(monkeypatch, AT_WORK, *slow, FULL, FULL, AT_WORK, *slow)
    assert (watched.frames, watched.duty) == (1, 0.0)
    assert traced.count(True) == 7  # with the first look


def test_one_crowded_stretch_does_not_make_tracing_too_dear(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the traced stretches one is crowded, and of those without tracing another."""
    rest = (AT_WORK, SLOWED) * 6
    watched, _ = kept_to_the_budget(
        monkeypatch, AT_WORK, AT_WORK, FULL, FULL, SLOWED, *rest, AT_WORK
    )
    assert watched.frames == 5
    assert watched.cost is not None
    assert watched.cost < 0.2


def test_a_service_that_no_longer_keeps_up_is_measured_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cheap, slow = (AT_WORK, *(AT_WORK, SLOWED) * 8), (AT_WORK, FULL) * 3
    watched, _ = kept_to_the_budget(monkeypatch, *cheap, FULL, *slow, AT_WORK, *slow)
    assert (watched.frames, watched.duty) == (1, 0.0)


#: What a service whose tracing costs three times its own time does in windows of one look each, and in a measurement of it.
DEAR = (0.6, 0.0)
MEASURED = (0.15, 0.0), DEAR


def in_windows(
    monkeypatch: pytest.MonkeyPatch, *later: tuple[float, float]
) -> tuple[tracing.Tracing, list[bool]]:
    """Tracing that is kept to windows, of one look each, with rests that take no time; and what comes then."""
    monkeypatch.setattr(tracing, "SHORT", 1e-4)
    monkeypatch.setattr(tracing, "LONG", 1e-4 + 1e-9)
    monkeypatch.setattr(tracing, "_LONGEST_REST", 0.0)
    monkeypatch.setattr(tracing, "_REST", 0.0)
    monkeypatch.setattr(tracing, "CROWDED", 1)
    return kept_to_the_budget(monkeypatch, AT_WORK, *MEASURED * 8, *later)


def test_after_a_window_that_was_crowded_tracing_rests_and_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    again = MEASURED * 8
    watched, traced = in_windows(monkeypatch, DEAR, DEAR, FULL, *again, DEAR, DEAR, DEAR)
    assert (watched.frames, watched._pairs) == (5, 2)
    assert 0.0 < watched.duty < 1.0
    assert traced[17:20] == [True] * 3


def test_a_service_that_is_crowded_by_windows_time_after_time_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    again = MEASURED * 8
    watched, traced = in_windows(
        monkeypatch, DEAR, DEAR, FULL, *(*again, FULL) * (GIVEN_UP_AFTER - 1), DEAR, DEAR, DEAR
    )
    assert (watched.frames, watched._pairs, watched.duty) == (1, 0, 0.0)
    assert len(traced) == 17 + 3 + 17 * (GIVEN_UP_AFTER - 1)  # and not asked again


@pytest.mark.parametrize(("times", "frames"), [(SHALLOW_AFTER - 1, 5), (SHALLOW_AFTER, 1)])
def test_the_second_crowded_window_in_a_row_makes_stacks_short(
    monkeypatch: pytest.MonkeyPatch, times: int, frames: int
) -> None:
    watched, _ = in_windows(monkeypatch, *(FULL, *MEASURED * 8) * times, DEAR, DEAR)
    assert watched.frames == frames


@pytest.mark.parametrize(
    ("share", "size"),
    [(1.0, 1.0), (0.105, 1.0), (0.1, 0.96), (0.03, 0.288), (0.02, 0.2), (0.0, 0.2)],
)
def test_windows_are_shorter_where_little_may_be_traced(share: float, size: float) -> None:
    """A pair of windows takes twelve seconds with its pauses: in two minutes there are ten."""
    assert tracing.window_size(share) == pytest.approx(size)


@pytest.mark.parametrize(
    ("looks", "traced"),
    [
        ((DEAR, DEAR, DEAR, DEAR), True),
        ((FULL, DEAR, FULL, DEAR), True),
        ((DEAR, DEAR, DEAR, FULL), True),
        ((DEAR, FULL, FULL, DEAR), False),
    ],
)
def test_a_window_ends_where_two_looks_in_a_row_are_crowded(
    monkeypatch: pytest.MonkeyPatch, looks: tuple[tuple[float, float], ...], traced: bool
) -> None:
    watched, left = tracing.Tracing(1), iter(looks)

    def work(seconds: float, stop: threading.Event) -> tuple[float, float, bool]:
        worked, waited = next(left)
        return worked * seconds, waited * seconds, False

    monkeypatch.setattr(tracing, "_work", work)
    monkeypatch.setattr(tracing, "_LONGEST_REST", 0.0)
    watched.cost = 1.0
    assert (watched._window(4 * tracing.LOOK) is not None) is traced
    assert not tracemalloc.is_tracing()


def test_what_the_services_own_lines_open_is_counted_by_line(tmp_path: Path) -> None:
    def open_ledger(path: str) -> None:
        with Path(path).open():
            pass

    count_openings()
    try:
        for _ in range(3):
            open_ledger(__file__)
        sqlite3.connect(tmp_path / "a.db").close()
        told = {
            (labels["function"].rpartition(".")[2], labels["type"]): n for labels, n in openings()
        }
    finally:
        stop_counting()
    here = test_what_the_services_own_lines_open_is_counted_by_line.__name__
    assert told == {("open_ledger", "file"): 3, (here, "file"): 1}
    open_ledger(__file__)
    assert openings() == []


HELD = """
import collections
class Incidents:
    def __init__(self):
        self.by_id = collections.OrderedDict((n, n) for n in range(30))
        self.seen = collections.Counter(range(25))
class Repository:
    def __init__(self): self.rows = collections.defaultdict(list, {n: [n] for n in range(26)})
class Odd(dict):
    def __len__(self): return 77
class Slotted:
    __slots__ = ("rows",)
    def __init__(self): self.rows = list(range(30))
class Request:
    def __init__(self): self.headers = {n: n for n in range(30)}
class Own(dict): pass
def create_app():
    incidents, repositories = Incidents(), [Repository(), Repository()]
    repositories[1].rows.update({n: [n] for n in range(40)})
    requests = [Request() for _ in range(21)]
    def answer(): return incidents, repositories, requests, Slotted()
    return answer
APP = create_app()
ODD, OWN = Odd({n: n for n in range(30)}), Own({n: n for n in range(31)})
"""


def test_containers_are_found_in_objects_that_only_a_closure_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded(monkeypatch, "held", HELD)

    def told() -> dict[str, tuple[str, int]]:
        return {
            labels["holder"].removeprefix("held."): (labels["kind"], length)
            for labels, length in containers.lengths()
            if labels["holder"].startswith("held.") and labels["kind"] != containers.OBJECTS
        }

    expected = {
        "Incidents.by_id": ("OrderedDict", 30),
        "Incidents.seen": ("Counter", 25),
        "Repository.rows": ("defaultdict", 40),  # the longest of the two
        "OWN": ("Own", 31),
    }
    assert told() == expected
    try:
        containers.remember_frozen()
        gc.freeze()
        assert told() == expected
    finally:
        gc.unfreeze()
        containers._frozen.clear()


LAZY = """
import threading, weakref
ASKED = []
class Lazy:
    def __init__(self): self.__dict__["kept"] = list(range(30))
    @property
    def __class__(self):
        ASKED.append("class")
        raise RuntimeError("it would be worked out")
    def __getattr__(self, name):
        ASKED.append(name)
        raise RuntimeError(name)
    def __iter__(self): raise RuntimeError("iterated")
class Mapping(dict):
    def values(self): raise RuntimeError("values")
    items = values
    def __iter__(self): raise RuntimeError("iterated")
class Slotted:
    __slots__ = ()
    def __getattr__(self, name):
        ASKED.append(name)
        raise RuntimeError(name)
class Target: pass
LAZIES = [Lazy(), Slotted(), Mapping({n: n for n in range(30)})]
LAZY, SLOTTED, MAPPING = LAZIES
PROXY = weakref.proxy(Target())  # whose object is gone
LOCAL = threading.local()
LOCAL.held = [*LAZIES, PROXY, {"inner": LAZIES}]
"""


def test_no_snapshot_runs_the_code_of_lazy_objects_or_asks_dead_proxies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = loaded(monkeypatch, "lazy", LAZY)
    module.__dict__["ASKED"].clear()
    watched = memory.Memory(1)
    try:
        watched.page()
        watched.gauges()
    finally:
        watched.end()
    assert module.__dict__["ASKED"] == []
    told = {labels["holder"]: length for labels, length in containers.lengths()}
    assert (told["lazy.LAZY.kept"], told["lazy.MAPPING"]) == (30, 30)


def test_a_page_that_fails_is_answered_with_the_error() -> None:
    def fail() -> dict[str, Any]:
        raise ReferenceError("it is gone")

    answer = server._answer(b"GET /memory HTTP/1.1\r\n\r\n", "", {"/memory": fail})
    assert answer.startswith(b"HTTP/1.1 500")
    assert answer.endswith(b'{"error": "ReferenceError: it is gone"}')


REGISTERED = """
REGISTER = [].append  # as hidden as what atexit keeps
class Draft:
    def __init__(self, n): self.body = "x" * (2000 + n)
class Cart:
    pass
CARTS = {n: Cart() for n in range(20)}
def save(n):
    draft = Draft(n)
    REGISTER(draft)
for n in range(3000): save(n)
"""


def test_objects_of_a_class_are_counted_wherever_they_are_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Twenty are too few to tell."""
    (tmp_path / "registered.py").write_text(REGISTERED)
    module = loaded(monkeypatch, "registered", REGISTERED, tmp_path)
    rows, holders = containers.lengths_and_containers()
    told = {labels["holder"]: (labels, length) for labels, length in rows}
    labels, length = told["registered.Draft"]
    assert (labels["kind"], length) == (containers.OBJECTS, 3000)
    assert (labels["function"], labels["line"]) == ("save", "9")
    assert type(holders["registered.Draft"][0]) is vars(module)["Draft"]
    assert "registered.Cart" not in told


KEPT_BY_PACKAGES = """
import contextvars
import blinker
CRUMBS = contextvars.ContextVar("crumbs", default=[])
PLAIN = contextvars.ContextVar("plain")
CHANGED = blinker.Namespace().signal("changed")
def note(n):
    CRUMBS.get().append(n)
def count(status):
    CHANGED.seen[status] = CHANGED.seen.get(status, 0) + 1
def watch(n):
    def told(sender):
        return n
    CHANGED.connect(told, weak=False)
class Hub:
    def __init__(self):
        self.sent = blinker.Signal()
    def join(self, receiver):
        self.sent.connect(receiver, weak=False)
class Slotted:
    __slots__ = ("kept", "never")
    def __init__(self):
        self.kept = []
HUB, SLOTTED = Hub(), Slotted()
for n in range(3000):
    SLOTTED.kept.append(n)
for n in range(3000):
    note(n); watch(n); HUB.join(lambda sender, n=n: n)
"""


def test_what_a_context_variable_or_a_packages_object_keeps_is_told_with_who_adds_to_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "kept_by.py").write_text(KEPT_BY_PACKAGES)
    loaded(monkeypatch, "kept_by", KEPT_BY_PACKAGES, tmp_path)
    told = {labels["holder"]: (labels, length) for labels, length in containers.lengths()}
    crumbs, length = told["kept_by.CRUMBS"]
    assert (crumbs["function"], crumbs["line"], length) == ("note", "8", 3000)
    changed, length = told["kept_by.CHANGED.receivers"]
    assert (changed["function"], changed["line"], length) == ("watch", "14", 3000)
    assert "kept_by.PLAIN" not in told
    assert told["kept_by.SLOTTED.kept"][1] == 3000
    sent, length = told["kept_by.HUB.sent.receivers"]
    assert (sent["function"], sent["line"], length) == ("Hub.join", "19", 3000)


def test_what_is_held_counts_small_objects_and_large_blocks_but_not_free_memory() -> None:
    def held() -> int:
        gc.collect()
        told = {name: value for name, _, value in memory.Memory(1).gauges()["samples"]}
        return int(told["python_held_bytes"])

    before = held()
    small = [{"order": number, "tags": [f"tag {number}"]} for number in range(20_000)]
    with_small = held()
    large = [bytes(50_000) for _ in range(100)]
    with_large = held()
    # A dictionary, a list with its slots, a string, and a number: 5 blocks of 64 bytes, and their slots.
    assert with_small - before == pytest.approx(20_000 * 330, rel=0.25)
    assert with_large - with_small == pytest.approx(100 * 50_000, rel=0.05)
    del small, large
    assert held() - before < 0.1 * (with_large - before)


def test_garbage_stays_where_the_service_collects_none() -> None:
    class Node:
        def __init__(self) -> None:
            self.own = self

    def left() -> int:
        memory.Memory(1).gauges()
        return sum(type(value) is Node for value in gc.get_objects())

    gc.disable()
    try:
        for _ in range(50):
            Node()
        assert left() == 50
        gc.enable()
        assert left() == 0
    finally:
        gc.enable()
