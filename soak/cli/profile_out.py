"""`--profile-out`: write the profile that the flags stand for, with variables in place of secrets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from soak.cli.printing import say
from soak.errors import UsageError, without_user_info
from soak.profile.yamltext import SECRET_NAMES, compose, override

_SECRET = re.compile(SECRET_NAMES, re.IGNORECASE)


def write_profile(path: Path, written: str, assignments: Sequence[str]) -> None:
    """Write the profile to a new file, and print which variables it needs; UsageError if it cannot be created."""
    node = compose(written, "flags")
    for assignment in assignments:
        override(node, assignment)
    tree = yaml.safe_load(yaml.serialize(node, Dumper=yaml.SafeDumper))
    variables: dict[str, None] = {}
    tree = _without_secrets(tree, "", variables)
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=120)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(without_user_info(text))
    except OSError as error:
        raise UsageError(f"--profile-out {path}: cannot be written: {error.strerror}") from None
    lacking = f"; not in it, and expected in the environment: {', '.join(variables)}"
    say(f"soak: wrote {path}{lacking if variables else ''}", err=True)


def _without_secrets(value: Any, name: str, variables: dict[str, None]) -> Any:
    """Replace each text whose key names a secret by a `${VARIABLE}`; texts that contain a variable stay."""
    if isinstance(value, dict):
        return {key: _without_secrets(inner, str(key), variables) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_secrets(inner, name, variables) for inner in value]
    if not isinstance(value, str) or not _SECRET.search(name) or "${" in value:
        return value
    variable = re.sub(r"\W+", "_", name).strip("_").upper()
    variables[variable] = None
    return f"${{{variable}}}"
