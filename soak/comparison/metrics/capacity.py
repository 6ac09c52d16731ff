"""The capacity that a search found."""

from __future__ import annotations

import math
from collections.abc import Iterator

from soak.capacity.steps import Conclusion
from soak.comparison.run_view import Figure, RunView

#: Standard errors from end to end of a 95% interval.
WIDTH = 3.92


def capacity(view: RunView) -> Iterator[Figure]:
    """The capacity in requests per second, with the error that its interval tells; of a search that found one alone."""
    found = view.analysis.capacity
    if found is None or found.conclusion is not Conclusion.FOUND or found.bracket.held is None:
        return
    held, low, high = found.bracket.held, found.bracket.low, found.bracket.high
    # An end that nothing proved is as far from the capacity as the other one.
    down, up = (math.log(held / low) if low else 0.0), (math.log(high / held) if high else 0.0)
    width = down + up if low and high else 2 * max(down, up)
    yield Figure("", held, width / WIDTH, 0.0, "requests/s")
