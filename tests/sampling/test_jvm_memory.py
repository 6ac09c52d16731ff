"""What of a JVM's resident memory lies outside of its heap, by the addresses that it tells."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from soak.sampling.profilers import jvm
from soak.sampling.profilers.jvm import _resident
from soak.sampling.profilers.jvm_native import heap_addresses

G1 = """ garbage-first heap   total 397312K, used 6643K [0x0000000687400000, 0x0000000800000000)
  region size 4096K, 1 young (4096K), 0 survivors (0K)
 Metaspace       used 1165K, committed 1344K, reserved 1114112K
"""
SERIAL = """DefNew     total 116160K, used 16527K [0x0000000687400000, 0x000000068f200000, 0x0000000704d50000)
 eden space 103296K,  16% used [0x0000000687400000, 0x0000000688423f28, 0x000000068d8e0000)
Tenured    total 258048K, used 1166K [0x0000000704d50000, 0x0000000714950000, 0x0000000800000000)
"""
ZGC = "ZHeap            used 6M, capacity 378M, max capacity 6028M"


@pytest.mark.parametrize(
    ("report", "addresses"),
    [
        (G1, (0x687400000, 0x800000000)),
        (SERIAL, (0x687400000, 0x800000000)),
        (ZGC, None),
        ("", None),
    ],
)
def test_a_heap_lies_between_these_addresses(
    report: str, addresses: tuple[int, int] | None
) -> None:
    assert heap_addresses(report) == addresses


class Process:
    """A process of 900 bytes, of which 300 and 200 lie in two parts of its heap."""

    def __init__(self, pid: int) -> None:
        if pid != 7:
            raise psutil.NoSuchProcess(pid)

    def memory_info(self) -> Any:
        return SimpleNamespace(rss=900)

    def memory_maps(self, *, grouped: bool) -> list[Any]:
        assert not grouped
        parts = (("0fff-1000", 100), ("1000-1800", 300), ("1ff0-2000", 200), ("2000-3000", 300))
        return [SimpleNamespace(addr=where, rss=size) for where, size in parts]


def test_what_is_resident_outside_of_the_heap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jvm.psutil, "Process", Process)  # type: ignore[attr-defined]
    monkeypatch.setattr(jvm.psutil, "LINUX", True)  # type: ignore[attr-defined]
    whole: tuple[str, dict[str, str], float] = ("process_resident_after_gc_bytes", {}, 900.0)
    assert list(_resident(7, (0x1000, 0x2000))) == [
        whole,
        ("process_resident_outside_heap_bytes", {}, 400.0),
    ]
    assert list(_resident(7, None)) == [whole]
    assert list(_resident(8, None)) == []
    monkeypatch.setattr(jvm.psutil, "LINUX", False)  # type: ignore[attr-defined]
    assert list(_resident(7, (0x1000, 0x2000))) == [whole]
