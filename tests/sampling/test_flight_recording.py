"""A flight recording that says too much is read with fewer frames."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from soak.errors import TargetError
from soak.sampling.profilers import flight_recording, jcmd
from soak.sampling.profilers.flight_recording import Flight
from soak.sampling.profilers.jcmd import TooMuchSaidError

EVENTS = '{"recording": {"events": []}}'


#: What is printed, by whether what lives on is in it, and allocations.
KINDS = {(True, True): "all", (True, False): "kept", (False, True): "allocated"}


def depths_asked(
    most: int, monkeypatch: pytest.MonkeyPatch, file: Path, allocations: int = 8
) -> list[str]:
    """The depths that two dumps are printed with by a tool that says too much beyond `most` frames."""
    asked: list[str] = []

    def told(command: Sequence[str], whom: str) -> str:
        depth, events = (
            command[command.index(f"--{name}") + 1] for name in ("stack-depth", "events")
        )
        whole = "ThreadStart" in events, "ObjectAllocationSample" in events
        asked.append(f"{depth} {KINDS[whole]}")
        if int(depth) > (allocations if whole == (False, True) else most):
            raise TooMuchSaidError(f"{whom}: jfr says more than 64 MiB")
        return EVENTS

    monkeypatch.setattr(flight_recording, "told", told)
    monkeypatch.setattr(flight_recording, "tool", lambda name: name)
    file.touch()
    flight = Flight(1)
    for _ in range(2):
        assert flight.objects(file) == []
    return asked


def kept(*ways: list[tuple[str, str, str, int] | None]) -> str:
    """What `jfr print` says of objects on such ways, each from the object on: class, field, description, address."""

    def referrer(way: list[tuple[str, str, str, int] | None]) -> dict[str, object] | None:
        if not way:
            return None
        if way[0] is None:  # an element of an array
            array = {"type": {"name": "[Ljava/lang/Object;"}, "address": 1, "description": None}
            inner = array | {"referrer": referrer(way[1:])}
            return {"object": inner, "array": {"index": 1}, "field": None}
        name, field, about, address = way[0]
        owner = {"type": {"name": name}, "description": about or None, "address": address}
        inner = owner | {"referrer": referrer(way[1:])}
        modifiers = 0x1A if field.isupper() else 0x12  # static final, or final
        return {"object": inner, "array": None, "field": {"name": field, "modifiers": modifiers}}

    events = [
        {
            "type": "jdk.OldObjectSample",
            "values": {"object": {"type": {"name": "[B"}, "referrer": referrer(way)}},
        }
        for way in ways
    ]
    return json.dumps({"recording": {"events": events}})


def test_a_way_leads_from_the_root_through_fields_and_static_fields_to_the_object(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    way: list[tuple[str, str, str, int] | None] = [
        ("java/nio/HeapByteBuffer", "hb", "", 5),
        None,
        ("java/util/ArrayList", "elementData", "Size: 2", 4),
        ("java/lang/Class", "KEPT", "Class Name: shop.Main$Kept", 3),
    ]
    monkeypatch.setattr(flight_recording, "told", lambda *_: kept(way, []))
    monkeypatch.setattr(flight_recording, "tool", lambda name: name)
    (tmp_path / "r").touch()
    with_way, without = Flight(1).objects(tmp_path / "r")
    assert with_way["way"] == [
        ("shop.Main$Kept", "KEPT", 3),
        ("java.util.ArrayList", "elementData", 4),
        ("java.nio.HeapByteBuffer", "hb", 5),
    ]
    assert "way" not in without
    # A static field of an object is another field at the same offset.
    mistaken: list[tuple[str, str, str, int] | None] = [("shop/Sessions$1", "COOKIE", "", 9)]
    monkeypatch.setattr(flight_recording, "told", lambda *_: kept(mistaken))
    assert Flight(1).objects(tmp_path / "r")[0]["way"] == [("shop.Sessions$1", "", 9)]
    long = [("shop/Item", "next", "", index) for index in range(300)]
    monkeypatch.setattr(flight_recording, "told", lambda *_: kept([*long]))
    assert len(Flight(1).objects(tmp_path / "r")[0]["way"]) == 200


def test_an_object_is_told_with_its_age(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    values = {
        "object": {"type": {"name": "[B"}},
        "startTime": "2026-11-30T22:49:28.376750323Z",
        "allocationTime": "2026-11-30T22:48:25.12Z",
    }
    told = {"recording": {"events": [{"type": "jdk.OldObjectSample", "values": values}]}}
    monkeypatch.setattr(flight_recording, "told", lambda *_: json.dumps(told))
    monkeypatch.setattr(flight_recording, "tool", lambda name: name)
    (tmp_path / "r").touch()
    assert Flight(1).objects(tmp_path / "r")[0]["age"] == pytest.approx(63.25675)


def test_ways_are_asked_for_only_where_they_are_wanted(tmp_path: Path) -> None:
    assert "path-to-gc-roots" not in Flight(1).dump(tmp_path)
    assert Flight(1).dump(tmp_path, ways=True).endswith(" path-to-gc-roots=true")


def test_half_as_many_frames_are_printed_from_then_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert depths_asked(32, monkeypatch, tmp_path / "r") == ["32 all", "32 all"]
    again = ["8 kept", "8 allocated"]
    first = ["32 all", "32 kept", "16 kept", *again]
    assert depths_asked(10, monkeypatch, tmp_path / "r") == [*first, *again]
    # What lives on is told also where allocations are too many.
    assert depths_asked(10, monkeypatch, tmp_path / "r", allocations=4) == [*first, *again]


def test_what_says_too_much_with_few_frames_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(TooMuchSaidError):
        depths_asked(7, monkeypatch, tmp_path / "r")


def test_a_command_that_says_too_much_is_ended_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jcmd, "MAX_BYTES", 1000)
    monkeypatch.setattr(jcmd, "_LOOK", 0.01)
    endless = [sys.executable, "-c", "while True: print('frame' * 100, flush=True)"]
    with pytest.raises(TooMuchSaidError, match="says more than"):
        jcmd.told(endless, "process 1")
    monkeypatch.setattr(jcmd, "PATIENCE", 0.05)
    with pytest.raises(TargetError, match="did not end within"):
        jcmd.told([sys.executable, "-c", "import time; time.sleep(60)"], "process 1")
    monkeypatch.setattr(jcmd, "PATIENCE", 60.0)
    assert jcmd.told([sys.executable, "-c", "print('ok')"], "process 1") == "ok\n"
