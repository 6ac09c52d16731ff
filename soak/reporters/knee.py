"""The knee of a capacity search as SVG without script: p99, errors and CPU against the rate, in stacked panels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from soak.capacity.search import rounded
from soak.capacity.steps import Capacity, StepFigures
from soak.reporters.capacity import judged
from soak.reporters.wording import clean, latency
from soak.units import show_number, show_ratio

#: The drawing's size in its own units, and the margins around each panel for its texts.
WIDTH, LEFT, RIGHT, TOP, GAP, BOTTOM = 760.0, 74.0, 20.0, 26.0, 34.0, 44.0
#: The height of the first panel, and of each further one.
FIRST, FURTHER = 190.0, 80.0


@dataclass(frozen=True, slots=True)
class KneePanel:
    """One measure against the rate: a value for each step (None if unknown), and a limit if there is one."""

    title: str
    value: Callable[[StepFigures], float | None]
    text: Callable[[float], str]
    limit: float | None = None
    log: bool = False


def knee(capacity: Capacity) -> Markup:
    """Return one SVG element; empty if no step was measured."""
    steps = judged(capacity)
    if not steps:
        return Markup("")
    panels = [
        KneePanel("p99 (log scale)", lambda step: step.p99, latency, capacity.p99_limit, log=True),
        KneePanel("failed requests", lambda step: step.errors, show_ratio, capacity.errors_limit),
        KneePanel("CPU of the target, cores", lambda step: step.cpu, lambda cores: f"{cores:.2g}"),
    ]
    panels += map(_pool, dict.fromkeys(name for step in steps for name, _ in step.pools))
    shown = [panel for panel in panels if any(_known(panel, step) is not None for step in steps)]
    rates = [step.outcome.step.rate for step in steps]
    low, high = min(rates) / 1.1, max(rates) * 1.1

    def x(rate: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(rate / low) / math.log(high / low)

    parts, y = [], TOP
    for index, panel in enumerate(shown):
        height = FIRST if index == 0 else FURTHER
        parts += _band(capacity, x, y, height)
        parts += _panel(panel, steps, x, y, height)
        y += height + GAP
    parts += [_rate(rate, x(rate), y) for rate in _ticks(low, high)]
    parts.append(
        _text((LEFT + WIDTH - RIGHT) / 2, y + 8, "requests per second (log scale)", "middle")
    )
    inner = "\n".join(parts)
    label = "Rate against p99, failed requests and CPU, a point for each step"
    drawn = f'<svg class="knee" viewBox="0 0 {WIDTH:g} {y + BOTTOM - GAP:g}" role="img" aria-label="{label}">{inner}</svg>'
    return Markup(drawn)  # noqa: S704 - our own, every text escaped


def _pool(name: str) -> KneePanel:
    """Return the panel of connections in use in one pool."""
    return KneePanel(
        f"connections in use: {name}", lambda step: dict(step.pools).get(name), show_number
    )


def _known(panel: KneePanel, step: StepFigures) -> float | None:
    value = panel.value(step)
    return value if value is not None and math.isfinite(value) else None


def _panel(
    panel: KneePanel,
    steps: Sequence[StepFigures],
    x: Callable[[float], float],
    top: float,
    height: float,
) -> list[str]:
    """Draw the points of one measure, joined in the order of the rate, with its limit and the ends of its axis."""
    points = [(step, value) for step in steps if (value := _known(panel, step)) is not None]
    values = [value for _, value in points] + ([panel.limit] if panel.limit is not None else [])
    least = min(value for value in values if value > 0) / 1.2 if panel.log else 0.0
    most = max(max(values) * 1.1, least * 1.1, 1e-9)

    def y(value: float) -> float:
        share = (
            math.log(max(value, least) / least) / math.log(most / least)
            if panel.log
            else value / most
        )
        return top + height * (1 - min(max(share, 0.0), 1.0))

    parts = [
        f'<rect class="frame" x="{LEFT:g}" y="{top:g}" width="{WIDTH - LEFT - RIGHT:g}" height="{height:g}"/>',
        _text(LEFT, top - 7, panel.title, "start"),
        _text(LEFT - 6, top + 10, panel.text(most), "end"),
        _text(LEFT - 6, top + height, panel.text(least), "end"),
    ]
    if panel.limit is not None:
        at = y(panel.limit)
        parts.append(
            f'<line class="limit" x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{at:.1f}" y2="{at:.1f}"/>'
        )
        parts.append(_text(WIDTH - RIGHT - 4, at - 4, f"limit {panel.text(panel.limit)}", "end"))
    ordered = sorted(points, key=lambda pair: pair[0].outcome.step.rate)
    line = " ".join(f"{x(step.outcome.step.rate):.1f},{y(value):.1f}" for step, value in ordered)
    parts.append(f'<polyline points="{line}"/>')
    for step, value in points:
        description = f"{show_number(step.outcome.step.rate)}/s: {panel.text(value)}; {step.outcome.decision.value}"
        parts.append(
            f'<circle class="{step.outcome.decision.value}" cx="{x(step.outcome.step.rate):.1f}" cy="{y(value):.1f}" r="4">'
            f"<title>{escape(description)}</title></circle>"
        )
    return parts


def _band(capacity: Capacity, x: Callable[[float], float], top: float, height: float) -> list[str]:
    """Draw the interval of the capacity, and the capacity itself."""
    bracket = capacity.bracket
    parts = []
    if bracket.low is not None and bracket.high is not None:
        wide = x(bracket.high) - x(bracket.low)
        parts.append(
            f'<rect class="interval" x="{x(bracket.low):.1f}" y="{top:g}" width="{wide:.1f}" height="{height:g}"/>'
        )
    if bracket.held is not None:
        at = x(bracket.held)
        parts.append(
            f'<line class="capacity" x1="{at:.1f}" x2="{at:.1f}" y1="{top:g}" y2="{top + height:g}"/>'
        )
    return parts


def _ticks(low: float, high: float) -> list[float]:
    """Return rates of 1, 2 and 5 times a power of ten within an axis; only every second or third if there are many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [
        times * 10.0**power
        for power in powers
        for times in (1, 2, 5)
        if low <= times * 10.0**power <= high
    ]
    return ticks[:: 1 + len(ticks) // 12] or [low, high]


def _rate(rate: float, x: float, y: float) -> str:
    return _text(x, y - 16, show_number(rounded(rate)), "middle")


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(clean(text))}</text>'
