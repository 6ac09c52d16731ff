"""A JVM's heap is dumped after the drain, if classes gained objects and it is not too large, and the dump is deleted."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from soak.errors import TargetError
from soak.sampling.profilers import jvm_keepers as module
from soak.sampling.profilers.jvm_keepers import DUMPED, keepers
from tests.sampling.test_heap_dump import with_map


def histogram(**counts: int) -> str:
    rows = [
        f"{at:4}: {many:10} {16 * many:12}  {name.replace('_', '.')}"
        for at, (name, many) in enumerate(counts.items(), 1)
    ]
    return "\n".join([" num     #instances         #bytes  class name (module)", *rows])


BEFORE = histogram(shop_Order=0, shop_Other=50)
AFTER = histogram(shop_Order=100, shop_Other=149)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the JVM was asked; it dumps a map of three orders."""
    commands: list[str] = []

    def ask(pid: int, command: str) -> str:
        assert pid == 7
        commands.append(command)
        with_map().write(Path(command.split()[1]))
        return "Heap dump file created"

    monkeypatch.setattr(module, "ask", ask)
    return commands


def told(tmp_path: Path, live: float = 1e6, after: str = AFTER, free: float = 1e12) -> list[object]:
    with pytest.MonkeyPatch.context() as patch:
        usage = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=free))
        patch.setattr(module, "shutil", usage)
        return list(keepers(7, tmp_path, (BEFORE, after), live, ("org.library",)))


def test_what_keeps_the_classes_that_gained_a_hundred_objects_is_told(
    tmp_path: Path, asked: list[str]
) -> None:
    [kept] = told(tmp_path)
    assert isinstance(kept, dict)
    assert (kept["class"], kept["objects"], kept["sampled"]) == ("shop.Order", 3, 3)
    [(many, way)] = kept["ways"]
    assert many == 3
    assert [step[:2] for step in way][:2] == [
        ("shop.Shop", "REGISTRY"),
        ("shop.Registry", "orders"),
    ]
    assert asked == [f"GC.heap_dump {tmp_path / 'heap.hprof'}"]


def test_a_dump_is_not_made_for_nothing_or_of_a_large_heap_or_on_a_full_disk(
    tmp_path: Path, asked: list[str]
) -> None:
    assert told(tmp_path, after=histogram(shop_Order=99, shop_Other=149)) == []
    assert told(tmp_path, live=DUMPED + 1.0) == []
    assert told(tmp_path, live=1e6, free=1.9e6) == []
    assert asked == []
    assert told(tmp_path, live=float(DUMPED)) != []
    assert told(tmp_path, live=1e6, free=2e6) != []


def test_a_jvm_that_writes_no_dump_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ask", lambda *_: "No space left on device")
    with pytest.raises(TargetError, match="process 7 wrote no heap dump: No space left"):
        told(tmp_path)
