"""What is said where nothing of the target is known."""

import numpy as np

from soak.analysis import analyze
from soak.profile import Limits
from tests.analysis.recordings import SECONDS, gauge, noise, recording

T = np.arange(SECONDS)
UNKNOWN = (
    gauge("app_heap_used", 1e8 + 1e5 * T),
    gauge("app_worker_threads", 7),
    gauge("app_temperature", 20.0),
)


def advice(*series: object, limits: Limits | None = None) -> list[str]:
    analysis = analyze(recording(*series), limits or Limits())  # type: ignore[arg-type]
    return [text for text in analysis.warnings if " looks like " in text]


def test_series_that_look_like_resources_are_named_with_what_they_did_and_a_limit() -> None:
    heap, threads = advice(*UNKNOWN)
    assert heap == (
        "app_heap_used looks like memory in bytes, and went from 100,000,000 to 129,900,000; "
        "limits: {growth: {app_heap_used: 1MiB/h}} would have it judged"
    )
    assert threads.startswith("app_worker_threads looks like threads, and stayed at 7;")


def test_beside_a_known_resource_nothing_is_advised() -> None:
    assert advice(*UNKNOWN, gauge("process_resident_memory_bytes", 5e7 + noise(2e4))) == []


def test_a_limit_on_what_was_never_recorded_is_no_resource() -> None:
    assert len(advice(*UNKNOWN, limits=Limits.model_validate({"growth": {"app_heap": "0/h"}}))) == 2
