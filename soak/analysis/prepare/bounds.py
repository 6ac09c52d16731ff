"""The capacity or limit of a series, read from another series."""

from __future__ import annotations

from soak.analysis.prepare.prepare import Prepared
from soak.model import Series

#: A value from here on means "no limit": Go reports the largest integer there is.
UNLIMITED = 2.0**60


def bound_of(prepared: Prepared, name: str, series: Series) -> float | None:
    """Return the last finite value of the series `name`, which holds the bound of `series`; None if there is no bound.

    The series with the same labels is used, or else the only one of that name.
    """
    candidates = prepared.named(name)
    best = next(
        (candidate for candidate in candidates if candidate.labels == series.labels),
        candidates[0] if len(candidates) == 1 else None,
    )
    last = best.last if best is not None else None
    return last if last is not None and 0 < last < UNLIMITED else None
