"""The capacity that a search found."""

from __future__ import annotations

import math
from collections.abc import Iterator

from soak.capacity.steps import Conclusion
from soak.comparison.run_view import Figure, RunView
from soak.model import INTERVAL_ERRORS


def capacity(view: RunView) -> Iterator[Figure]:
    """Yield the capacity in requests per second, with the error from its interval, if the search found one."""
    search = view.analysis.capacity
    if search is None or search.conclusion is not Conclusion.FOUND or search.bracket.held is None:
        return
    held, low, high = search.bracket.held, search.bracket.low, search.bracket.high
    # An unproven end of the interval is assumed to be as far from the capacity as the other end.
    down, up = (math.log(held / low) if low else 0.0), (math.log(high / held) if high else 0.0)
    width = down + up if low and high else 2 * max(down, up)
    yield Figure("", held, width / INTERVAL_ERRORS, 0.0, "requests/s")
