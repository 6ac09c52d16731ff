"""Find a level that switches between two states (load on and off, a mode of the service), and return a column for it.

The states are the two clusters of what a straight line leaves: Otsu, A threshold selection method
from gray-level histograms (1979). The line that least squares fit through both states at once may
be far from their common slope, so the search starts from the slope whose rest forms the tightest
clusters. The log plausibility of the switching times is that of a two-state Markov chain: -n times
the entropy of a switch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soak.model import Floats

_ROUNDS = 6
_FEWEST_SWITCHES, _MOST_SWITCHES = 3, 0.25
_APART = 0.2
# A point between the states was cut by a switch if it lies this many standard deviations, and this
# part of the way, from its own state.
_CUT, _LEAST_CUT = 4.0, 0.01
# The median deviation of normal noise, in standard deviations, inverted.
_SPREAD_OF_MEDIAN = 1.4826
_SLOPES = np.linspace(-1.0, 1.0, 33)


def state_column(values: Floats, known: Floats) -> tuple[Floats, float] | None:
    """Return a column (n,) of 0 and 1 and its log plausibility; None if the values do not form two states.

    `known` are columns (n, q) that are fitted as well: levels, and growth in the last.
    """
    n = len(values)
    high = _first_guess(values, known)
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
    # Points that a switch cuts through pull the means.
    low_level, high_level = float(np.median(low_part)), float(np.median(high_part))
    part = (straight - low_level) / (high_level - low_level)
    return _with_cut_blocks(high, part), float(plausible)


def _first_guess(values: Floats, known: Floats) -> NDArray[np.bool_]:
    """Return which values are in the upper state, at the growth that leaves the two tightest clusters."""
    others = np.linalg.qr(known[:, :-1])[0]
    growth = known[:, -1]
    rises = _SLOPES * (np.ptp(values) / max(float(np.ptp(growth)), 1e-300))
    rests = values - rises[:, None] * growth
    rests = rests - (rests @ others) @ others.T
    uppers = [_upper(rest) for rest in rests]
    within = [
        sum(float(((part - part.mean()) ** 2).sum()) for part in (rest[~high], rest[high]))
        for rest, high in zip(rests, uppers, strict=True)
    ]
    return uppers[int(np.argmin(within))]


def _with_cut_blocks(high: NDArray[np.bool_], part: Floats) -> Floats:
    """Return the states as 0 and 1, with a value in between for a point that a switch cuts through.

    `part` (n,) is the position of each point between the states.
    """
    state = high.astype(np.float64)
    spread = _SPREAD_OF_MEDIAN * float(np.median(np.abs(part - state)))
    cut_at = max(_CUT * spread, _LEAST_CUT)
    edges = np.flatnonzero(high[1:] != high[:-1])
    for edge in edges:
        # Of the two points at a switch, the one that lies further from its state is the one cut
        # through, if any.
        cut = max((edge, edge + 1), key=lambda i: abs(part[i] - state[i]))
        if cut_at < part[cut] < 1 - cut_at:
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
