"""A flight recording that says too much is read with fewer frames."""

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
