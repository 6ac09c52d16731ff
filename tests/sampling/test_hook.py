"""The Python hook: what it counts, and that tracing keeps to its share of the processor time."""

from __future__ import annotations

import asyncio
import functools
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from soak.hook import containers, tracing
from soak.hook.threads import tasks, threads
from soak.hook.tracing import LIMIT, LONG, SHORT, accumulate, cost_of, duty

KEEP: tracing.Traceback = (("/srv/shop.py", 12),)
PASS: tracing.Traceback = (("/srv/shop.py", 30),)


@pytest.mark.parametrize("cost", [0.0, 0.1, 0.24, 0.26, 1.2, 2.9, 20.0])
def test_tracing_never_takes_more_than_its_limit(cost: float) -> None:
    extra = duty(cost) * cost
    assert extra / (1 + extra) <= LIMIT + 1e-9
    assert (duty(cost) == 1.0) is (cost / (1 + cost) <= LIMIT)


def test_what_tracing_costs_is_what_it_adds_and_a_saturated_service_is_never_cheap() -> None:
    assert cost_of(0.2, 0.6) == pytest.approx(2.0)
    assert cost_of(0.4, 0.39) == 0.0
    assert cost_of(0.94, 0.95) >= 3.0
    assert cost_of(0.0, 0.1) >= 3.0


def test_two_windows_tell_what_is_kept_from_what_is_in_flight() -> None:
    rate, in_flight = 5000.0, 80_000.0
    short: tracing.Held = {KEEP: (rate * SHORT, 10.0), PASS: (in_flight, 4.0)}
    long: tracing.Held = {KEEP: (rate * LONG, 40.0), PASS: (in_flight, 4.0)}
    kept: tracing.Held = {}
    for _ in range(3):
        accumulate(kept, short, long, 20.0)
    assert kept[KEEP][0] == pytest.approx(rate * 60)
    assert kept[PASS] == (0.0, 0.0)


def test_containers_of_the_services_own_modules_are_told_by_their_holders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = types.ModuleType("shop")
    module.__file__ = "/srv/shop.py"
    source = """
import functools
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
    exec(compile(source, "/srv/shop.py", "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, "shop", module)
    told = {
        holder: (kind, size)
        for holder, kind, size in containers.lengths()
        if holder.startswith("shop.")
    }
    assert told == {
        "shop.SESSIONS": ("dict", 30),
        "shop.Store.kept": ("list", 40),
        "shop.STORE.rows": ("set", 25),
        "shop.price": ("lru_cache", 50),
    }


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


def test_a_cache_on_a_librarys_function_is_not_the_services(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cached = functools.lru_cache(maxsize=None)(Path.joinpath)
    for n in range(30):
        cached(Path("/"), str(n))
    assert not any(
        kind == "lru_cache" and "Path" in holder for holder, kind, _ in containers.lengths()
    )


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
