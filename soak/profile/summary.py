"""What a profile asks for, in one line, for `soak check`, run.json and the reports."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from soak.profile.scenarios import ScenarioSpec
from soak.profile.types import Profile
from soak.units import show_duration, show_number


def load_summary(profile: Profile) -> str:
    """`50 requests/s on 2 endpoints for 10 min, sampled every 1 s`; of scenarios, `40 users (browsers) and ...`."""
    load = profile.load
    total = show_duration(load.ramp + load.duration)
    workers = (load.processes or 0) + (load.workers.expect if load.workers else 0)
    by = f" by {workers} workers" if workers > 1 else ""
    named = {f" ({part.name})" if profile.scenarios else "": part for _, part in profile.parts}
    amounts = " and ".join(f"{_amount(part)}{name}" for name, part in named.items())
    endpoints, flows = (sum(len(getattr(part, key)) for part in named.values()) for key in ("endpoints", "flows"))
    counts = ((endpoints, "endpoint"), (flows, "flow"))
    what = " and ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts if count)
    what = what or str(load.locustfile)
    return f"{amounts}{by} on {what} for {total}, sampled every {show_duration(profile.interval)}"


def _amount(part: Profile | ScenarioSpec) -> str:
    """`50 requests/s`, or `up to 20 users`."""
    load = part.load
    level = f"up to {show_number(load.peak)}" if load.stages else show_number(load.peak)
    return f"{level} {'arrivals' if part.flows else 'requests'}/s" if load.open else f"{level} users"


def target_address(profile: Profile) -> str:
    """The target's URL without user info and query, which may hold secrets."""
    parts = urlsplit(profile.target.url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
