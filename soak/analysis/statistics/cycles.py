"""Find a regular cycle in the level (a day's load, a nightly job, a compaction) and return columns that remove it.

The period is the highest peak of the least-squares periodogram (Lomb 1976, Scargle 1982), which
allows uneven times.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soak.model import Floats

_FEWEST = 0.9
_CYCLES = np.arange(_FEWEST, 40.0, 0.125)
_LEAST_SHARE = 0.2
_HOPELESS = 1.5
_HARMONICS = (1, 2, 3, 6)
_WAVES = (np.sin, np.cos)


def cycle_columns(times: Floats, values: Floats, known: Sequence[Floats]) -> list[Floats]:
    """Return sine and cosine of the strongest cycle and its harmonics, (n, 2 to 12), for each known set of columns.

    `known` are sets of columns (n, q) that are fitted first: levels alone, or growth and warm-up
    too. Over few cycles these lead to different periods, and for a fair comparison each set gets
    its own. Equal periods appear once. The list is empty if no cycle stands out.
    """
    fitted: list[Floats] = []
    counts: list[float] = []
    least = min(_left(values, columns) for columns in known)
    for columns in known:
        basis = np.linalg.qr(columns)[0]
        rest = values - basis @ (basis.T @ values)
        turns = 2 * np.pi * (times - times[0]) / float(times[-1] - times[0])
        count = _strongest(turns, rest, basis)
        if count is not None and all(abs(count - other) > 0.01 for other in counts):
            waves = _waves(turns, count, _harmonics(turns, count, rest, basis))
            if _rest(waves, rest, basis) < _HOPELESS * least:
                counts.append(count)
                fitted.append(waves / 2)
    return fitted


def _strongest(turns: Floats, rest: Floats, basis: Floats) -> float | None:
    """Return the number of cycles over the run that explains most of the residual, to about a thousandth, or None."""
    n = len(rest)
    counts = _CYCLES[: int(np.searchsorted(_CYCLES, n / 5, side="right"))]
    if n < 24 or not len(counts):
        return None
    power = _power(turns, counts, rest, basis)
    best = float(counts[int(np.argmax(power))])
    if not power.max() > _LEAST_SHARE * float(rest @ rest):
        return None
    few = 1 if best < 2 else 3
    for reach in (0.125, 0.02, 0.003):
        close = np.maximum(best + np.linspace(-reach, reach, 13), _FEWEST)
        best = float(
            close[
                int(np.argmin([_rest(_waves(turns, count, few), rest, basis) for count in close]))
            ]
        )
    return best


def _harmonics(turns: Floats, count: float, rest: Floats, basis: Floats) -> int:
    """Return how many harmonics justify their columns: Schwarz, Estimating the dimension of a model (1978)."""
    n = len(rest)
    most = [h for h in _HARMONICS if h == 1 or (count >= 2 and h * count <= n / 4)]
    costs = [
        n * np.log(_rest(_waves(turns, count, h), rest, basis) + 1e-12) + 2 * h * np.log(n)
        for h in most
    ]
    return most[int(np.argmin(costs))]


def _waves(turns: Floats, count: float, harmonics: int) -> Floats:
    """Return sine and cosine of `count` cycles over the run and of their harmonics, (n, 2 * harmonics)."""
    return np.column_stack(
        [wave(count * k * turns) for k in range(1, harmonics + 1) for wave in _WAVES]
    )


def _left(values: Floats, columns: Floats) -> float:
    """Return the residual sum of squares after a fit of the columns alone."""
    basis = np.linalg.qr(columns)[0]
    rest = values - basis @ (basis.T @ values)
    return float(rest @ rest)


def _rest(waves: Floats, values: Floats, basis: Floats) -> float:
    """Return the residual sum of squares after a fit of the waves; `values` must be orthogonal to the basis."""
    waves = waves - basis @ (basis.T @ waves)
    left = values - waves @ np.linalg.solve(
        waves.T @ waves + 1e-9 * np.eye(waves.shape[1]), waves.T @ values
    )
    return float(left @ left)


def _power(turns: Floats, counts: Floats, rest: Floats, basis: Floats) -> Floats:
    """Return how much of the sum of squares a sine and a cosine explain, for each number of cycles."""
    angles = turns[:, None] * counts
    s, c = np.sin(angles), np.cos(angles)
    s, c = s - basis @ (basis.T @ s), c - basis @ (basis.T @ c)
    ss, cc, sc = (np.einsum("nk,nk->k", a, b) for a, b in ((s, s), (c, c), (s, c)))
    sy, cy = rest @ s, rest @ c
    det = ss * cc - sc**2
    usable = det > 0.01 * len(rest) ** 2 / 4
    return np.where(
        usable, (sy**2 * cc - 2 * sy * cy * sc + cy**2 * ss) / np.where(usable, det, 1.0), 0.0
    )
