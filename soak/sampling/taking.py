"""From the profile's `diagnose` to the taker of its snapshots."""

from __future__ import annotations

from collections.abc import Callable

from soak.model import Event, EventKind
from soak.profile import Profile
from soak.sampling.clock import Clock
from soak.sampling.profilers.choosing import profilers_of, watched_by
from soak.sampling.taker import Taker
from soak.snapshots import Snapshot


def taker_of(
    profile: Profile,
    pid: int | None,
    keep: Callable[[Snapshot, bytes], None],
    warn: Callable[[Event], None],
    clock: Clock,
) -> Taker | None:
    """The taker of a run, of the process `pid` where soak started it; None, and a warning, where there is nothing to take."""
    diagnose, url = profile.diagnose, profile.target.url
    if diagnose is None:
        return None
    profilers = profilers_of(profile, watched_by(profile, pid))
    if not profilers:
        text = (
            f"diagnose: {url} is not seen to offer profiles; say where they are, such as diagnose.pprof: /debug/pprof"
        )
        warn(Event(clock.now(), EventKind.WARNING, text))
        return None
    return Taker(profilers, diagnose.interval(profile.load.duration, profile.interval), keep, warn, clock)
