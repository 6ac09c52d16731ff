"""What each statistic gives for some sixty short series of every shape, whole numbers and ties among them, as it is stored.

Ties and whole numbers lie on the boundaries of comparisons. After a change that is meant, `python
-m tests.analysis.statistics.test_function_figures` stores the results anew.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soak.analysis.prepare.gc_accounting import collections_between
from soak.analysis.rules.forecast import show_time_left, time_until
from soak.analysis.rules.load_generator import falls_short
from soak.analysis.rules.more_time import more_seconds
from soak.analysis.rules.windowed_limits import windows_needed
from soak.analysis.statistics import creep, floors, grain, peaks, plateau, room, sawtooth
from soak.analysis.statistics import step_processes as steps
from soak.analysis.statistics.cycles import cycle_columns
from soak.analysis.statistics.growth_input import LevelPoints, Subject
from soak.analysis.statistics.holm import holm
from soak.analysis.statistics.level_shift import level_shift
from soak.analysis.statistics.load_covariates import load_covariates, peak_connections
from soak.analysis.statistics.outliers import without_outliers
from soak.analysis.statistics.process_lives import clean, split, too_few
from soak.analysis.statistics.t_mixture import t_cdf, t_quantile
from soak.analysis.statistics.two_level_regime import state_column
from soak.analysis.statistics.warmup_shapes import late_growth, step_shapes, warmup_shapes
from soak.model import Floats, Kind, Series, Trend
from tests.figures import hold, write

FIGURES = Path(__file__).with_name("function_figures.json")
LENGTHS = (9, 16, 40, 150)


def _shapes(n: int) -> dict[str, Floats]:
    """Short series of n values."""
    t, rng = np.arange(n, dtype=np.float64), np.random.default_rng(n)
    noise = rng.normal(0, 1, n)
    return {
        "constant": np.full(n, 7.0),
        "noise": 100 + noise,
        "whole": np.round(20 + noise),
        "rise": 100 + 0.2 * t + 0.3 * noise,
        "even rise": 10 + t,
        "fall": 100 - 0.2 * t + 0.3 * noise,
        "settling": 100 - 9 * np.exp(-6 * t / n) + 0.05 * noise,
        "step": 20.0 + 5 * (t >= n // 2),
        "steps": np.floor(20 + 6 * t / n),
        "noisy step": 20 + 8.0 * (t >= 2 * n // 3) + 0.2 * noise,
        "saw": 50 + 10 * (t % 8) / 8,
        "saw that climbs": 50 + 10 * (t % 8) + 0.5 * t + 0.1 * noise,
        "wave": 50 + 5 * np.sin(t / 3) + 0.2 * noise,
        "two states": 50 + 6.0 * (np.sin(t / 5) > 0) + 0.1 * noise,
        "spikes": 50 + noise + 40.0 * (t % 13 == 5),
        "flicker": 3.0 + (t % 5 == 0),
        "regular restarts": 5 + 3 * (t % max(n // 6, 2)) + 0.1 * noise,
        "many spikes": 50 + 0.1 * noise + 40.0 * (t % 4 == 1),
        "spikes of whole numbers": 20.0 + 30 * (t % 20 == 9),
        "late": 50 + 0.4 * np.maximum(t - 0.6 * n, 0) + 0.1 * noise,
        "rise and stop": 50 + np.minimum(t, 0.4 * n) + 0.1 * noise,
        "restart": 20 + t % (n // 2) + 0.1 * noise,
        "wander": 50 + np.cumsum(noise),
    }


@cache
def series() -> dict[str, tuple[Floats, Floats]]:
    """Times and values of every shape in every length; some are sampled unevenly."""
    rows = {}
    for n in LENGTHS:
        for number, (name, values) in enumerate(_shapes(n).items()):
            times = 2.0 * np.arange(n)
            rows[f"{name} {n}"] = (times + (times > n) * 0.5 * (number % 3), values)
    return rows


def life(times: Floats, values: Floats) -> LevelPoints:
    return LevelPoints(times, values, 0.0)


def subject(times: Floats, values: Floats, **more: Any) -> Subject:
    return Subject(Series("x_bytes", times, values), "memory", "bytes", **more)


def _fits(times: Floats, values: Floats) -> Any:
    return peaks.fit_peaks(times, values)


def _lives(times: Floats, values: Floats) -> Any:
    lives = split(subject(times, values))
    return [[len(each.times), each.times[0], each.born] for each in lives], too_few(lives, 9)


def _steps(times: Floats, values: Floats) -> Any:
    lives = [life(times, values)]
    return [
        steps.least_p_no_growth(lives, lives, jumpy=False),
        steps.least_p_no_growth(lives, lives, jumpy=True),
        steps.most_p_no_growth(lives),
        steps.flickers(lives),
        steps.late_to_early_rise(lives),
    ]


def _floors(times: Floats, values: Floats) -> Any:
    lives = [life(times, values)]
    return floors.floors(lives)


def _saws(times: Floats, values: Floats) -> Any:
    whole = life(times, values)
    return (
        sawtooth.cycle_floors(whole),
        sawtooth.handful_of_floors(whole),
        sawtooth.climbs_exactly([whole]),
    )


def _line(times: Floats) -> Floats:
    return np.column_stack((np.ones(len(times)), times / times[-1]))


def _warm_ups(times: Floats, values: Floats) -> Any:
    if not np.ptp(values):
        return None  # nothing is left to choose by
    widths = np.full(len(times), 2.0)
    return warmup_shapes(times + 1, widths, float(times[-1]), values, _line(times)[:, :1])


def _covariates(times: Floats, values: Floats) -> Any:
    requests = Series("requests", times, np.cumsum(np.abs(values)))
    return (
        load_covariates([life(times, values)], float(times[-1]), requests),
        peak_connections([life(times, values)], Series("open", times, values)),
    )


def _collections(times: Floats, values: Floats) -> Any:
    rise = np.cumsum(np.abs(np.diff(np.round(values), prepend=values[0])))
    names = ("go_gc_duration_seconds_count", "nodejs_gc_duration_seconds_count")
    recorded = [
        Series(name, times, rise, (("kind", "major"),) * ("node" in name), Kind.COUNTER)
        for name in names
    ]
    return collections_between(recorded, float(times[1]), float(times[-2]))


#: What is stored of each series: the statistic, and how it is given the series.
OF_SERIES: dict[str, Callable[[Floats, Floats], Any]] = {
    "creep": creep.lasting_growth,
    "cycles": lambda t, v: cycle_columns(t, v, [np.ones((len(t), 1)), _line(t)]),
    "floors": _floors,
    "grain": lambda _, v: grain.grain_of(v) if np.ptp(v) else None,
    "level shift": level_shift,
    "outliers": lambda t, v: without_outliers(life(t, v)),
    "peaks": _fits,
    "plateau": lambda t, v: (plateau.plateau_begin(t, v), plateau.first_fall_end(t, v)),
    "process lives": _lives,
    "clean": lambda t, v: clean(t[::-1], np.where(v > np.median(v) + 1, np.nan, v)),
    "room": lambda t, v: [
        room.room(subject(t, v, integer=whole), v[-1]) for whole in (True, False)
    ],
    "constant": lambda t, v: room.constant_trend([life(t, 0 * v + v[0])], subject(t, v)),
    "sawtooth": _saws,
    "steps": _steps,
    "states": lambda t, v: state_column(v, _line(t)) if len(t) >= 40 else None,
    "step shapes": lambda t, v: step_shapes(t, v, t[:1]),
    "late growth": lambda t, _: late_growth(t, float(t[-1])),
    "warm-up shapes": _warm_ups,
    "load": _covariates,
    "collections": _collections,
}
TRENDS = [
    Trend(slope, slope - width, slope + width, 2 * width, 0.0, level)
    for slope in (-3.0, 0.0, 1.0, 40.0)
    for width in (0.0, 1.0, 2.0, 50.0)
    for level in (10.0, 100.0)
]
#: What is stored of functions of single numbers.
OF_NUMBERS: dict[str, Callable[[], Any]] = {
    "Holm": lambda: [
        holm(chances, 0.05)
        for chances in ([], [0.05], [0.05, 0.025], [0.01, 0.02, 0.05], [0.9, 0.0166, 0.024])
    ],
    "t": lambda: [
        [float(t_cdf(t, freedom)) for t in (-3.0, 0.0, 1.0, 2.5)]
        + [t_quantile(share, freedom) for share in (0.9, 0.975, 0.995)]
        for freedom in (1.0, 4.0, 8.0, 30.0)
    ],
    "written grain": lambda: [
        grain.written_grain(value, unit)
        for value in (0.0, 0.5, 7.0, 100.0, 1234.5, 2.0**30, 3e9)
        for unit in ("bytes", "", "seconds")
    ],
    "time left": lambda: [
        (left, show_time_left(left)) if (left := time_until(trend, value)) is not None else None
        for trend in TRENDS
        for value in (10.0, 99.0, 1000.0)
    ],
    "more time": lambda: [
        more_seconds(trend, edges, 600.0) for trend in TRENDS for edges in ((), (1.0,), (0.0, 2.5))
    ],
    "windows needed": lambda: [
        windows_needed(share) for share in (0.5, 0.75, 0.9, 0.99, 0.999, 1.0)
    ],
    "falls short": lambda: [
        falls_short(made, asked)
        for made in (0.0, 1.0, 44.0, 45.0, 47.0, 47.5, 48.0, 49.0, 49.5, 50.0)
        for asked in (0.0, 1.0, 50.0)
    ],
}


def of_every_series(name: str) -> dict[str, Any]:
    """What a statistic gives for each series."""
    return {key: [OF_SERIES[name](*columns)] for key, columns in series().items()}


def of_numbers(name: str) -> dict[str, Any]:
    """The same of a function of numbers."""
    return {"all": OF_NUMBERS[name]()}


RESULTS = {
    **{name: partial(of_every_series, name) for name in OF_SERIES},
    **{name: partial(of_numbers, name) for name in OF_NUMBERS},
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_statistic_gives_what_it_gave(name: str) -> None:
    hold(FIGURES, name, RESULTS[name]())


if __name__ == "__main__":
    write(FIGURES, RESULTS)
