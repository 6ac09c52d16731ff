"""What bounds a series, as another series tells it: a capacity, or a limit."""

from __future__ import annotations

import numpy as np

from soak.analysis.prepare.prepare import Prepared
from soak.model import Series

#: From here on a bound is none: Go says "no limit" as the largest integer there is.
UNLIMITED = 2.0**60


def bound_of(prepared: Prepared, name: str, series: Series) -> float | None:
    """The last value of the series that holds a bound, of the same labels where there is one; None where it has none."""
    candidates = prepared.named(name)
    best = next(
        (candidate for candidate in candidates if candidate.labels == series.labels),
        candidates[0] if len(candidates) == 1 else None,
    )
    known = best.values[np.isfinite(best.values)] if best is not None else np.empty(0)
    last = float(known[-1]) if len(known) else 0.0
    return last if 0 < last < UNLIMITED else None
