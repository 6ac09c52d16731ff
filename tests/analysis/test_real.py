"""Recordings of real services, healthy and leaking, made by tests/bench/record_real.py; none was used to tune a threshold."""

from pathlib import Path

import pytest

from soak.analysis import analyze
from soak.formats import read_recording
from soak.model import Verdict
from soak.profile import Limits

RECORDINGS = sorted((Path(__file__).parents[1] / "data" / "real").glob("*.csv.gz"))
HEALTHY = {"healthy", "stream", "cache", "none"}
LEAKS = {
    "memory": "process_resident_memory_bytes",
    "slowmemory": "process_resident_memory_bytes",
    "goroutine": "go_goroutines",
    "descriptor": "process_open_fds",
    "descriptors": "process_open_fds",
    "pool": "db_pool_connections_in_use",
}


def test_the_set_holds_every_kind() -> None:
    kinds = {path.name.split("-")[1] for path in RECORDINGS}
    assert kinds == HEALTHY | LEAKS.keys()


#: Of these kinds one recording is a fast test; of the others all are thorough.
FAST = {"none", "healthy", "memory", "goroutine", "pool"}


def smallest_of_its_kind(path: Path) -> bool:
    """Whether no smaller recording shows the same: those alone are fast tests."""
    kind = path.name.split("-")[1]
    if kind not in FAST:
        return False
    alike = [other for other in RECORDINGS if other.name.split("-")[1] == kind]
    return path == min(alike, key=lambda other: other.stat().st_size)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(
            path,
            marks=() if smallest_of_its_kind(path) else pytest.mark.thorough,
            id=path.name.removesuffix(".csv.gz"),
        )
        for path in RECORDINGS
    ],
)
def test_a_real_recording_gets_the_verdict_it_deserves(path: Path) -> None:
    analysis = analyze(read_recording(path), Limits(), judge_unknown=True)
    failing = {finding.series for finding in analysis.findings if finding.verdict is Verdict.FAIL}
    kind = path.name.split("-")[1]
    if kind in HEALTHY:
        assert analysis.verdict is Verdict.PASS, analysis.reason
    else:
        assert analysis.verdict is Verdict.FAIL, analysis.reason
        assert LEAKS[kind] in failing, analysis.reason
