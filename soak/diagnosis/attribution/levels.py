"""Levels: what lasts of a series, or is held at a place, at times, and how much of it each endpoint adds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from soak.analysis.prepare.prepare import Prepared
from soak.diagnosis.attribution.attribution import EVERY, Amount, Attribution, attribute
from soak.diagnosis.attribution.retained_level import retained_levels
from soak.diagnosis.attribution.site_growth import slope_and_error
from soak.diagnosis.thresholds import ALIKE_SHARE, LEAST_SNAPSHOTS
from soak.model import Floats, Series


@dataclass(frozen=True, eq=False)
class Levels:
    """A level to be told apart: values at times, with requests done by then."""

    times: Floats
    values: Floats
    requests: Floats
    borders: tuple[float, ...] = field(default=())


def levels_of(prepared: Prepared, series: Series) -> Levels | None:
    """What lasts of a series over the judged stretch; None with too few samples."""
    times, values = retained_levels(prepared, series)
    if len(times) < LEAST_SNAPSHOTS:
        return None
    return Levels(times, values, requests_at(prepared, times), tuple(prepared.cuts(series)))


def requests_at(prepared: Prepared, times: Floats) -> Floats:
    """Requests done by each time; the times themselves where requests were not counted."""
    done = prepared.requests
    return (
        np.interp(times, done.times, done.values) if done is not None and len(done.times) else times
    )


def attribute_by_endpoint(
    prepared: Prepared, levels: Levels, key: str, unit: str, *, integer: bool = False
) -> Attribution:
    """A level by endpoint; one endpoint alone needs no telling apart."""
    windows = [endpoint for endpoint in prepared.windows() if endpoint.requests.sum() > 0]
    if len(windows) == 1 and np.ptp(levels.requests) > 0:
        slope, error = slope_and_error(levels.requests, levels.values)
        amount = Amount(windows[0].endpoint, slope, slope - error, slope + error, 1.0)
        return Attribution(key, unit, (amount,))
    return attribute(
        levels.times,
        levels.values,
        prepared.recording.windows,
        key=key,
        unit=unit,
        integer=integer,
        borders=levels.borders,
    )


def contributors(told: Attribution) -> tuple[Amount, ...]:
    """The endpoints that surely add to a level; one that stands for all where every request costs alike."""
    if told.refused is not None:
        return ()
    each = [amount.per_request for amount in told.amounts]
    if told.contributors and len(each) > 2 and min(each) >= ALIKE_SHARE * max(each):
        return (told.every or _alike(told),)
    return told.contributors


def _alike(told: Attribution) -> Amount:
    """What every endpoint adds, by the one that is known best."""
    best = min(told.contributors, key=lambda amount: amount.high - amount.low)
    return replace(best, endpoint=EVERY, share=1.0)
