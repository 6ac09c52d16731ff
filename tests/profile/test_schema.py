import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from soak.cli.schema import profile_schema
from soak.profile.types import Profile

PROFILES = Path(__file__).parents[2] / "profiles"


@cache
def validator() -> jsonschema.protocols.Validator:
    """Of profiles: made once, for the schema is large."""
    schema = profile_schema()
    return jsonschema.validators.validator_for(schema)(schema)


def test_the_schema_beside_the_profiles_is_the_current_one() -> None:
    """If this fails: soak schema > profiles/soak.schema.json."""
    assert json.loads((PROFILES / "soak.schema.json").read_text()) == profile_schema()


@pytest.mark.parametrize("path", sorted(PROFILES.glob("*.yaml")), ids=lambda path: path.name)
def test_the_schema_accepts_the_ready_profiles(path: Path) -> None:
    validator().validate(yaml.safe_load(path.read_text()))


def test_the_reference_profile_shows_every_key() -> None:
    text = (PROFILES / "reference.yaml").read_text()
    missing = [key for key in keys(profile_schema()) if f"{key}:" not in text]
    assert missing == []


def keys(schema: dict[str, Any]) -> set[str]:
    named = set(Profile.model_json_schema()["properties"])
    for definition in schema["$defs"].values():
        named |= set(definition.get("properties", {}))
    return named
