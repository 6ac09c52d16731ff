"""Replace rates that are a share of the capacity, such as `rate: 70% of capacity`, by numbers before a profile is validated."""

from __future__ import annotations

import re

import yaml

from soak.capacity.search import rounded
from soak.errors import ProfileError
from soak.profile.yamltext import scalars

_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s+of\s+capacity\s*")
#: Bounds of a share of the capacity, in percent: more than five times the capacity is a typing
#: error.
LEAST, MOST = 0.1, 500.0


def with_capacity(node: yaml.MappingNode, file: str, capacity: float | None) -> bool:
    """Replace each share of the capacity within `load` and `scenarios` by its rate; return True if there was any.

    `capacity` is in requests per second. Without it, the ProfileError says where a share is and how to
    give a capacity.
    """
    parts = [value for key, value in node.value if key.value in ("load", "scenarios")]
    shares = [
        (scalar, match)
        for part in parts
        for scalar in scalars(part)
        if (match := _SHARE.fullmatch(scalar.value))
    ]
    for scalar, match in shares:
        line = scalar.start_mark.line + 1 if scalar.start_mark else 1
        place, share = f"{file}:{line}: {scalar.value.strip()!r}", float(match[1])
        if not LEAST <= share <= MOST:
            raise ProfileError(f"{place}: must be from {LEAST:g}% to {MOST:g}% of the capacity")
        if capacity is None:
            advice = "--against NAME, a baseline that was set from a capacity search (`soak baseline set RUN`)"
            raise ProfileError(f"{place}: which capacity is not known; give {advice}")
        scalar.value = f"{rounded(share / 100 * capacity):.10g}/s"
    return bool(shares)
