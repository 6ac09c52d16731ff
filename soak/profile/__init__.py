"""The profile: YAML text to a frozen Profile, strictly."""

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
