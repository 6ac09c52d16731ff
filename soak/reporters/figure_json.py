"""Write plots as the JSON that BokehJS embeds, small and reproducible: equal columns once, ids counted from 1."""

from __future__ import annotations

import json
import math
import sys
from base64 import b64encode
from collections.abc import Mapping
from gzip import compress
from importlib.metadata import version
from typing import Any

import numpy as np

from soak.reporters.bokeh_models import Model, Plot, Spec

#: gzip's level for columns of numbers, as in bokeh: a higher level hardly makes them smaller.
COMPRESSION = 2


def packed(plots: Mapping[str, Plot]) -> str:
    """Return JSON `{docs, items, columns}` for the page's script, which draws each plot into the element of its name.

    Each distinct column of numbers is written once, to `columns`, and referenced as
    `{"column": INDEX}`. Curves of one source share their times, and a series that was not thinned has
    equal values, lows and highs.
    """
    writer = _Writer()
    roots = [writer.written(plot.model()) for plot in plots.values()]
    ids = [root["id"] for root in roots]
    document = {"version": version("bokeh"), "title": "Bokeh Application", "roots": roots}
    items = [
        {"docid": "charts", "roots": dict(zip(ids, plots, strict=True)), "root_ids": ids},
    ]
    content = {"docs": {"charts": document}, "items": items, "columns": writer.columns()}
    return json.dumps(content, separators=(",", ":"))


class _Writer:
    """Converts models to BokehJS's form: the first occurrence in full, further ones by id."""

    def __init__(self) -> None:
        self._columns: dict[bytes, int] = {}
        self._known: dict[int, tuple[str, Model]] = {}

    def columns(self) -> list[str]:
        """Return each distinct column written so far, in the encoding that BokehJS reads."""
        # Some versions of Python write a time of 0 differently.
        packed = (compress(column, COMPRESSION, mtime=1) for column in self._columns)
        return [b64encode(column).decode() for column in packed]

    def written(self, value: Any) -> Any:
        """Return a value in BokehJS's form."""
        form = value
        match value:
            case Model():
                form = self._model(value)
            case np.ndarray():
                form = self._array(value)
            case Spec(kind, content):
                form = {"type": kind, kind: self.written(content)}
            case dict():
                entries = [[name, self.written(element)] for name, element in value.items()]
                form = {"type": "map", "entries": entries}
            case list() | tuple():
                form = [self.written(element) for element in value]
            case float() if not math.isfinite(value):
                number = "nan" if math.isnan(value) else f"{value:+}"
                form = {"type": "number", "value": number}
        return form

    def _model(self, model: Model) -> dict[str, Any]:
        if known := self._known.get(id(model)):
            return {"id": known[0]}
        name = f"p{len(self._known) + 1}"
        # Keep a reference to the model, so that no other can get the same `id()`.
        self._known[id(model)] = name, model
        attributes = {key: self.written(value) for key, value in model.attributes.items()}
        body = {"type": "object", "name": model.name, "id": name}
        return {**body, "attributes": attributes} if attributes else body

    def _array(self, array: np.ndarray[Any, Any]) -> dict[str, Any]:
        return {
            "type": "ndarray",
            "array": {"column": self._columns.setdefault(array.tobytes(), len(self._columns))},
            "shape": list(array.shape),
            "dtype": str(array.dtype),
            "order": sys.byteorder,
        }
