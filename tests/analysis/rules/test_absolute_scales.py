"""Young services, overloaded targets and few collections: growth that a short run cannot tell from a warm-up."""

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.thresholds import EVEN_THIRDS, WARMUP_EVEN_RISE, WARMUP_RISE, WARMUP_SECONDS
from soak.model import Finding, Verdict
from soak.profile import Limits
from tests.analysis.recordings import SECONDS, gauge, noise, recording

RSS = "process_resident_memory_bytes"
TIMES = np.arange(SECONDS)
YOUTH = 1.0 - SECONDS / WARMUP_SECONDS


def resident(share: float, bend: float = 1.0) -> Finding:
    """Resident memory that rises by a share of its level in a run of five minutes."""
    shape = (TIMES / SECONDS) ** bend
    run = recording(gauge(RSS, 50e6 * (1 + share * shape) + noise(1e4)))
    [finding] = [finding for finding in analyze(run, Limits()).findings if finding.series == RSS]
    return finding


@pytest.mark.parametrize(("factor", "expected"), [(0.7, Verdict.INCONCLUSIVE), (1.5, Verdict.FAIL)])
def test_an_even_rise_of_a_young_service_fails_beyond_its_warm_up(
    factor: float, expected: Verdict
) -> None:
    finding = resident(factor * WARMUP_EVEN_RISE * YOUTH)
    assert finding.verdict is expected, finding.reason
    if expected is Verdict.INCONCLUSIVE:
        assert "warm-up may explain" in finding.reason


def test_an_uneven_rise_must_be_larger() -> None:
    assert WARMUP_RISE > WARMUP_EVEN_RISE
    assert 0 < EVEN_THIRDS < 1
    assert resident(0.6 * WARMUP_RISE * YOUTH, bend=2.0).verdict is not Verdict.FAIL
