"""Limits that must hold in a share of windows, such as p99 within 250 ms in 99% of minutes."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from soak.analysis.prepare.prepare import QUANTILES
from soak.analysis.prepare.request_groups import group_windows, of
from soak.analysis.rules.rule import RuleInput
from soak.model import Finding, Labels, RuleName, Verdict
from soak.profile import EndpointLimits
from soak.profile.windowed import ShareOfWindows, Windowed
from soak.units import show_amount, show_count, show_ratio, singular
from soak.windows import EndpointWindows

#: Share of a window that must have been recorded for it to count; one cut off by the end or a gap
#: does not.
WHOLE = 0.9
#: Requests below which a window has no share of errors. Convention: with fewer, one failure is over
#: a tenth.
LEAST_REQUESTS = 10
#: Tolerance for rounding: 99% of 200 windows allows exactly 2 bad ones.
_ROUNDING = 1e-9


def windowed_findings(asked: RuleInput) -> Iterator[Finding]:
    """Yield one finding per limit on a share of windows, for all requests and each endpoint, scenario and tag."""
    requests, start = asked.prepared.judged_requests(), asked.prepared.judged_from
    if requests is None:
        return
    windows = asked.prepared.windows()
    yield from _judged(requests, asked.limits, (), start)
    for endpoint in windows:
        own = asked.endpoint_limits.get(endpoint.endpoint)
        if own is not None:
            yield from _judged(endpoint, own, (("endpoint", endpoint.endpoint),), start)
    for group, together in group_windows(windows, asked.prepared.asked.groups):
        if group.limits is not None:
            yield from _judged(together, group.limits, ((group.kind, group.name),), start)


def _judged(
    windows: EndpointWindows, limits: EndpointLimits, labels: Labels, start: float
) -> Iterator[Finding]:
    for key, q in {"errors": None, **QUANTILES}.items():
        limit = getattr(limits, key)
        if isinstance(limit, Windowed):
            values = [_value(block, q) for block in _blocks(windows, start, limit.in_.seconds)]
            known = [value for value in values if value is not None]
            yield _finding(key, limit, known, len(values), labels)


def _blocks(windows: EndpointWindows, start: float, seconds: float) -> Iterator[EndpointWindows]:
    """Yield windows of `seconds` from the start of judging, each recorded as a whole."""
    end = float(windows.times[-1]) if len(windows.times) else start
    for number in range(math.ceil((end - start) / seconds)):
        block = windows.between(
            start + number * seconds, start + (number + 1) * seconds - _ROUNDING
        )
        if float(np.sum(block.seconds)) >= WHOLE * seconds:
            yield block


def _value(block: EndpointWindows, q: float | None) -> float | None:
    """Return the block's quantile, or its share of errors if `q` is None; None with too few requests."""
    ended, failed = int(block.requests.sum()), int(block.failures.sum())
    if q is None:
        return failed / ended if ended >= LEAST_REQUESTS else None
    return block.quantile(q) if ended - failed >= math.ceil(1 / (1 - q) - _ROUNDING) else None


def windows_needed(share: float) -> int:
    """Return the windows below which a share cannot be judged, because one bad window is already too many."""
    return math.ceil((1 - _ROUNDING) / (1 - share)) if share < 1 else 1


def _finding(key: str, limit: Windowed, values: list[float], whole: int, labels: Labels) -> Finding:
    wanted, count = limit.in_, len(values)
    bad = sum(value > limit.at for value in values)
    needed = windows_needed(wanted.share)
    allowed = math.floor((1 - wanted.share) * max(count, needed) + _ROUNDING)
    unit = "ratio" if key == "errors" else "seconds"
    what = "Errors" if key == "errors" else f"{key} latency"
    sentence = f"{of(labels)}{what} stayed within {show_amount(limit.at, unit)} in {count - bad:,} of {_counted(count, wanted)}"
    if bad > allowed:
        verdict, reason = (
            Verdict.FAIL,
            f"{sentence} ({show_ratio((count - bad) / count)}); {wanted.text} is wanted.",
        )
    elif count < needed:
        few = f" ({whole - count:,} more had too few requests)" if whole > count else ""
        verdict = Verdict.INCONCLUSIVE
        reason = f"{sentence}{few}: whether it does in {wanted.text} cannot be known from fewer than {needed:,}."
    else:
        verdict, reason = (
            Verdict.PASS,
            f"{sentence} ({show_ratio((count - bad) / count)}); {wanted.text} is wanted.",
        )
    rule = RuleName.ERRORS if key == "errors" else RuleName.LATENCY
    series = "http_request_error_ratio" if key == "errors" else f"http_request_{key}_seconds"
    observed = (count - bad) / count if count else None
    return Finding(rule, series, verdict, reason, labels, wanted.share, observed, "ratio")


def _counted(count: int, wanted: ShareOfWindows) -> str:
    length = wanted.text.rpartition(" ")[2]
    if length in ("minutes", "hours", "days"):
        return show_count(count, singular(length))
    return f"{show_count(count, 'window')} of {length}"
