"""YAML text to a Profile, or one error that names file, line, key, what was expected and the nearest right key."""

from __future__ import annotations

import difflib
import ipaddress
import os
import types
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from soak.errors import ProfileError
from soak.profile import yamltext
from soak.profile.fields import Later
from soak.profile.types import EndpointSpec, Profile

_Model = TypeVar("_Model", bound=BaseModel)


def load_profile(
    path: Path, overrides: Iterable[str] = (), environment: Mapping[str, str] = os.environ
) -> tuple[Profile, str]:
    """A Profile ready to run, and its text as run (`${VAR}` unexpanded, overrides applied)."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ProfileError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ProfileError(f"{path}: not a text file in UTF-8") from None
    default_name = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in path.stem).lstrip("._-")
    return parse_profile(text, str(path), overrides, environment, default_name or "soak")


def parse_profile(
    text: str,
    file: str,
    overrides: Iterable[str] = (),
    environment: Mapping[str, str] = os.environ,
    default_name: str = "soak",
    *,
    lenient: bool = False,
) -> tuple[Profile, str]:
    """The same from text. `lenient` is for judging an old run: unset variables stay, and nothing is asked of the target."""
    node = yamltext.compose(text, file)
    changed = list(overrides)
    for assignment in changed:
        yamltext.override(node, assignment)
    if changed:
        as_run = yamltext.compose(text, file)
        for assignment in changed:
            yamltext.override(as_run, without_secret(assignment))
        text = yaml.serialize(as_run, Dumper=yaml.SafeDumper, allow_unicode=True)
    document = yamltext.read(node, file, environment, lenient)
    document.value.setdefault("name", default_name)
    profile = validate(Profile, document.value, document)
    profile._document = document  # noqa: SLF001 - pydantic's private attribute, set once here
    if not lenient:
        check_supported(profile, document)
        check_target(profile, document)
        check_endpoints(profile, document)
    return profile, text


def without_secret(assignment: str) -> str:
    """A `KEY=VALUE` as it may be written down: a value that is sent to the target, and no `${VAR}`, is left out."""
    key, equals, value = assignment.partition("=")
    secret = any(part in key.lower() for part in ("header", "auth", "token", "password", "form", "json", "body"))
    return f"{key}=…" if equals and secret and "${" not in value else assignment


def validate(model: type[_Model], value: Any, document: yamltext.Document, prefix: yamltext.Path = ()) -> _Model:
    """A value as `model`; ProfileError for the first thing wrong, in the order of the file."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise explained(error, model, document, prefix) from None


def explained(error: ValidationError, model: Any, document: yamltext.Document, prefix: yamltext.Path) -> ProfileError:
    """A validation error as one line a person can act on: the first in the file, unknown keys before missing ones."""

    def place(item: Any) -> tuple[bool, int]:
        path = (*prefix, *item["loc"])
        line = next((document.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in document.lines), 0)
        return item["type"] == "missing", line

    item = min(error.errors(), key=place)
    path = (*prefix, *item["loc"])
    key = ".".join(map(str, path))
    where = document.where(path)
    if path[-1:] == ("[key]",):
        known = item.get("ctx", {}).get("expected", "").replace("'", "").replace(" or ", ", ").split(", ")
        key, path = ".".join(map(str, path[:-1])), path[:-1]
        return ProfileError(f"{document.where(path)}: {key}: unknown key{nearest(str(path[-1]), known)}")
    if item["type"] == "extra_forbidden":
        known = sorted(known_keys(model, item["loc"][:-1]))
        return ProfileError(f"{where}: {key}: unknown key{nearest(str(path[-1]), known)}")
    if item["type"] == "missing":
        return ProfileError(f"{where}: {key}: is missing")
    message = item["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    given = item.get("input")
    if item["type"] != "value_error" and isinstance(given, str | int | float | list | dict | None):
        shown = repr(given) if len(repr(given)) <= 60 else repr(given)[:57] + "..."
        message += f", not {'nothing' if given is None else shown}"
    return ProfileError(f"{where}: {key + ': ' if key else ''}{message}")


def nearest(word: str, known: Iterable[str]) -> str:
    """`, did you mean …?`, or the list of what there is."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f", did you mean {close[0]}?"
    return f"; there is {', '.join(names)}" if names else ""


def known_keys(model: Any, path: Iterable[str | int]) -> set[str]:
    """The keys that a mapping at `path` below a model may have."""
    found: Any = model
    for part in path:
        found = _models(found)
        field = next((f for m in found for n, f in m.model_fields.items() if (f.alias or n) == part), None)
        found = field.annotation if field else (found if isinstance(part, int) else None)
    return {field.alias or name for m in _models(found) for name, field in m.model_fields.items()}


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models inside an annotation: through Annotated, optional, list."""
    if isinstance(annotation, list):
        return annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Annotated, Union, types.UnionType, list):
        return [model for inner in get_args(annotation) for model in _models(inner)]
    return []


