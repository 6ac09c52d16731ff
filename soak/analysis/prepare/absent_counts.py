"""Numbers by type of which a page shows those types alone that are there: a type that is missing is 0, not unknown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from soak.catalog.node import COUNTED_BY_TYPE
from soak.model import Floats, Series


def with_absent_counts(recorded: Iterable[Series]) -> Iterator[Series]:
    """Yield all series; a number by type is 0 where its page showed only other types."""
    every = list(recorded)
    for series in every:
        if series.name not in COUNTED_BY_TYPE:
            yield series
            continue
        # The page was read whenever any series of the same process and source was there.
        page = [
            other.times
            for other in every
            if (other.source, other.instance) == (series.source, series.instance)
        ]
        yield _filled(series, np.unique(np.concatenate(page)))


def _filled(series: Series, times: Floats) -> Series:
    values = np.zeros(len(times))
    values[np.searchsorted(times, series.times)] = series.values
    return replace(series, times=times, values=values)
