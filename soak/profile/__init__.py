"""The profile: YAML text to a frozen Profile, strictly."""

from soak.profile.parsing import load_profile, parse_profile
from soak.profile.types import EndpointLimits, EndpointSpec, Limits, Load, Profile

__all__ = ["EndpointLimits", "EndpointSpec", "Limits", "Load", "Profile", "load_profile", "parse_profile"]
