"""Choose series by name, as the user asked, in formats that have no columns."""

from __future__ import annotations

from soak.catalog.container import CONTAINER_START_TIME
from soak.catalog.process import START_TIME
from soak.formats.content import Content
from soak.formats.format import Options, RawSeries, Reading, refuse
from soak.model import label_pairs, series_key

#: Series named in an error message.
_NAMED = 12
#: Start times are always kept: samples before and after a restart belong to different processes.
_KEPT = (START_TIME, CONTAINER_START_TIME)


def choose(content: Content, reading: Reading, options: Options) -> None:
    """Keep the series that `only` names and `without` does not; raise InputError for a name that no series has."""
    named = [series for series in reading.series if not series.column]
    known = {name for series in named for name in _names(series)}
    for name in (*options.only, *options.without) if named else ():
        if name not in known:
            there = ", ".join(dict.fromkeys(series.name for series in named[:_NAMED]))
            raise refuse(content, f"has no series {name}; there is {there}")

    def kept(series: RawSeries) -> bool:
        if series.column or series.name in _KEPT:
            return True
        names = _names(series)
        return (not options.only or not names.isdisjoint(options.only)) and names.isdisjoint(
            options.without
        )

    reading.series = [series for series in reading.series if kept(series)]
    reading.asked = frozenset((*options.only, *options.limited))


def _names(series: RawSeries) -> set[str]:
    """Return a series' name without and with its labels."""
    return {series.name, series_key(series.name, label_pairs(series.labels))}
