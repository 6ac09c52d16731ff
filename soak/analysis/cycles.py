"""A regular cycle in the level - a day's load, a nightly job, a compaction - found, and given as columns to leave out.

The period is the highest peak of the least-squares periodogram (Lomb 1976, Scargle 1982), which does not mind uneven times.
"""

from __future__ import annotations

import numpy as np

from soak.model import Floats

_CYCLES = np.arange(1.0, 40.0, 0.125)
_LEAST_SHARE = 0.2
_WAVES = (np.sin, np.cos)


def cycle_columns(times: Floats, values: Floats, known: Floats) -> Floats | None:
    """Sine and cosine of the strongest cycle and its first two harmonics, (n, 2 to 6); None where none stands out.

    `known` (n, q) are the columns to see past: levels, growth, a warm-up.
    """
    n, span = len(times), float(times[-1] - times[0])
    if n < 24:
        return None
    basis = np.linalg.qr(known)[0]
    rest = values - basis @ (basis.T @ values)
    total = float(rest @ rest)
    counts = _CYCLES[: int(np.searchsorted(_CYCLES, n / 5, side="right"))]
    turns = 2 * np.pi * (times - times[0]) / span
    power = _power(turns, counts, rest, basis)
    best = counts[int(np.argmax(power))]
    if not power.max() > _LEAST_SHARE * total:
        return None
    for reach in (0.125, 0.02, 0.003):
        close = best + np.linspace(-reach, reach, 13)
        best = close[int(np.argmin([_rest(_waves(turns, count, n), rest, basis) for count in close]))]
    return _waves(turns, best, n) / 2


def _waves(turns: Floats, count: float, n: int) -> Floats:
    """Sine and cosine of so many cycles and of the harmonics that n points can show, (n, 2 to 6)."""
    return np.column_stack(
        [wave(count * k * turns) for k in (1, 2, 3) if count * k <= n / 4 or k == 1 for wave in _WAVES]
    )


def _rest(waves: Floats, values: Floats, basis: Floats) -> float:
    """The sum of squares that the waves leave of values that are clear of the basis."""
    waves = waves - basis @ (basis.T @ waves)
    left = values - waves @ np.linalg.solve(waves.T @ waves + 1e-9 * np.eye(waves.shape[1]), waves.T @ values)
    return float(left @ left)


def _power(turns: Floats, counts: Floats, rest: Floats, basis: Floats) -> Floats:
    """How much of the sum of squares a sine and a cosine explain, for each number of cycles."""
    angles = turns[:, None] * counts
    s, c = np.sin(angles), np.cos(angles)
    s, c = s - basis @ (basis.T @ s), c - basis @ (basis.T @ c)
    ss, cc, sc = (np.einsum("nk,nk->k", a, b) for a, b in ((s, s), (c, c), (s, c)))
    sy, cy = rest @ s, rest @ c
    det = ss * cc - sc**2
    usable = det > 0.01 * len(rest) ** 2 / 4
    return np.where(usable, (sy**2 * cc - 2 * sy * cy * sc + cy**2 * ss) / np.where(usable, det, 1.0), 0.0)