def _is_later(field: FieldInfo) -> bool:
    return any(isinstance(mark, Later) for mark in field.metadata)


def check_supported(model: BaseModel, document: yamltext.Document, prefix: yamltext.Path = ()) -> None:
    """Refuse, by name, every key whose feature is still to come."""
    for name, field in type(model).model_fields.items():
        path = (*prefix, field.alias or name)
        value = getattr(model, name)
        if _is_later(field) and value is not None and name in model.model_fields_set:
            raise ProfileError(f"{document.where(path)}: {'.'.join(map(str, path))}: not supported yet")
        for index, item in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(item, BaseModel):
                check_supported(item, document, (*path, index) if isinstance(value, list) else path)


def check_target(profile: Profile, document: yamltext.Document) -> None:
    """Load goes to loopback, or to a host that `target.allow` names; nowhere else."""
    where = document.where(("target", "url"))
    parts = urlsplit(profile.target.url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ProfileError(
            f"{where}: target.url: expected a URL such as http://127.0.0.1:8080, not {profile.target.url!r}"
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise ProfileError(
            f"{where}: target.url: no user, query or fragment here; credentials go into headers as ${{VAR}}"
        )
    host = parts.hostname
    for key in ("ca", "certificate", "key"):
        name = getattr(profile.target.tls, key)
        if name is not None and not beside(document.file, name).is_file():
            raise ProfileError(f"{document.where(('target', 'tls', key))}: target.tls.{key}: no file {name}")
    if not may_load(host, profile.target.allow):
        raise ProfileError(
            f"{where}: target.url: load to {host} is not allowed; to allow it, write target: {{allow: [{host!r}]}}"
        )


def may_load(host: str, allowed: Iterable[str]) -> bool:
    """Whether load may go to a host: loopback, or one that a pattern allows."""
    return is_loopback(host) or any(fnmatchcase(host.lower(), pattern.lower()) for pattern in allowed)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its name or literal address alone; nothing is looked up."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_endpoints(profile: Profile, document: yamltext.Document) -> None:
    """Something to request, names that tell endpoints apart, files that are there, no template before templates exist."""
    if bool(profile.endpoints) == bool(profile.load.locustfile):
        reason = (
            "endpoints and load.locustfile exclude each other"
            if profile.endpoints
            else "is missing: name at least one request"
        )
        raise ProfileError(f"{document.where(('endpoints',))}: endpoints: {reason}")
    seen: dict[str, int] = {}
    for index, endpoint in enumerate(profile.endpoints):
        path = ("endpoints", index)
        where = document.where(path)
        if endpoint.label in seen:
            raise ProfileError(
                f"{where}: endpoints.{index}: {endpoint.label!r} is there already (endpoints.{seen[endpoint.label]})"
            )
        seen[endpoint.label] = index
        _check_constant(endpoint, where, index)
        if endpoint.file is not None and not beside(document.file, endpoint.file).is_file():
            raise ProfileError(f"{document.where((*path, 'file'))}: endpoints.{index}.file: no file {endpoint.file}")
    if profile.load.locustfile and not beside(document.file, profile.load.locustfile).is_file():
        where = document.where(("load", "locustfile"))
        raise ProfileError(f"{where}: load.locustfile: no file {profile.load.locustfile}")


def beside(file: str, name: str) -> Path:
    """A file that a profile names: relative to the working directory if it is there, else to the profile."""
    near = Path(file).parent / name
    return near if near.exists() or not Path(name).exists() else Path(name)


def _check_constant(endpoint: EndpointSpec, where: str, index: int) -> None:
    for key in ("request", "headers", "json_", "form", "body"):
        if "{{" in str(getattr(endpoint, key)):
            raise ProfileError(f"{where}: endpoints.{index}.{key.strip('_')}: templates are not supported yet")
