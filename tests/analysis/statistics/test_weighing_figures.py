"""The weights of all explanations of short series, and the columns that are weighed, as they are stored.

After a change that is meant, `python -m tests.analysis.statistics.test_weighing_figures` stores
the results anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soak.analysis.statistics.design_matrix import design_matrix
from soak.analysis.statistics.growth_input import LevelPoints
from soak.analysis.statistics.marginal_likelihood import Whitened, project_out, whitened
from soak.analysis.statistics.model_averaging import (
    Candidates,
    Tally,
    _stepped,
    average_models,
    simple_explanations,
)
from soak.model import Floats
from tests.figures import hold, write

FIGURES = Path(__file__).with_name("weighing_figures.json")

PACES, LATE, SHAPES, STEPS = slice(0, 2), slice(2, 4), slice(4, 8), slice(8, 13)
#: How much of each value the next one keeps under three noise models, and how large their scatter is.
KEEPS, SCATTERS = (0.0, 0.5, 0.95), (0.08, 0.07, 0.05)


def columns(n: int) -> Floats:
    """Two paces, two late beginnings, four warm-ups, and five steps: one after another, (n, 13)."""
    t = np.arange(n) / (n - 1)
    return np.column_stack(
        (
            t,
            t**1.6,
            np.maximum(0, t - 0.35),
            np.maximum(0, t - 0.65),
            1 - np.exp(-t / 0.05),
            1 - np.exp(-t / 0.3),
            np.log1p(20 * t) / np.log(21),
            np.minimum(1, t / 0.25),
            *(t >= at for at in (0.2, 0.4, 0.55, 0.7, 0.85)),
        )
    )


def candidates(**others: Any) -> Candidates:
    return replace(
        Candidates(
            paces=PACES,
            late=LATE,
            shapes=SHAPES,
            steps=STEPS,
            shape_prior=np.array([-1.0, -1.5, -2.0, -1.25]),
            step_prior=np.array([-3.0, -3.25, -3.5, -3.0, -2.75]),
            shape_late=np.array([False, True, True, False]),
            endless=np.array([False, False, True, False]),
            rough=np.array([False, False, True]),
            jumpy=np.array([False, True, True]),
            pairs=((0, 3), (3, 2)),
            plain=1,
        ),
        **others,
    )


def settings(
    values: Floats, *, wave: bool = False, grain: float = 1e-4
) -> list[tuple[Whitened, float]]:
    """The series under three noise models, its level projected out; in a second setting, a wave as well."""
    n = len(values)
    t = np.arange(n) / (n - 1)
    level, turning = np.ones((n, 1)), np.column_stack((np.sin(20 * t), np.cos(20 * t)))
    whole = np.column_stack((values, level, turning, columns(n)))
    white = np.stack(
        [
            (whole - keep * np.vstack((0 * whole[:1], whole[:-1]))).T / scatter
            for keep, scatter in zip(KEEPS, SCATTERS, strict=True)
        ]
    )
    log_det = 2 * n * np.log(np.array(SCATTERS))
    ready = whitened(white[:, 0], white[:, 4:], log_det, np.array([0.0, -0.5, -1.0]), grain)
    rows = [(project_out(ready, white[:, 1:2]), 0.0)]
    return [*rows, (project_out(ready, white[:, 1:4]), -2.5)] if wave else rows


def shapes(n: int) -> dict[str, Floats]:
    """Levels between 0 and 1, with some noise."""
    t, noise = np.arange(n) / (n - 1), np.random.default_rng(n).normal(0, 0.07, n)
    wandering = 0.5 * np.cumsum(noise)
    return {
        "steady": 0.5 + noise,
        "grows": t + noise,
        "grows late": 1.6 * np.maximum(0, t - 0.35) + noise,
        "falls": 1 - t + noise,
        "warms up": 1 - np.exp(-t / 0.05) + 0.5 * noise,
        "warms up slowly": 1 - np.exp(-t / 0.3) + 0.5 * noise,
        "warms up and grows": 0.5 * np.minimum(1, t / 0.25) + 0.5 * t + 0.4 * noise,
        "two warm-ups": 0.5 * (2 - np.exp(-t / 0.05)) - 0.4 * np.minimum(1, t / 0.25) + 0.2 * noise,
        "creeps": np.log1p(20 * t) / 3 + 0.4 * noise,
        "steps": 0.4 * (t >= 0.4) + 0.6 * (t >= 0.7) + 0.5 * noise,
        "steps down and grows": 1.5 * t - 1.0 * (t >= 0.55) + 0.5 * noise,
        "grows twice as fast": 3 * t**1.6 - 2.0 * (t >= 0.85) + 0.3 * noise,
        "wanders": wandering,
        "waves": 0.4 * np.sin(20 * t) + 0.4 * t + noise,
    }


def digits(values: Floats) -> Any:
    """Numbers to six digits."""
    return [digits(row) for row in values] if values.ndim else float(f"{values:.6g}")


def weights(tally: Tally) -> Any:
    """Every weight, with the columns of its explanation."""
    return [
        *([*made, digits(log)] for log, made in zip(tally.stays, tally.stays_made, strict=True)),
        *(
            [*made, digits(log)]
            for (log, _), made in zip(tally.grows, tally.grows_made, strict=True)
        ),
    ]


def _weighed(name: str, n: int = 26, **others: Any) -> Any:
    chosen = candidates(**others)
    w, prior = settings(shapes(n)[name])[0]
    tally = simple_explanations(w, prior - 0.3, chosen)
    _stepped(tally, w, prior - 0.3, chosen)
    return {"all": weights(tally)}


def _averaged(name: str, **others: Any) -> Any:
    average = average_models(settings(shapes(40)[name], wave=True), candidates(**others))
    return {
        "figures": [average.p_no_growth, average.plain, average.jumpy, average.saturates],
        "columns": list(average.columns),
        "residual": average.residual,
        "growth": average.growth,
    }


def life(n: int, values: Floats, born: float = 0.0, **others: Any) -> LevelPoints:
    return LevelPoints(born + 5 + 10 * np.arange(n, dtype=np.float64), values, born, **others)


def _lives() -> list[LevelPoints]:
    """Two processes, the second of which was measured in blocks of very different size."""
    rng = np.random.default_rng(4)
    counts = np.array([1.0, 2, 3, 40, 5, 6, 7, 400] * 3)
    first = life(30, 0.3 * rng.normal(0, 1, 30) + 0.02 * np.arange(30))
    return [first, life(24, rng.normal(0.5, 0.3, 24), 400.0, counts=counts, widths=counts / 50)]


def arranged(
    lives: Sequence[LevelPoints], paces: int = 1, copies: Floats | None = None, **others: Any
) -> Any:
    """The settings, each by the parts of its columns, and the candidates."""
    times = np.concatenate([each.times for each in lives])
    ages = np.concatenate([each.times - each.born for each in lives])
    span = float(max(each.times[-1] - each.times[0] for each in lives))
    every = [ages / span, (ages / span) ** 2 - 0.05][:paces]
    known = {
        name: {"load": np.cos(times / 70), "peak": np.sqrt(times / times[-1])}[name]
        for name, given in others.items()
        if given
    }
    rows, c, settles = design_matrix(
        lives, span, 1e-4, every, known.get("load"), known.get("peak"), copies
    )
    parts = (c.paces, c.late, c.shapes, c.steps)
    first = rows[0][0]
    return {
        "settings": [[prior, w.freedom, w.y, w.x, w.base, w.least] for w, prior in rows],
        "parts": [[part.start, part.stop, first.x[:, part]] for part in parts],
        "priors": [c.shape_prior, c.step_prior],
        "kinds": [c.shape_late, c.endless, c.rough, c.jumpy],
        "pairs": [list(pair) for pair in c.pairs],
        "plain": c.plain,
        "settles": [settles, int(np.isinf(settles).sum())],
    }


def _one(values: Callable[[Floats], Floats], **others: Any) -> Any:
    index = np.arange(48, dtype=np.float64)
    noise = np.random.default_rng(6).normal(0, 0.05, 48)
    return arranged([life(48, values(index) + noise)], **others)


def wave(index: Floats) -> Floats:
    return np.asarray(0.4 * np.sin(index / 1.3))


def two_states(index: Floats) -> Floats:
    return np.asarray(1.0 * (index // 6 % 2))


RESULTS: dict[str, Callable[[], Any]] = {
    **{
        f"weights, {name}": partial(_weighed, name)
        for name in ("grows", "warms up and grows", "two warm-ups", "creeps", "steps")
    },
    "weights, all warm-ups end early": partial(
        _weighed, "warms up slowly", shape_late=np.zeros(4, dtype=np.bool_), pairs=()
    ),
    "weights, few samples": partial(_weighed, "steps", 7),
    "weights, too few samples for all steps": partial(_weighed, "steps", 5),
    **{f"average, {name}": partial(_averaged, name) for name in shapes(40)},
    "average, both settings are plain": partial(_averaged, "wanders", plain=2),
    "average, no noise is rough": partial(_averaged, "waves", rough=np.zeros(3, dtype=np.bool_)),
    "design, one life": partial(_one, np.zeros_like),
    "design, two lives": lambda: arranged(_lives()),
    "design, two lives with all that is known": lambda: arranged(
        _lives(), paces=2, load=True, peak=True
    ),
    "design, blocks of very different size": lambda: arranged(_lives()[1:]),
    "design, load alone": partial(_one, np.zeros_like, load=True),
    "design, peak alone": partial(_one, np.sqrt, peak=True),
    "design, a wave": partial(_one, wave),
    "design, a wave beside a trend, load and peak": partial(
        _one, lambda index: wave(index) + 0.02 * index, load=True, peak=True
    ),
    "design, two states": partial(_one, two_states, paces=2),
    "design, copies": lambda: arranged(
        _lives(), copies=np.random.default_rng(2).normal(0, 1, (54, 3))
    ),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_what_it_was(name: str) -> None:
    hold(FIGURES, name, RESULTS[name]())


if __name__ == "__main__":
    write(FIGURES, RESULTS)
