"""A run's supervisor gives memory back at once, and keeps it again while the run is judged."""

from __future__ import annotations

import ctypes
import gc
import sys
from pathlib import Path

import pytest

from soak.cli import drive as module
from soak.profile import parse_profile
from soak.steady_memory import Tidying, at_full_speed, keep_steady

PROFILE = "name: a\ntarget: {url: 'http://127.0.0.1:1'}\nload: {rate: 1/s, duration: 1s}\nendpoints: [GET /]\n"


class _Mallinfo(ctypes.Structure):
    _names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in _names.split()]


def mapped(size: int) -> int:
    """Bytes that the C library asks the system for, to give out so many."""
    ask = ctypes.CDLL(None).mallinfo2
    ask.restype = _Mallinfo
    before = int(ask().hblkhd)
    held = ctypes.create_string_buffer(size)
    return int(ask().hblkhd) - before if held else 0


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="of glibc"
)
def test_a_large_block_comes_from_the_system_alone_while_a_run_goes_on() -> None:
    at_full_speed()
    assert mapped(16 * 2**20) == 0
    keep_steady()
    ctypes.CDLL(None).malloc_trim(0)  # what the line above left free
    try:
        assert mapped(16 * 2**20) >= 16 * 2**20
    finally:
        at_full_speed()
    assert mapped(16 * 2**20) == 0


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
