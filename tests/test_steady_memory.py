"""A run's supervisor gives memory back at once, and keeps it again while the run is judged."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
from pathlib import Path

import pytest

from soak.cli import drive as module
from soak.profile import parse_profile
from soak.steady_memory import Tidying

PROFILE = "name: a\ntarget: {url: 'http://127.0.0.1:1'}\nload: {rate: 1/s, duration: 1s}\nendpoints: [GET /]\n"


#: What a process of its own, whose heap has no room yet, asks the system for so as to give out 16 MiB: bytes, before, within and
#: after a run.
ASKED = """
import ctypes
from soak.steady_memory import at_full_speed, keep_steady

class Mallinfo(ctypes.Structure):
    _names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in _names.split()]

ask = ctypes.CDLL(None).mallinfo2
ask.restype = Mallinfo

def mapped():
    before = ask().hblkhd
    held = ctypes.create_string_buffer(16 * 2**20)
    return ask().hblkhd - before if held else 0

for step in (at_full_speed, keep_steady, at_full_speed):
    step()
    ctypes.CDLL(None).malloc_trim(0)
    print(mapped())
"""


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="of glibc"
)
def test_a_large_block_comes_from_the_system_alone_while_a_run_goes_on() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASKED], capture_output=True, text=True, check=True, timeout=600
    )
    before, within, after = map(int, done.stdout.split())
    assert (before, after) == (0, 0)
    assert within >= 16 * 2**20


def test_garbage_is_collected_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now, collected = [0.0], []
    monkeypatch.setattr(gc, "collect", lambda: collected.append(now[0]))
    monkeypatch.setattr(gc, "freeze", lambda: collected.append(-1.0))
    frozen = iter((0, 7, 7, 7))
    monkeypatch.setattr(gc, "get_freeze_count", lambda: next(frozen))
    tidying = Tidying(lambda: now[0])
    for second in range(0, 200, 5):
        now[0] = float(second)
        tidying.tick()
    assert collected == [60.0, -1.0, 120.0, 180.0]


def test_a_run_begins_with_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class BegunError(Exception):
        pass

    def begun() -> None:
        raise BegunError

    monkeypatch.setattr(module, "keep_steady", begun)
    profile, text = parse_profile(PROFILE, "p.yaml")
    with pytest.raises(BegunError):
        module.drive(profile, text, tmp_path / "run", as_json=False)
