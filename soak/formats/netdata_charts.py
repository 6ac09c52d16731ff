"""Units of netdata's charts: its answers do not contain them, so they are derived from the dimensions' names.

From netdata's sources: system.ram and mem.swap (`free`, `used`), mem.available (`avail`) and a
cgroup's mem_usage (`ram`, `swap`) are in MiB, disk_space in GiB.
"""

from __future__ import annotations

from collections.abc import Collection

#: Per chart: dimensions it always has, dimensions it may have, its unit, and the most that a
#: machine can have.
_CHARTS = (
    ({"free", "used"}, {"cached", "buffers"}, "MiB", 2.0**21),
    ({"used"}, {"cached", "buffers"}, "MiB", 2.0**21),
    ({"avail"}, set[str](), "MiB", 2.0**21),
    ({"ram", "swap"}, set[str](), "MiB", 2.0**21),
    ({"avail", "used"}, {"reserved for root", "reserved_for_root"}, "GiB", 2.0**20),
)


def unit_of_chart(dimensions: Collection[str], largest: float) -> str:
    """Return the unit of a chart with these dimensions; "" if the chart is unknown or a value is too large for it."""
    named = set(dimensions)
    for always, sometimes, unit, most in _CHARTS:
        if always <= named <= always | sometimes and largest < most:
            return unit
    return ""


def said_of_unit(dimensions: Collection[str], unit: str) -> str:
    """Return the note on the assumed unit."""
    verb = "is" if len(dimensions) == 1 else "are"
    return f"{', '.join(dimensions)} {verb} taken to be in {unit}, as in netdata's own charts"
