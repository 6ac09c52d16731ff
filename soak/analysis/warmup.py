"""What a level can do and still be healthy: settle, fill up, step, creep ever slower. And what it does when it leaks.

A warm-up is found by choosing among such shapes, never by a fixed cut: 43% of benchmarked virtual machines do not settle
where one expects (Barrett and others, Virtual machine warmup blows hot and cold, 2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from soak.model import Floats

_MOST_STEPS = 24


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """Columns on the points' times, shape (n, k), each spanning 0 to 1; `prior` (k,) is log plausibility within its kind.

    `settles` (k,) is the seconds after a process's birth at which the shape has all but ended.
    """

    columns: Floats
    prior: Floats
    settles: Floats


def settling(ages: Floats, span: float) -> Shapes:
    """Exponential approach, logarithmic creep, and fill-then-flat, for points of `ages` (seconds), over `span` seconds."""
    columns, prior, settles = [], [], []
    times = np.geomspace(1 / 60, 1 / 2, 14)
    for share in times:
        columns.append(-np.expm1(-ages / (share * span)))
        prior.append(np.log(0.45 / len(times)) - 20 * max(0.0, share - 0.25))
        settles.append(3 * share * span)
    for share in (1 / 300, 1 / 30, 1 / 10):
        columns.append(np.log1p(ages / (share * span)))
        prior.append(np.log(0.2 / 3))
        settles.append(np.inf)
    ends = np.linspace(0.05, 0.9, 18)
    for share in ends:
        columns.append(np.minimum(ages, share * span))
        prior.append(np.log(0.35 / len(ends)) - 15 * max(0.0, share - 0.5))
        settles.append(share * span)
    return Shapes(_unit(np.stack(columns, axis=1)), np.array(prior), np.array(settles))


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
    return np.maximum(0.0, (times[:, None] - begins) / span)


def _unit(columns: Floats) -> Floats:
    """Columns moved and scaled to span 0 to 1; one that does not move stays 0."""
    low, high = columns.min(axis=0), columns.max(axis=0)
    width = high - low
    return np.where(width > 1e-9 * np.maximum(np.abs(high), 1e-300), (columns - low) / np.where(width > 0, width, 1), 0.0)
