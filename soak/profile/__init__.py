"""The profile: YAML text to a frozen Profile, strictly."""

from soak.profile.load import Load
from soak.profile.parsing import load_profile, parse_profile
from soak.profile.requests import EndpointLimits, EndpointSpec
from soak.profile.types import Limits, Profile

__all__ = ["EndpointLimits", "EndpointSpec", "Limits", "Load", "Profile", "load_profile", "parse_profile"]
