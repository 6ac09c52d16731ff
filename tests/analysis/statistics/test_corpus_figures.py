"""The figures that the fit gives for one short series of each kind of the corpus, held to a five-thousandth of their interval.

The corpus counts right and wrong verdicts (`make bench-verdict`); this holds the figures
themselves, so that a change of a constant or of a formula that moves any of them is seen. Where
that is on purpose, run the corpus and then `python -m
tests.analysis.statistics.test_corpus_figures`, which writes the figures anew.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from soak.analysis.statistics.trend import fit_trend
from tests.bench import filling_kinds, held_out, kinds, once_held_out
from tests.bench.corpus import Kind, build_sized

FIGURES = Path(__file__).with_name("corpus_figures.json")
#: Seconds, and seconds between samples; the corpus' shortest plan.
LENGTH, PERIOD = 300, 1.0
SEED = 11


def corpus_kinds() -> dict[str, tuple[Kind, bool]]:
    """Every kind by its name, and whether it leaks; a kind that may do both is here once, in turn one or the other."""
    chosen: dict[str, tuple[Kind, bool]] = {}
    for module in (kinds, held_out, filling_kinds, once_held_out):
        for name in sorted({*module.HEALTHY, *module.LEAKING}):
            both = name in module.HEALTHY and name in module.LEAKING
            leaks = len(chosen) % 2 == 0 if both else name in module.LEAKING
            chosen[name] = ((module.LEAKING if leaks else module.HEALTHY)[name], leaks)
    return chosen


KINDS = corpus_kinds()


def figures_of(name: str) -> dict[str, float | bool | None]:
    """What the fit gives for one series of a kind."""
    kind, leaks = KINDS[name]
    trend = fit_trend(build_sized(name, kind, leaks, SEED, LENGTH, PERIOD)[0].subject)
    return {
        "slope": trend.slope_per_hour,
        "low": trend.slope_low,
        "high": trend.slope_high,
        "resolution": trend.resolution_per_hour,
        "p_no_growth": trend.p_no_growth,
        "settled": trend.settled_after_seconds,
        "level": trend.level,
        "doubtful": trend.doubt is not None,
    }


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.thorough if number % 2 else ())
        for number, name in enumerate(KINDS)
    ],
)
def test_the_figures_of_a_series_are_what_they_were(name: str) -> None:
    expected = json.loads(FIGURES.read_text())[name]
    width = abs(expected["high"] - expected["low"]) or 1e-9
    near = {
        **dict.fromkeys(
            ("slope", "low", "high", "resolution"), 2e-4 * width if math.isfinite(width) else 1e-9
        ),
        "p_no_growth": 1e-4,
        "settled": 0.01,
        "level": 1e-6 * abs(expected["level"]),
    }
    for key, value in figures_of(name).items():
        if isinstance(value, float) and expected[key] is not None:
            assert value == pytest.approx(expected[key], rel=1e-9, abs=near[key]), key
        else:
            assert value == expected[key], key


if __name__ == "__main__":
    FIGURES.write_text(json.dumps({name: figures_of(name) for name in KINDS}, indent=1) + "\n")
