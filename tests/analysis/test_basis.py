"""What a verdict rests on, in words with the run's own figures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.model import Basis, Ending, Event, EventKind, Recording
from soak.profile import Limits
from tests.analysis.recordings import SECONDS, gauge, health, noise, recording, windows

MEMORY = gauge("process_resident_memory_bytes", 50e6 + noise(2e4))
LEAK = gauge("process_resident_memory_bytes", 50e6 + 20000.0 * np.arange(SECONDS) + noise(2e4))
HEAP = gauge("go_memstats_heap_live_bytes", 30e6 + noise(2e4))


def basis_of(made: Recording, warmup: float = 0.0, **limits: Any) -> Basis:
    basis = analyze(made, Limits.model_validate(limits), warmup=warmup).basis
    assert basis is not None
    return basis


def test_five_steps_lead_to_the_verdict_with_the_runs_figures() -> None:
    two = [windows("GET /a", requests=10), windows("GET /b", requests=10, failures=1)]
    polled = [replace(health(failing=[4, 5]), worst_late=0.25)]
    basis = basis_of(recording(LEAK, requests=two, sources=polled), warmup=30, p99="1s")
    steps = dict(basis.steps)
    assert list(steps) == ["Load", "Samples", "Warm-up", "Rules", "Verdict"]
    assert steps["Load"].startswith("6,000 requests to 2 endpoints in 5 min, 300 failed (5%).")
    assert (
        steps["Samples"]
        == "1 series of 1 source, asked 300 times: 2 without an answer, the latest 250 ms late."
    )
    assert steps["Warm-up"].startswith(
        "The first 30 s were left out as the profile says; 4.5 min were judged."
    )
    assert steps["Rules"].startswith(
        "1 series judged for growth, with a 95% interval each. Would it last 30 days"
    )
    assert steps["Verdict"].endswith("one proven fail is enough, whatever else is open, so fail.")
    assert basis.sources == tuple(polled)


@pytest.mark.parametrize(
    ("made", "decided"),
    [
        (recording(MEMORY), "all of them passed, so pass."),
        (recording(MEMORY, ended=Ending.INTERRUPTED), "the run did not go to its end"),
        (
            recording(MEMORY, sources=[health(failing=range(200))]),
            "what is open keeps it from a pass, so inconclusive.",
        ),
    ],
)
def test_the_last_step_says_what_decided(made: Recording, decided: str) -> None:
    assert decided in dict(basis_of(made).steps)["Verdict"]


def test_what_was_not_watched_is_said_with_how_to_change_it() -> None:
    python = replace(recording(MEMORY).run, language="Python")
    lost = health("prometheus", failing=range(SECONDS), error="answered 503")
    two = [windows("GET /a"), windows("GET /b")]
    said = basis_of(
        replace(recording(MEMORY, requests=two, sources=[health(), lost]), run=python)
    ).unwatched
    assert said[0] == "prometheus never answered: answered 503."
    assert "from outside alone" in said[1]
    assert "`--diagnose` takes them; for Python, " in said[2]
    assert "`--attribute` varies the mix" in said[3]
    assert len(said) == 4
    mixed = [Event(0.0, EventKind.MIX, "varied")]
    seen = basis_of(recording(MEMORY, HEAP, requests=two, events=mixed)).unwatched
    assert [text.partition(":")[0] for text in seen] == ["Its heap from within"]
    assert basis_of(recording()).unwatched[0].startswith("Nothing of the target")


def test_of_a_file_no_load_is_said_and_nothing_is_advised() -> None:
    file = replace(recording(MEMORY, requests=[], sources=[]), phases=())
    basis = basis_of(file)
    assert dict(basis.steps)["Load"] == "None was made: this is a recording of 5 min."
    assert basis.unwatched == ()
