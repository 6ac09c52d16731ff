"""A flight recording that says too much is read with fewer frames."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from soak.sampling.profilers import flight_recording
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
