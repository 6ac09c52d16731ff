"""Parse YAML text to a Profile; an error names file, line, key, what was expected and the nearest right key."""

from __future__ import annotations

import difflib
import os
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from soak.errors import ProfileError, without_user_info
from soak.profile import yamltext
from soak.profile.capacity import with_capacity
from soak.profile.checking import check, requests_of
from soak.profile.explaining import message_of
from soak.profile.flows import STEP_TAGS
from soak.profile.types import Profile
from soak.profile.windowed import IN_WINDOWS, PLAIN

#: Keys, and parts of keys, of values that are sent to the target or may hold a password.
_SENT, _SENT_PARTS = (
    ("form", "json", "body", "zipkin", "jaeger"),
    ("header", "auth", "token", "password"),
)
#: Flags of `soak run` whose value is sent to the target.
_SENT_FLAGS = ("--header", "--body", "--json-body")
_NEVER_SECRET = ("auth.request", "auth.url", "auth.refresh")

_Model = TypeVar("_Model", bound=BaseModel)


def load_profile(
    path: Path,
    overrides: Iterable[str] = (),
    environment: Mapping[str, str] = os.environ,
    capacity: float | None = None,
) -> tuple[Profile, str]:
    """Load a profile; return it with its text as run (`${VAR}` unexpanded, overrides and shares of the capacity applied)."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ProfileError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ProfileError(f"{path}: not a text file in UTF-8") from None
    default_name = "".join(
        letter if letter.isalnum() or letter in "._-" else "-" for letter in path.stem
    ).lstrip("._-")
    return parse_profile(
        text, str(path), overrides, environment, default_name or "soak", capacity=capacity
    )


def parse_profile(
    text: str,
    file: str,
    overrides: Iterable[str] = (),
    environment: Mapping[str, str] = os.environ,
    default_name: str = "soak",
    *,
    lenient: bool = False,
    flags: Mapping[yamltext.Path, str] | None = None,
    capacity: float | None = None,
) -> tuple[Profile, str]:
    """Parse a profile from text. `lenient` is for judging an old run: unset variables stay, and `check` is skipped.

    `flags` has the flag behind each path if the text was made from flags; messages then name flags.
    `capacity`, in requests per second, is the base of rates such as `70% of capacity`.
    """
    node = yamltext.compose(text, file)
    changed = list(overrides)
    for assignment in changed:
        _refuse_hidden_secrets(assignment)
        yamltext.override(node, assignment)
    if with_capacity(node, file, capacity) or changed:
        as_run = yamltext.compose(text, file)
        for assignment in changed:
            yamltext.override(as_run, without_secret(assignment))
        with_capacity(as_run, file, capacity)
        text = yaml.serialize(as_run, Dumper=yaml.SafeDumper, allow_unicode=True)
    document = replace(yamltext.read(node, file, environment, lenient), flags=flags or {})
    document.value.setdefault("name", default_name)
    profile = validate(Profile, document.value, document)
    profile._document = document  # noqa: SLF001 - pydantic's private attribute, set once here
    for place, _, request in requests_of(profile):
        request.show_as(document.written.get((*place, "request"), document.written.get(place)))
    if not lenient:
        check(profile, document)
    return profile, text


def without_secret(assignment: str) -> str:
    """Return a `KEY=VALUE` that is safe to store: a value that is sent to the target and is not a `${VAR}` is left out."""
    key, equals, value = assignment.partition("=")
    secret = _is_sent(key) and key not in _NEVER_SECRET
    return f"{key}={yamltext.LEFT_OUT}" if equals and secret and "${" not in value else assignment


def command_without_secrets(words: Sequence[str]) -> list[str]:
    """Return a command line that is safe to store: values sent to the target, except `${VAR}`, are left out."""
    kept: list[str] = []
    for word in words:
        name, equals, value = word.partition("=")
        if kept and kept[-1] in _SENT_FLAGS and "${" not in word:
            kept.append(yamltext.LEFT_OUT)
        elif equals and name in _SENT_FLAGS and "${" not in value:
            kept.append(f"{name}={yamltext.LEFT_OUT}")
        elif "://" in word and "${" not in word:
            kept.append(without_user_info(without_secret(word)))
        else:
            kept.append(without_secret(word))
    return kept


def _is_sent(key: str) -> bool:
    names = key.lower().split(".")
    return any(name in _SENT or any(part in name for part in _SENT_PARTS) for name in names)


def _refuse_hidden_secrets(assignment: str) -> None:
    """Raise ProfileError if a mapping or list contains values that are sent: only single keys can be left out."""
    key, _, text = assignment.partition("=")
    if _is_sent(key):
        return
    unread = [yamltext.compose_value(text, f"--set {key}")]
    while unread:
        node = unread.pop()
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        for name, value in pairs:
            if _is_sent(str(name.value)) and not all(
                "${" in str(scalar.value) for scalar in yamltext.scalars(value)
            ):
                advice = f"set {name.value} by a key of its own, such as endpoints.0.{name.value}, or use ${{VAR}}"
                raise ProfileError(
                    f"--set {key}: what is sent to the target would be written down with it; {advice}"
                )
        unread += [value for _, value in pairs]
        unread += node.value if isinstance(node, yaml.SequenceNode) else []


def validate(
    model: type[_Model], value: Any, document: yamltext.Document, prefix: yamltext.Path = ()
) -> _Model:
    """Validate a value as `model`; raise ProfileError for the first error in the file."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise explained(error, model, document, prefix) from None


