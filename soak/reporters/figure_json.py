"""Bokeh's JSON made small and repeatable: equal columns once, model ids counted from 1."""

from __future__ import annotations

import json
import re
from typing import Any

_MODEL_ID = re.compile(r"p\d+")


def packed(content: Any) -> str:
    """The same JSON with each distinct column of numbers once, in `columns`; where it stood, `{"column": INDEX}`.

    Curves of one source share their times, and what was not thinned has equal values, lows and
    highs. Bokeh's ids count on
    through a process, and a report must not depend on what was rendered before it: they are counted
        from 1 here.
    """
    names: dict[str, str] = {}
    columns: dict[str, int] = {}

    def walk(node: Any, key: str = "") -> Any:
        if isinstance(node, (list, tuple)):
            return [walk(item, key) for item in node]
        if isinstance(node, dict):
            if node.get("type") == "bytes":
                return {"column": columns.setdefault(node["data"], len(columns))}
            return {
                renamed(name, key == "roots"): walk(value, name) for name, value in node.items()
            }
        return renamed(node, key in ("id", "root_ids")) if isinstance(node, str) else node

    def renamed(text: str, is_id: bool) -> str:
        return (
            names.setdefault(text, f"p{len(names) + 1}")
            if is_id and _MODEL_ID.fullmatch(text)
            else text
        )

    return json.dumps({**walk(content), "columns": list(columns)}, separators=(",", ":"))
