"""Units of netdata's charts, which its answers do not tell: known by the names of their dimensions.

From netdata's sources: system.ram and mem.swap (`free`, `used`), mem.available (`avail`) and a
cgroup's mem_usage (`ram`, `swap`) are in MiB, disk_space in GiB.
"""

from __future__ import annotations

from collections.abc import Collection

#: Dimensions that a chart always has, those that it may have, its unit, and the most of it that a machine has.
_CHARTS = (
    ({"free", "used"}, {"cached", "buffers"}, "MiB", 2.0**21),
    ({"used"}, {"cached", "buffers"}, "MiB", 2.0**21),
    ({"avail"}, set[str](), "MiB", 2.0**21),
    ({"ram", "swap"}, set[str](), "MiB", 2.0**21),
    ({"avail", "used"}, {"reserved for root", "reserved_for_root"}, "GiB", 2.0**20),
)


def unit_of_chart(dimensions: Collection[str], largest: float) -> str:
    """The unit of a chart with these dimensions; nothing where none is known, or a value is too large for it."""
    named = set(dimensions)
    for always, sometimes, unit, most in _CHARTS:
        if always <= named <= always | sometimes and largest < most:
            return unit
    return ""


def said_of_unit(dimensions: Collection[str], unit: str) -> str:
    """The sentence for what was assumed."""
    verb = "is" if len(dimensions) == 1 else "are"
    return f"{', '.join(dimensions)} {verb} taken to be in {unit}, as in netdata's own charts"
