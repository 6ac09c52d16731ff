"""`soak schema`: print the profile's JSON Schema."""

from __future__ import annotations

import json

import click

from soak.cli.printing import hand_out
from soak.profile import Profile
from soak.sampling.building import source_schema


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of profiles, for editors.

    \b
    Save it next to your profiles:
      soak schema > soak.schema.json
    Then start each profile with this line, so that the editor completes keys and marks mistakes:
      # yaml-language-server: $schema=soak.schema.json
    """
    hand_out(json.dumps(profile_schema(), indent=2, ensure_ascii=False) + "\n")


def profile_schema() -> dict[str, object]:
    """Return the schema of a whole profile, including the short form of an endpoint and the options of every source."""
    schema = Profile.model_json_schema(by_alias=True)
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "soak profile",
    }
    sources = schema["properties"]["sources"]["anyOf"][0]
    sources["items"] = source_schema()
    endpoints = schema["properties"]["endpoints"]
    endpoints["items"] = {
        "anyOf": [{"type": "string", "pattern": r"^[A-Z]+ (/|\{\{)"}, endpoints["items"]]
    }
    trace = schema["properties"]["trace"]
    schema["properties"]["trace"] = {"anyOf": [{"enum": ["on", "off", True, False]}, trace]}
    return schema
