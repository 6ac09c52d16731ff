"""Models of BokehJS as plain data: a name, and the attributes that differ from BokehJS's defaults.

Bokeh's Python classes would produce the same. But importing them takes a second of processor time
and each model two milliseconds of checks, and a report has a thousand models: together as much as
judging a day. A test loads the output here into bokeh, which runs those checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from soak.reporters.wording import clean


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """One model; every reference to it in a document is to the same one."""

    name: str
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Spec:
    """A property of a glyph that may differ from point to point: a column of its source, or one value."""

    kind: str
    content: Any


def model(kind: str, /, **attributes: Any) -> Model:
    """Return a BokehJS model of this kind."""
    return Model(kind, attributes)


def column(name: str) -> Spec:
    """Return a property whose value for each point is in a column."""
    return Spec("field", name)


def constant(value: Any) -> Spec:
    """Return a property with the same value for every point."""
    return Spec("value", value)


def data_source(columns: Mapping[str, Any]) -> Model:
    """Return a data source with columns of points, by name."""
    return model("ColumnDataSource", data=dict(columns))


def span(**attributes: Any) -> Model:
    """Return a line through the whole chart."""
    return model("Span", **attributes)


@dataclass(slots=True, eq=False)
class Plot:
    """One chart while it is drawn; `look` are further attributes of its figure."""

    x_range: Model
    y_range: Model
    look: dict[str, Any]
    y_scale: str = "Linear"
    renderers: list[Model] = field(default_factory=list)
    tools: list[Model] = field(default_factory=list)
    center: list[Model] = field(default_factory=list)
    x_axis: dict[str, Any] = field(default_factory=dict)
    y_axis: dict[str, Any] = field(default_factory=dict)

    def draw(self, source: Model, glyph: Model, **told: Any) -> Model:
        """Draw a glyph and return its renderer; it has no look for selections, which the page does not use."""
        drawn = model(
            "GlyphRenderer",
            data_source=source,
            glyph=glyph,
            nonselection_glyph=None,
            muted_glyph=None,
            **told,
        )
        self.renderers.append(drawn)
        return drawn

    def model(self) -> Model:
        """Return the whole chart."""
        x_axis = Model("LinearAxis", self.x_axis)
        y_axis = Model(f"{self.y_scale}Axis", self.y_axis)
        grids = [
            model("Grid", axis=x_axis, grid_line_color=None),
            model("Grid", axis=y_axis, dimension=1),
        ]
        zoom = [
            model("BoxZoomTool", dimensions="width"),
            model("WheelZoomTool", dimensions="width", modifiers={"ctrl": True}),
        ]
        return model(
            "Figure",
            x_range=self.x_range,
            y_range=self.y_range,
            x_scale=model("LinearScale"),
            y_scale=model(f"{self.y_scale}Scale"),
            renderers=self.renderers,
            toolbar=model("Toolbar", tools=[*zoom, *self.tools]),
            toolbar_location=None,
            left=[y_axis],
            below=[x_axis],
            center=[*grids, *self.center],
            **self.look,
        )


def value_range(start: float, end: float) -> Model:
    """Return an axis range from `start` to `end`."""
    return model("Range1d", start=start, end=end)


def name_of(text: str) -> str:
    """Return a curve's name for the tooltip: cleaned, at most 200 characters, never empty."""
    return clean(text)[:200] or "unnamed"
