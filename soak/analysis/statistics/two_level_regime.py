"""Find a level that switches between two states (load on and off, a mode of the service), and return a column for it.

The states are the two clusters of what a straight line leaves: Otsu, A threshold selection method
from gray-level histograms (1979). The log plausibility of the switching times is that of a
two-state Markov chain: -n times the entropy of a switch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soak.model import Floats

_ROUNDS = 6
_FEWEST_SWITCHES, _MOST_SWITCHES = 3, 0.25
_APART = 0.2
_CUT = 0.2


def state_column(values: Floats, known: Floats) -> tuple[Floats, float] | None:
    """Return a column (n,) of 0 and 1 and its log plausibility; None if the values do not form two states.

    `known` are columns (n, q) that are fitted as well: levels and growth.
    """
    n = len(values)
    basis = np.linalg.qr(known)[0]
    rest = values - basis @ (basis.T @ values)
    high = _upper(rest)
    for _ in range(_ROUNDS):
        design: Floats = np.column_stack((known, high)).astype(np.float64)
        fit = np.linalg.lstsq(design, values, rcond=None)[0]
        straight = values - known @ fit[:-1]
        again = _upper(straight)
        if (again == high).all():
            break
        high = again
    low_part, high_part = straight[~high], straight[high]
    within = float(
        ((low_part - low_part.mean()) ** 2).sum() + ((high_part - high_part.mean()) ** 2).sum()
    )
    switches = int((high[1:] != high[:-1]).sum())
    if not _FEWEST_SWITCHES <= switches <= _MOST_SWITCHES * n:
        return None
    if within > _APART * float(((straight - straight.mean()) ** 2).sum()):
        return None
    share = switches / n
    plausible = n * (share * np.log(share) + (1 - share) * np.log1p(-share))
    part = (straight - low_part.mean()) / (high_part.mean() - low_part.mean())
    return _with_cut_blocks(high, part), float(plausible)


def _with_cut_blocks(high: NDArray[np.bool_], part: Floats) -> Floats:
    """Return the states as 0 and 1, with a value in between for a point that a switch cuts through.

    `part` (n,) is the position of each point between the states.
    """
    state = high.astype(np.float64)
    edges = np.flatnonzero(high[1:] != high[:-1])
    for edge in edges:
        # Of the two points at a switch, the one that lies further from its state is the one cut
        # through, if any.
        cut = max((edge, edge + 1), key=lambda i: abs(part[i] - state[i]))
        if _CUT < part[cut] < 1 - _CUT:
            state[cut] = part[cut]
    return state


def _upper(values: Floats) -> NDArray[np.bool_]:
    """Return which values lie in the upper of two clusters, by the threshold with the largest variance between them."""
    order = np.sort(values)
    n = len(order)
    below = np.arange(1, n)
    total = np.cumsum(order)
    between = (
        (total[:-1] / below - (total[-1] - total[:-1]) / (n - below)) ** 2 * below * (n - below)
    )
    cut = int(np.argmax(between))
    return np.asarray(values > order[cut])