def explained(
    error: ValidationError, model: Any, document: yamltext.Document, prefix: yamltext.Path
) -> ProfileError:
    """Turn a validation error into one actionable line: the first in the file, unknown keys before missing ones."""

    def place(item: Any) -> tuple[bool, int]:
        path = (*prefix, *item["loc"])
        line = next(
            (
                document.lines[path[:n]]
                for n in range(len(path), -1, -1)
                if path[:n] in document.lines
            ),
            0,
        )
        return item["type"] == "missing", line

    for item in (errors := error.errors()):
        item["loc"] = tuple(
            part for part in item["loc"] if part not in (*STEP_TAGS, PLAIN, IN_WINDOWS)
        )
    item = min(errors, key=place)
    path = (*prefix, *item["loc"])
    key = ".".join(map(str, path))
    where = document.where(path)
    if path[-1:] == ("[key]",) and item["type"] == "value_error":
        key, path = ".".join(map(str, path[:-1])), path[:-1]
        where = document.where(path)
    elif path[-1:] == ("[key]",):
        known = (
            item.get("ctx", {})
            .get("expected", "")
            .replace("'", "")
            .replace(" or ", ", ")
            .split(", ")
        )
        key, path = ".".join(map(str, path[:-1])), path[:-1]
        return ProfileError(
            f"{document.where(path)}: {key}: unknown key{nearest(str(path[-1]), known)}"
        )
    if item["type"] == "extra_forbidden":
        known = sorted(known_keys(model, item["loc"][:-1]))
        return ProfileError(f"{where}: {key}: unknown key{nearest(str(path[-1]), known)}")
    if item["type"] == "missing":
        return ProfileError(f"{document.place(path)}: is missing")
    message = message_of(item)
    given = item.get("input")
    unset = [name for name in sorted(document.unset) if document.lacks(given, name)]
    if unset:
        these = (
            f"{' and '.join(unset)} {'are' if len(unset) > 1 else 'is'} not set in the environment"
        )
        return ProfileError(f"{document.place(path)}: {these}; export the value that the run had")
    # A truncated value could contain part of a secret, which would not be found and masked.
    if (
        item["type"] != "value_error"
        and not _is_filled_in(document, path)
        and isinstance(given, str | int | float | list | dict | None)
    ):
        shown = repr(given) if len(repr(given)) <= 60 else repr(given)[:57] + "..."
        message += f", not {'nothing' if given is None else shown}"
    return ProfileError(document.masked(path, f"{document.place(path)}: {message}"))


def _is_filled_in(document: yamltext.Document, path: yamltext.Path) -> bool:
    """Return True if the value at a path, or below it, contains an environment variable's value."""
    return any(place[: len(path)] == path for place in document.filled_in)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `, did you mean …?`, or the list of known names."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f", did you mean {close[0]}?"
    return f"; there is {', '.join(names)}" if names else ""


def known_keys(model: Any, path: Iterable[str | int]) -> set[str]:
    """Return the keys that a mapping at `path` below a model may have."""
    models: Any = model
    for part in path:
        if get_origin(models) is dict:
            models = get_args(models)[1]
            continue
        models = _models(models)
        field = next(
            (f for m in models for n, f in m.model_fields.items() if (f.alias or n) == part), None
        )
        models = field.annotation if field else (models if isinstance(part, int) else None)
    return {field.alias or name for m in _models(models) for name, field in m.model_fields.items()}


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Return the models inside an annotation: through Annotated, optional, list, values of dict."""
    if isinstance(annotation, list):
        return annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Annotated, Union, types.UnionType, list, dict):
        return [model for inner in get_args(annotation) for model in _models(inner)]
    return []
