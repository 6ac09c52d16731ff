"""What a level can do and still be healthy: settle, fill up, step, creep ever slower. And what it does when it leaks.

A warm-up is found by choosing among such shapes, never by a fixed cut: 43% of benchmarked virtual machines do not settle
where one expects (Barrett and others, Virtual machine warmup blows hot and cold, 2017).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from soak.model import Floats

_MOST_STEPS = 24
_EXPONENTIAL = np.geomspace(1 / 240, 1 / 2, 18)
_CREEPING = np.array([1 / 300, 1 / 30, 1 / 6])
_FILLING = np.linspace(0.05, 0.9, 18)
_FINE = np.geomspace(1 / 400, 0.95, 200)
Family = Callable[[Floats, Floats, float, Floats], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """Columns on the points' times, shape (n, k), each spanning 0 to 1; `prior` (k,) is log plausibility within its kind.

    `settles` (k,) is the seconds after a process's birth at which the shape has all but ended.
    """

    columns: Floats
    prior: Floats
    settles: Floats


def settling(ages: Floats, widths: Floats, span: float, values: Floats, known: Floats) -> Shapes:
    """Exponential approach, logarithmic creep, and fill-then-flat.

    The points are of `ages` (n,) and average over `widths` (n,), in a run of `span`, all in seconds.

    Where a warm-up is large, a coarse grid of its time would leave a rest that looks like wandering; so the times that fit
    `values` (n,) best beside the columns `known` (n, q), with and without growth, are added to the grid.
    """
    shares = np.concatenate((_EXPONENTIAL, _best_shares(_approach, ages, widths, span, values, known)))
    ends = np.concatenate((_FILLING, _best_shares(_fill, ages, widths, span, values, known)))
    columns = np.concatenate(
        (_approach(ages, widths, span, shares), _creep(ages, span, _CREEPING), _fill(ages, widths, span, ends)), axis=1
    )
    prior = np.concatenate((
        np.log(0.45 / len(_EXPONENTIAL)) - 20 * np.maximum(0.0, shares - 0.25),
        np.log(0.25 / len(_CREEPING)) - 30 * np.maximum(0.0, _CREEPING - 1 / 30),
        np.log(0.3 / len(_FILLING)) - 15 * np.maximum(0.0, ends - 0.5),
    ))  # fmt: skip
    settles = np.concatenate((3 * shares, np.full(len(_CREEPING), np.inf), ends)) * span
    return Shapes(_unit(columns), prior, settles)


def _approach(ages: Floats, widths: Floats, span: float, shares: Floats) -> Floats:
    """1 - exp(-age/time), averaged over each point's width."""
    half = np.minimum(0.5 * widths[:, None] / (shares * span), 30.0)
    return 1 - np.exp(-ages[:, None] / (shares * span)) * np.where(
        half > 1e-6, np.sinh(half) / np.maximum(half, 1e-6), 1.0
    )


def _creep(ages: Floats, span: float, shares: Floats) -> Floats:
    return np.log1p(ages[:, None] / (shares * span))


def _fill(ages: Floats, widths: Floats, span: float, shares: Floats) -> Floats:
    """The lesser of age and a time, averaged over each point's width."""
    full = shares * span
    reach = np.clip(ages[:, None] + 0.5 * widths[:, None] - full, 0.0, None)
    inside = reach < widths[:, None]
    return np.where(
        inside, ages[:, None] - 0.5 * reach**2 / np.maximum(widths[:, None], 1e-12), np.minimum(ages[:, None], full)
    )


def _best_shares(family: Family, ages: Floats, widths: Floats, span: float, values: Floats, known: Floats) -> Floats:
    """The shares of the span with the least squares, beside the known columns, and beside these and growth."""
    best = []
    for beside in (known, np.column_stack((known, ages / span))):
        basis = np.linalg.qr(beside)[0]
        rest = values - basis @ (basis.T @ values)
        shares = _FINE
        for width in (0.02, 0.002, 0.0):
            columns = family(ages, widths, span, shares)
            x = columns - basis @ (basis.T @ columns)
            size = np.einsum("nk,nk->k", x, x)
            explained = np.where(size > 1e-9 * len(values), (rest @ x) ** 2 / np.maximum(size, 1e-300), 0.0)
            chosen = shares[int(np.argmax(explained))]
            shares = chosen * np.exp(np.linspace(-width, width, 21))
        best.append(chosen)
    return np.array(best)


def stepping(times: Floats, values: Floats, starts: Floats) -> Shapes:
    """Steps where the values jump most: one column a place, at most a few dozen places; any place was as likely before."""
    n = len(values)
    total = np.concatenate(([0.0], np.cumsum(values)))
    place = np.arange(1, n)
    score = np.zeros(n - 1)
    for width in (1, 3, 8):
        left, right = np.maximum(place - width, 0), np.minimum(place + width, n)
        after, before = (total[right] - total[place]) / (right - place), (total[place] - total[left]) / (place - left)
        score = np.maximum(score, np.abs(after - before) * np.sqrt(np.minimum(place - left, right - place)))
    score[starts[1:].astype(bool)] = 0.0
    score[[0, -1]] = 0.0
    chosen = np.sort(place[np.argsort(-score, kind="stable")[:_MOST_STEPS]])
    columns = (np.arange(n)[:, None] >= chosen[None, :]).astype(np.float64)
    return Shapes(columns, np.full(len(chosen), -np.log(max(n - 1, 1))), times[chosen] - times[0])


def late_growth(times: Floats, span: float) -> Floats:
    """Growth that begins late, shape (n, 4): slope 1 a `span` from there on."""
    begins = times[0] + span * np.array([0.2, 0.35, 0.5, 0.65])
    return np.asarray(np.maximum(0.0, (times[:, None] - begins) / span))


def _unit(columns: Floats) -> Floats:
    """Columns moved and scaled to span 0 to 1; one that does not move stays 0."""
    low, high = columns.min(axis=0), columns.max(axis=0)
    width = high - low
    moves = width > 1e-9 * np.maximum(np.abs(high), 1e-300)
    return np.asarray(np.where(moves, (columns - low) / np.where(width > 0, width, 1), 0.0))
