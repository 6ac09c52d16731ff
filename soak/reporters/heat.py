"""A heat map of latencies over time as a bokeh figure: logarithmic upwards, the darker the more requests."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import (
    ColumnDataSource,
    CustomJSTickFormatter,
    FixedTicker,
    Image,
    LogColorMapper,
    Range1d,
)
from bokeh.plotting import figure

from soak.model import HeatMap
from soak.reporters.axes import label_axes

#: One colour at rising strength, so that it lies on light and dark alike: the palette's hue, and its steps of opacity.
HUE, OPACITIES = "#2f80c8", range(48, 256, 23)
#: Labels of a logarithmic axis, in each power of ten.
STEPS = (1, 3)


def heat_figure(heat: HeatMap, span: Range1d, look: dict[str, Any]) -> figure:
    """The map in a figure of its own, on the time axis `span`; empty cells stay transparent."""
    plot = figure(x_range=span, y_range=Range1d(heat.low, heat.high), y_axis_type="log", **look)
    label_axes(plot, "seconds")
    plot.yaxis.ticker = FixedTicker(
        ticks=[step * 10.0**power for power in range(-6, 5) for step in STEPS]
    )
    plot.yaxis.formatter = CustomJSTickFormatter(code="return soakShow(tick, 'seconds')")
    counts = np.where(heat.counts > 0, heat.counts, np.nan).astype(np.float32)
    source = ColumnDataSource({"counts": [counts]})
    colours = LogColorMapper(
        palette=[f"{HUE}{opacity:02x}" for opacity in OPACITIES],
        low=1,
        high=max(float(heat.counts.max()), 2.0),
        nan_color="#00000000",
    )
    corner = {
        "x": heat.start,
        "y": heat.low,
        "dw": heat.end - heat.start,
        "dh": heat.high - heat.low,
    }
    plot.add_glyph(source, Image(image="counts", color_mapper=colours, **corner), name="heat map")
    return plot
