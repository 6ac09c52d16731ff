"""Limits as the command line gives them: `--limit 'p99: 250ms'`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from soak.errors import UsageError
from soak.profile import Limits
from soak.units import parse_growth

#: Sections of series that a name may begin with, as a profile writes them one below the other.
_SECTIONS = ("growth", "max")
_NAMED = {name for name in Limits.model_fields if name not in ("growth", "max", "drift")}


def refuse_unknown_percentiles(texts: Iterable[str]) -> None:
    """UsageError for a limit of a percentile that runs do not keep: it would be taken for a series that never comes."""
    for text in texts:
        name = text.partition(":")[0].strip()
        if re.fullmatch(r"p\d[\d.]*", name) and name not in _NAMED:
            kept = ", ".join(sorted(filter(re.compile(r"p\d").match, _NAMED)))
            raise UsageError(f"--limit {text!r}: the percentiles that can be limited are {kept}")


def limits_tree(texts: Iterable[str]) -> dict[str, Any]:
    """The `limits` section that these texts amount to: growth where the value is per time, else the largest value allowed.

    `max.NAME` and `growth.NAME` say themselves which they are.
    """
    tree: dict[str, Any] = {}
    for text in texts:
        name, colon, value = (part.strip() for part in text.rpartition(":"))
        if not colon or not name or not value:
            raise UsageError(
                f"--limit {text!r}: expected NAME: VALUE, such as 'p99: 250ms' or 'process_open_fds: 1/h'"
            )
        section, point, series = name.partition(".")
        if point and series and section in _SECTIONS:
            tree.setdefault(section, {})[series] = value
        elif name in _NAMED:
            tree[name] = value
        elif _is_growth(value):
            tree.setdefault("growth", {})[name] = value
        else:
            tree.setdefault("max", {})[name] = value
    return tree


def _is_growth(value: str) -> bool:
    try:
        parse_growth(value)
    except ValueError:
        return False
    return True
