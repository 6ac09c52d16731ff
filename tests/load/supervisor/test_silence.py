"""A load that falls silent, or does not end, is broken within a bound."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from soak.load.supervisor import load_process
from soak.load.supervisor.load_process import LoadProcess
from soak.model import Event
from soak.windows import Window
from tests.load.supervisor.test_load_process import OK, plan
from tests.sampling.serving import serving

#: Ends a test that hangs, in seconds.
PATIENCE = 120.0


def test_a_load_that_is_stopped_is_an_event_and_then_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_process, "SILENT_SECONDS", 1.0)
    monkeypatch.setattr(load_process, "BROKEN_SECONDS", 6.0)
    windows: list[Window] = []
    events: list[Event] = []
    with serving(OK) as url:
        asked = plan(url, "rate: 20/s, duration: 1h")
        load = LoadProcess(
            asked, time.monotonic(), tmp_path / "load.log", windows.append, events.append
        )
        load.start(PATIENCE)
        assert load._process is not None
        os.kill(load._process.pid, signal.SIGSTOP)
        assert load.wait(PATIENCE)
        load.stop()
    assert load.failure is not None
    assert "sent no window for" in load.failure
    assert any("has sent no window" in event.text for event in events)


def test_a_load_that_does_not_end_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_process, "OVERTIME_SECONDS", -3600.0)
    with serving(OK) as url:
        load = LoadProcess(
            plan(url, "rate: 20/s, duration: 1h"),
            time.monotonic(),
            tmp_path / "load.log",
            lambda _: None,
        )
        load.start(PATIENCE)
        assert load.wait(PATIENCE)
        load.stop()
    assert load.failure is not None
    assert "did not end within" in load.failure


@pytest.mark.parametrize(
    ("interval", "expected"), [(1.0, 30.0), (3.0, 30.0), (5.0, 50.0), (15.0, 150.0)]
)
def test_how_long_silence_may_last(interval: float, expected: float) -> None:
    assert LoadProcess._patience(interval) == expected
