"""Create the profilers that the profile's `diagnose` describes."""

from __future__ import annotations

from contextlib import suppress

from soak.errors import TargetError
from soak.profile import Profile
from soak.profile.checking import beside
from soak.profile.tls import TlsSettings
from soak.sampling.profilers import PROFILERS, ProfiledTarget, Profiler
from soak.sampling.sources.process import process_behind


def profiled_target(profile: Profile, pid: int | None = None) -> ProfiledTarget:
    """Return the target for profilers; its process is `pid`, or the local process that listens at its address."""
    if pid is None:
        with suppress(TargetError):
            pid = process_behind(profile.target.url)
    headers = profile.diagnose.headers if profile.diagnose else {}
    return ProfiledTarget(profile.target.url, _tls(profile), headers, pid)


def _tls(profile: Profile) -> TlsSettings:
    """Return the target's TLS options, with file names resolved relative to the profile."""
    tls, file = profile.target.tls, profile.document.file
    names = {key: getattr(tls, key) for key in ("ca", "certificate", "key")}
    return tls.model_copy(
        update={key: str(beside(file, name)) for key, name in names.items() if name is not None}
    )


def profilers_of(profile: Profile, watched: ProfiledTarget) -> dict[str, Profiler]:
    """Return the profilers that `diagnose` names, by key; if it names none, those that the target visibly offers."""
    if profile.diagnose is None:
        return {}
    given = {key: getattr(profile.diagnose, key, None) for key in PROFILERS}
    named = {
        key: PROFILERS[key].named(value, watched)
        for key, value in given.items()
        if value is not None
    }
    if named:
        return named
    offered = {key: profiler.offered(watched) for key, profiler in PROFILERS.items()}
    return {key: chosen for key, chosen in offered.items() if chosen is not None}
