"""What is written for BokehJS is what bokeh itself would read: every model, every property, every value."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bokeh.document import Document
from bokeh.models import ColumnDataSource, GlyphRenderer, Plot, Range1d

from soak.model import Analysis, Mark, MarkKind, Phase
from soak.reporters import bokeh_models, figures
from soak.reporters.bokeh_models import column, constant, data_source, model
from soak.reporters.figure_json import packed
from soak.reporters.request_axis import clock_of
from tests.reporters.analyses import empty, failing, hostile, undecided


def read(text: str) -> Document:
    """The document as bokeh reads it, which checks each name and value; its columns are put where they belong before."""
    content = json.loads(text)

    def whole(node: Any) -> Any:
        if isinstance(node, list):
            return [whole(item) for item in node]
        if isinstance(node, dict) and node.keys() == {"column"}:
            return {"type": "bytes", "data": content["columns"][node["column"]]}
        return {key: whole(item) for key, item in node.items()} if isinstance(node, dict) else node

    config = {"type": "object", "name": "DocumentConfig", "id": "config"}  # BokehJS needs none
    return Document.from_json({"config": config, **whole(content["docs"]["charts"])})


def marked() -> Analysis:
    """Charts of each kind, with all that may lie behind and beside curves."""
    analysis = failing()
    first, *rest = analysis.charts
    kinds = [
        next(chart for chart in rest if chart.heat),
        next(chart for chart in rest if chart.stacked),
        next(chart for chart in rest if clock_of(chart)),
    ]
    marks = (
        Mark(MarkKind.LOST, 60.0, 90.0, "3 scrapes without an answer"),
        Mark(MarkKind.LATE, 60.0, 90.0, "30% of the arrivals"),
        Mark(MarkKind.STAGE, 0.0, 90.0, "1 of 2: 20/s for 90 s"),
    )
    phases = (*analysis.phases, Phase("snapshot", 5000.0, 5000.5))
    return replace(analysis, charts=(first, *kinds), marks=marks, phases=phases)


@pytest.mark.parametrize("analysis", [marked(), undecided(), empty(), hostile()])
def test_bokeh_reads_every_chart(analysis: Analysis) -> None:
    text = figures.embed(analysis, analysis.charts, "chart-")
    document = read(text)
    [item] = json.loads(text)["items"]
    assert [root.id for root in document.roots] == item["root_ids"] == list(item["roots"])
    assert all(isinstance(root, Plot) for root in document.roots)
    assert len(document.roots) >= sum(map(figures.drawable, analysis.charts))


def plot_of(columns: dict[str, Any], **look: Any) -> bokeh_models.Plot:
    plot = bokeh_models.Plot(model("Range1d", start=0.0, end=9.0), model("Range1d"), look)
    plot.draw(data_source(columns), model("Line", x=column("t"), y=column("v")), name="first")
    return plot


def test_columns_values_and_shared_models_come_back_as_they_were() -> None:
    times, values = np.arange(3, dtype=np.float32), np.array([1.0, math.nan, 2.5], np.float32)
    plot = plot_of({"t": times, "v": values, "said": ["a", "b", "c"]}, height=170)
    source = plot.renderers[0].attributes["data_source"]
    size = constant(7)
    plot.draw(source, model("Scatter", x=column("t"), y=column("v"), size=size), name="second")
    beside = plot_of({"t": times, "v": np.array([math.inf, 0.0, -math.inf], np.float32)})
    text = packed({"one": plot, "two": beside})
    assert len(json.loads(text)["columns"]) == 3  # both have the same times
    document = read(text)
    first, second = (next(iter(root.select({"name": "first"}))) for root in document.roots)
    assert isinstance(first, GlyphRenderer)
    np.testing.assert_array_equal(first.data_source.data["v"], values)
    assert first.data_source.data["said"] == ["a", "b", "c"]
    np.testing.assert_array_equal(second.data_source.data["v"], [math.inf, 0.0, -math.inf])
    drawn = next(iter(document.roots[0].select({"name": "second"})))
    assert drawn.data_source is first.data_source
    assert drawn.glyph.size.value == 7
    assert len(list(document.roots[0].select({"type": ColumnDataSource}))) == 1


@pytest.mark.parametrize("bound", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_has_no_word_for_is_one_of_bokehs(bound: float) -> None:
    text = packed({"one": plot_of({"t": [0.0], "v": [1.0]}, min_border=3, tags=[bound])})
    [root] = read(text).roots
    np.testing.assert_equal(root.tags, [bound])
    assert isinstance(root.x_range, Range1d)
    assert "NaN" not in text
    assert "Infinity" not in text


def test_a_report_does_not_depend_on_what_was_rendered_before_it() -> None:
    analysis = failing()
    once, again = (figures.embed(analysis, analysis.charts[:2], "chart-") for _ in range(2))
    assert once == again
