"""A heat map of latencies over time: a logarithmic vertical axis, darker for more requests."""

from __future__ import annotations

from typing import Any

import numpy as np

from soak.model import HeatMap
from soak.reporters.axes import label_axes
from soak.reporters.bokeh_models import (
    Model,
    Plot,
    column,
    constant,
    data_source,
    model,
    value_range,
)

#: One colour with rising opacity, so that it works on light and dark: the palette's hue, and its
#: steps of opacity.
HUE, OPACITIES = "#2f80c8", range(48, 256, 23)
#: Labels of a logarithmic axis within each power of ten.
STEPS = (1, 3)


def heat_plot(heat: HeatMap, span: Model, look: dict[str, Any]) -> Plot:
    """Return the map in a chart of its own, on the time axis `span`; empty cells stay transparent."""
    plot = Plot(span, value_range(heat.low, heat.high), look, y_scale="Log")
    label_axes(plot, "seconds")
    ticks = [step * 10.0**power for power in range(-6, 5) for step in STEPS]
    plot.y_axis["ticker"] = model("FixedTicker", ticks=ticks, minor_ticks=[])
    shown = {"code": "return soakShow(tick, 'seconds')"}
    plot.y_axis["formatter"] = model("CustomJSTickFormatter", **shown)
    counts = np.where(heat.counts > 0, heat.counts, np.nan).astype(np.float32)
    colours = model(
        "LogColorMapper",
        palette=[f"{HUE}{opacity:02x}" for opacity in OPACITIES],
        low=1,
        high=max(float(heat.counts.max()), 2.0),
        nan_color="#00000000",
    )
    image = model(
        "Image",
        image=column("counts"),
        color_mapper=colours,
        x=constant(heat.start),
        y=constant(heat.low),
        dw=constant(heat.end - heat.start),
        dh=constant(heat.high - heat.low),
    )
    plot.draw(data_source({"counts": [counts]}), image, name="heat map")
    return plot
