"""A flight recording that says too much is read with fewer frames."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from soak.sampling.profilers import flight_recording
from soak.sampling.profilers.flight_recording import Flight
from soak.sampling.profilers.jcmd import TooMuchSaidError

EVENTS = '{"recording": {"events": []}}'


def depths_asked(most: int, monkeypatch: pytest.MonkeyPatch, file: Path) -> list[str]:
    """The depths that two dumps are printed with by a tool that says too much beyond `most` frames."""
    asked: list[str] = []

    def told(command: Sequence[str], whom: str) -> str:
        asked.append(command[command.index("--stack-depth") + 1])
        if int(asked[-1]) > most:
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
    assert depths_asked(32, monkeypatch, tmp_path / "r") == ["32", "32"]
    assert depths_asked(10, monkeypatch, tmp_path / "r") == ["32", "16", "8", "8"]


def test_what_says_too_much_with_few_frames_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(TooMuchSaidError):
        depths_asked(7, monkeypatch, tmp_path / "r")
