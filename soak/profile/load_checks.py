"""Check a profile's load: one for all requests, or one for each scenario."""

from __future__ import annotations

from soak.profile import yamltext
from soak.profile.load import ONE_MODEL
from soak.profile.refusal import refused
from soak.profile.scenarios import ScenarioSpec
from soak.profile.types import Profile
from soak.units import show_duration

#: Keys that each scenario has for itself.
_OF_SCENARIOS = (
    *(("load", key) for key in ("rate", "users", "stages", "arrivals", "pace", "locustfile")),
    ("endpoints",),
    ("flows",),
    ("setup",),
    ("teardown",),
)
#: Differences of times below this many seconds are rounding errors.
_ROUNDING = 1e-6


def check_load(profile: Profile, document: yamltext.Document) -> None:
    """Check the load, or each scenario's load against the whole time; raise ProfileError for the first error."""
    if not profile.scenarios:
        if not profile.load.shaped:
            raise refused(document, ("load",), ONE_MODEL)
        return
    for path in _OF_SCENARIOS:
        part = profile.load if len(path) > 1 else profile
        if path[-1] in part.model_fields_set:
            raise refused(document, path, "scenarios have their own: move it into a scenario")
    names: set[str] = set()
    for index, scenario in enumerate(profile.scenarios):
        place = ("scenarios", index)
        if scenario.name in names:
            raise refused(
                document, (*place, "name"), f"another scenario is called {scenario.name!r}, too"
            )
        names.add(scenario.name)
        _check_scenario(profile, scenario, document, place)


def _check_scenario(
    profile: Profile, scenario: ScenarioSpec, document: yamltext.Document, place: yamltext.Path
) -> None:
    if not scenario.endpoints and not scenario.flows:
        raise refused(document, (*place, "endpoints"), "is missing: name at least one request")
    load, total = scenario.load.within(profile.load), profile.load.ramp + profile.load.duration
    whole = f"the whole load of {show_duration(total)} (load.ramp and load.duration)"
    if load.duration <= 0:
        raise refused(
            document, (*place, "load"), f"its beginning and its ramp leave no time of {whole}"
        )
    if load.end > total + _ROUNDING:
        raise refused(
            document, (*place, "load"), f"ends {show_duration(load.end - total)} after {whole}"
        )
