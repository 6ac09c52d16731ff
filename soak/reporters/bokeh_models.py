"""Models of BokehJS as plain data: a name, and what differs from BokehJS's own defaults.

Bokeh's Python classes would write the same. Their import takes a second of processor time and each
model two milliseconds of checks, of which a report has a thousand: together as much as judging a
day. A test has bokeh read what is written here, which does those checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from soak.reporters.wording import clean


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """One model; where it stands a second time in a document, it is the same one."""

    name: str
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Spec:
    """A property of a glyph that may differ from point to point: a column of its source, or one value."""

    kind: str
    content: Any


def model(kind: str, /, **attributes: Any) -> Model:
    """A model of BokehJS."""
    return Model(kind, attributes)


def column(name: str) -> Spec:
    """Of each point what its column has."""
    return Spec("field", name)


def constant(value: Any) -> Spec:
    """The same for every point."""
    return Spec("value", value)


def data_source(columns: Mapping[str, Any]) -> Model:
    """Columns of points, by name."""
    return model("ColumnDataSource", data=dict(columns))


def span(**attributes: Any) -> Model:
    """A line through the whole chart."""
    return model("Span", **attributes)


@dataclass(slots=True, eq=False)
class Plot:
    """One chart while it is drawn; `look` is what else it is to have."""

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
        """Draw a glyph; it has no look of its own for selections, which the page has none of."""
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
        """The whole chart."""
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
    """An axis from here to there."""
    return model("Range1d", start=start, end=end)


def name_of(text: str) -> str:
    """A curve's name, by which the pointer tells it: text, whatever it holds."""
    return clean(text)[:200] or "unnamed"
