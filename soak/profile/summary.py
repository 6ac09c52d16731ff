"""What a profile asks for, in one line, for `soak check`, run.json and the reports."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from soak.profile.types import Profile
from soak.units import show_duration, show_number


def load_summary(profile: Profile) -> str:
    """`50 requests/s on 2 endpoints for 10 min, sampled every 1 s`."""
    load = profile.load
    level = f"up to {show_number(load.peak)}" if load.stages else show_number(load.peak)
    amount = f"{level} {'arrivals' if profile.flows else 'requests'}/s" if load.open else f"{level} users"
    counts = ((len(profile.endpoints), "endpoint"), (len(profile.flows), "flow"))
    what = " and ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts if count)
    what = what or str(load.locustfile)
    total = show_duration(load.ramp + load.duration)
    workers = (load.processes or 0) + (load.workers.expect if load.workers else 0)
    amount += f" by {workers} workers" if workers > 1 else ""
    return f"{amount} on {what} for {total}, sampled every {show_duration(profile.interval)}"


def target_address(profile: Profile) -> str:
    """The target's URL without user info and query, which may hold secrets."""
    parts = urlsplit(profile.target.url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
