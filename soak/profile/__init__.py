"""The profile: YAML text to a frozen Profile, strictly."""

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

#: The load process needs what a profile means by a host or a status, and none of its models, which take long to build.
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
