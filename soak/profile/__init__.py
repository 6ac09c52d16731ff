"""Parse a profile: YAML text to a frozen Profile, with strict checks."""

from typing import TYPE_CHECKING

from soak.lazy import lazily

if TYPE_CHECKING:
    from soak.profile.load import Load
    from soak.profile.parsing import load_profile, parse_profile
    from soak.profile.request_limits import EndpointLimits
    from soak.profile.requests import EndpointSpec
    from soak.profile.types import Limits, Profile

__all__ = [
    "EndpointLimits",
    "EndpointSpec",
    "Limits",
    "Load",
    "Profile",
    "load_profile",
    "parse_profile",
]

#: Lazy, because the load process needs the modules on hosts and statuses, but not the models, which
#: are slow to build.
__getattr__ = lazily(
    __name__,
    {
        "EndpointLimits": "request_limits",
        "EndpointSpec": "requests",
        "Limits": "types",
        "Load": "load",
        "Profile": "types",
        "load_profile": "parsing",
        "parse_profile": "parsing",
    },
)
