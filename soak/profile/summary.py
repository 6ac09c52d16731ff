"""Describe in one line what a profile asks for, for `soak check`, run.json and the reports."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from soak.profile.scenarios import ScenarioSpec
from soak.profile.types import Profile
from soak.units import show_duration, show_number, show_ratio


def load_summary(profile: Profile) -> str:
    """Describe the load: `50 requests/s on 2 endpoints for 10 min, sampled every 1 s`, or that of each scenario."""
    load = profile.load
    if load.find:
        rates = f"from {show_number(load.find.from_)} to {show_number(load.find.to)} requests/s"
        return f"capacity search {rates} on {_what([profile])}"
    total = show_duration(load.ramp + load.duration)
    workers = (load.processes or 0) + (load.workers.expect if load.workers else 0)
    by = f" by {workers} workers" if workers > 1 else ""
    named = {f" ({part.name})" if profile.scenarios else "": part for _, part in profile.parts}
    amounts = " and ".join(f"{_amount(part)}{name}" for name, part in named.items())
    what = _what(list(named.values()))
    return f"{amounts}{by} on {what} for {total}, sampled every {show_duration(profile.interval)}"


def _amount(part: Profile | ScenarioSpec) -> str:
    """Format the amount of load: `50 requests/s`, or `up to 20 users`."""
    load = part.load
    level = f"up to {show_number(load.peak)}" if load.stages else show_number(load.peak)
    return (
        f"{level} {'arrivals' if part.flows else 'requests'}/s" if load.open else f"{level} users"
    )


def search_lines(profile: Profile) -> list[str]:
    """Describe what a capacity search will do and how long it takes, in lines; empty for other loads."""
    load = profile.load
    if load.find is None:
        return []
    settings = load.find.settings(load.warmup)
    names = [
        f"{limit.name} within {show_duration(limit.bound)}"
        if limit.quantile
        else f"errors within {show_ratio(limit.bound)}"
        for limit in settings.limits
    ]
    first, last = (f"{show_number(rate)}/s" for rate in (settings.lowest, settings.highest))
    expected, longest = (
        show_duration(round(settings.expected_seconds)),
        show_duration(round(load.duration)),
    )
    shortest, confirmed = show_duration(settings.step), show_duration(settings.confirm)
    bracket = (
        f"doubled from {first} to {last} at most, then halved down to {show_ratio(settings.within)}"
    )
    count = f"about {settings.expected_steps}, at most {settings.most_steps}"
    lines = [
        f"search: the highest rate with {', '.join(names)}; {bracket}",
        f"steps: {count}, each measured for {shortest} or longer; the capacity is confirmed for {confirmed}",
        f"takes about {expected}, at most {longest}; judges the capacity alone, and no growth",
    ]
    unjudged = [f"limits.{key}" for key in sorted(profile.limits.model_fields_set)]
    if unjudged:
        lines.append(f"not judged: {', '.join(unjudged)}, which are for a soak")
    return lines


def _what(parts: list[Profile | ScenarioSpec]) -> str:
    """Describe the requests: numbers of endpoints and flows, or the locustfile."""
    endpoints, flows = (
        sum(len(getattr(part, key)) for part in parts) for key in ("endpoints", "flows")
    )
    counts = ((endpoints, "endpoint"), (flows, "flow"))
    what = " and ".join(
        f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts if count
    )
    return what or next(
        ", ".join(part.load.locustfile or []) for part in parts if isinstance(part, Profile)
    )


def target_address(profile: Profile) -> str:
    """Return the target's URL without user info and query, which may hold secrets."""
    parts = urlsplit(profile.target.url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
