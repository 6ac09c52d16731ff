"""Drift: does a steady load cost more and more? Applies the growth engine to latency, errors, throughput and CPU.

A single window's 99th percentile at a modest rate is little more than its slowest request, so
windows are merged into blocks that each hold enough requests for the requested quantile. The
reported change is that of the fitted level over the steady phase, as a share of its initial value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from soak.analysis.prepare.prepare import QUANTILES, Prepared
from soak.analysis.rules.more_time import more_seconds, more_would_tell
from soak.analysis.rules.other_programs import crowding_of
from soak.analysis.rules.rule import RuleInput
from soak.analysis.statistics.growth_input import Subject
from soak.analysis.statistics.trend import fit_trend
from soak.analysis.thresholds import CERTAIN, WARMUP_SECONDS
from soak.catalog.process import CPU_SECONDS
from soak.model import Finding, Floats, RuleName, Series, Trend, Verdict
from soak.units import capitalized, show_duration, show_ratio
from soak.windows import EndpointWindows

_MOST_BLOCKS, _FEWEST_BLOCKS = 240, 20
#: Requests per block beyond a quantile, on average: with fewer, the quantile is the noise of one
#: slow request.
_BEYOND = 3
#: Without a limit, p99 must certainly rise by this share of itself to be a finding at all; at the
#: beginning of `WARMUP_SECONDS` by this share, and by so many seconds. In the first minutes JITs,
#: caches and pools are not warm, and 1.4 ms more may be another program's work on the machine.
_NOTABLE, _NOTABLE_AT_FIRST, _NOTABLE_SECONDS = 0.2, 1.0, 0.005


def drift_findings(asked: RuleInput) -> Iterator[Finding]:
    """Yield one finding for each `drift` limit; without a limit on p99, a fail if p99 certainly climbs."""
    prepared, limits = asked.prepared, asked.limits
    for key, limit in limits.drift.items():
        yield _unless_crowded(prepared, key, _against_limit(prepared, key, limit))
    if "p99" in limits.drift or crowding_of(prepared) is not None:
        return
    climb = _climb(prepared)
    if climb is not None:
        trend, change, measured = climb
        reason = f"p99 latency climbs steadily: by {measured} over {_steady(prepared)}, under the same load."
        name = _series_of("p99")
        yield Finding(RuleName.DRIFT, name, Verdict.FAIL, reason, (), None, change, "ratio", trend)


def drift_warnings(asked: RuleInput, _findings: Sequence[Finding]) -> Iterator[str]:
    """Yield a warning if p99 certainly climbs, but other programs took the processors meanwhile."""
    prepared = asked.prepared
    crowding = crowding_of(prepared) if "p99" not in asked.limits.drift else None
    climb = _climb(prepared) if crowding is not None else None
    if crowding is not None and climb is not None:
        _, _, measured = climb
        yield (
            f"p99 latency rose by {measured} over {_steady(prepared)}, but {crowding.sentence}: "
            "whether the target itself became slower cannot be told."
        )


def _climb(prepared: Prepared) -> tuple[Trend, float, str] | None:
    """Return trend, change and its interval in words if p99 certainly climbs by a notable amount; else None."""
    trend, _ = _trend(prepared, "p99")
    if trend is None or trend.p_no_growth > CERTAIN or not math.isfinite(trend.slope_low):
        return None
    low, change, high = _change(prepared, trend)
    youth = max(0.0, 1.0 - prepared.loaded_seconds / WARMUP_SECONDS)
    if low < _notable(youth) or low * _start(prepared, trend) < _NOTABLE_SECONDS * youth:
        return None
    return trend, change, f"{show_ratio(change)} ({show_ratio(low)} to {show_ratio(high)})"


def _unless_crowded(prepared: Prepared, key: str, finding: Finding) -> Finding:
    """Make a failing drift of latency inconclusive if other programs took the processors meanwhile."""
    if finding.verdict is not Verdict.FAIL or key not in QUANTILES:
        return finding
    crowding = crowding_of(prepared)
    if crowding is None:
        return finding
    reason = f"{finding.reason.rstrip('.')}; but {crowding.sentence}."
    return finding.adjusted("other programs", Verdict.INCONCLUSIVE, reason)


def _against_limit(prepared: Prepared, key: str, limit: float) -> Finding:
    noun, name = _NOUNS.get(key, f"{key} latency"), _series_of(key)
    trend, doubt = _trend(prepared, key)
    if trend is None or not math.isfinite(trend.slope_high):
        why = doubt or (trend.doubt if trend else None) or "it was not recorded"
        return Finding(
            RuleName.DRIFT,
            name,
            Verdict.INCONCLUSIVE,
            f"Drift of {noun} cannot be judged: {why}.",
            (),
            limit,
            None,
            "ratio",
        )
    low, change, high = _change(prepared, trend)
    sentence = f"{noun} changed by {show_ratio(change)} ({show_ratio(low)} to {show_ratio(high)}) over {_steady(prepared)}"
    sentence, longer = capitalized(sentence), None
    if low > limit:
        verdict, sentence = (
            Verdict.FAIL,
            f"{sentence}; {show_ratio(limit)} for the worse is allowed.",
        )
    elif high <= limit:
        verdict, sentence = (
            Verdict.PASS,
            f"{sentence}; {show_ratio(limit)} for the worse is allowed.",
        )
    else:
        longer = _longer(prepared, low, change, high, limit)
        verdict, sentence = (
            Verdict.INCONCLUSIVE,
            f"{sentence}, and {show_ratio(limit)} for the worse is allowed; {more_would_tell(longer)}.",
        )
    return Finding(
        RuleName.DRIFT,
        name,
        verdict,
        sentence,
        (),
        limit,
        change,
        "ratio",
        trend,
        more_seconds=longer,
    )


def _longer(prepared: Prepared, low: float, change: float, high: float, limit: float) -> float:
    """Return how many seconds more decide: a change over the whole stretch is a slope times its length."""
    as_slope = Trend(change, low, high, 0.0, None, 0.0)
    return more_seconds(as_slope, [limit], prepared.judged_seconds)


_NOUNS = {
    "errors": "the share of failed requests",
    "rate": "throughput (downwards)",
    "cpu": "CPU time per request",
}


def _series_of(key: str) -> str:
    names = {
        "errors": "http_request_error_ratio",
        "rate": "http_requests_per_second",
        "cpu": CPU_SECONDS,
    }
    return names.get(key, f"http_request_{key}_seconds")


def _steady(prepared: Prepared) -> str:
    return show_duration(prepared.judged_seconds)


def _trend(prepared: Prepared, key: str) -> tuple[Trend | None, str | None]:
    """Return the trend of one quantity in blocks, or None and the reason if there is too little data."""
    windows = prepared.judged_requests()
    if windows is None:
        return None, "no requests were recorded"
    if key in QUANTILES:
        q = QUANTILES[key]
        wanted = _BEYOND / (1 - q)
        done = int((windows.requests - windows.failures).sum())
        blocks = min(_MOST_BLOCKS, len(windows.times), int(done / wanted))
        if blocks < _FEWEST_BLOCKS:
            return (
                None,
                f"{done:,} successful requests are too few: at least {_FEWEST_BLOCKS * wanted:,.0f} are needed",
            )
        begins, ends = windows.times - windows.seconds, windows.times
        rows = [(part[0], part[-1]) for part in np.array_split(np.arange(len(ends)), blocks)]
        quantiles = [windows.between(begins[first], ends[last]).quantile(q) for first, last in rows]
        values = np.array([np.nan if value is None else value for value in quantiles])
        times = np.array([(begins[first] + ends[last]) / 2 for first, last in rows])
    else:
        times, values = _other(prepared, windows, key)
    if len(times) < _FEWEST_BLOCKS:
        return None, "too little of it was recorded"
    series = Series(_series_of(key), times, values)
    return fit_trend(Subject(series, key, "seconds", judged_from=prepared.judged_from)), None


def _other(prepared: Prepared, windows: EndpointWindows, key: str) -> tuple[Floats, Floats]:
    """Return error share, throughput (negated: less is worse) or CPU seconds per request, window by window."""
    with np.errstate(invalid="ignore", divide="ignore"):
        if key == "errors":
            return windows.times, windows.failures / windows.requests
        rate = windows.requests / windows.seconds
        if key == "rate":
            return windows.times, -rate
        cpu = next(iter(prepared.named(CPU_SECONDS)), None)
        if cpu is None or not len(windows.times):
            return np.array([]), np.array([])
        inside = cpu.times >= prepared.judged_from
        done = np.interp(cpu.times[inside], windows.times, rate)
        return cpu.times[inside], cpu.values[inside] / np.where(done > 0, done, np.nan)


def _notable(youth: float) -> float:
    """Return by which share p99 must rise; `youth` (1 to 0) is the share of the warm-up's time that is left."""
    return _NOTABLE + (_NOTABLE_AT_FIRST - _NOTABLE) * youth


def _start(prepared: Prepared, trend: Trend) -> float:
    """Return the level at the start of the judged stretch."""
    return abs(trend.level - trend.slope_per_hour * prepared.judged_seconds / 3600)


def _change(prepared: Prepared, trend: Trend) -> tuple[float, float, float]:
    """Return low, middle and high of the change over the judged stretch, as a share of the level at its start."""
    hours = prepared.judged_seconds / 3600
    scale = hours / max(_start(prepared, trend), 1e-12)
    return trend.slope_low * scale, trend.slope_per_hour * scale, trend.slope_high * scale
