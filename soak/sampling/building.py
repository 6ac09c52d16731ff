"""From the profile's `sources` to sources ready to poll; or, with none given, whatever the target is seen to offer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, get_type_hints
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from soak.errors import ProfileError, SoakError, TargetError, UsageError
from soak.profile import Profile
from soak.profile.checking import is_loopback
from soak.profile.parsing import nearest
from soak.profile.yamltext import Document
from soak.sampling.sources import LATER, Source, known_sources
from soak.sampling.sources.expvar import Expvar
from soak.sampling.sources.process import Process, listening_on
from soak.sampling.sources.prometheus import Prometheus

NamedSources = dict[str, Source]


def build_sources(profile: Profile, started_pid: int | None = None) -> NamedSources:
    """The profile's sources by name (`prometheus`, `prometheus-2`, …); ProfileError with file and line for a wrong one.

    A `process` with no key means the process that soak started; one is added for it when the profile lists none.
    """
    document = profile.document
    sources: NamedSources = {}
    for index, entry in enumerate(profile.sources or []):
        path = ("sources", index)
        if len(entry) != 1:
            raise ProfileError(
                f"{document.where(path)}: sources.{index}: expected one kind of source, such as process: {{port: 8080}}"
            )
        [(kind, options)] = entry.items()
        sources[_unused(kind, sources)] = _build(kind, options, index, profile, document, started_pid)
    if started_pid is not None and not any(isinstance(source, Process) for source in sources.values()):
        sources = {"process": Process(pid=started_pid), **sources}
    return sources


def probe_sources(url: str, started_pid: int | None = None) -> tuple[NamedSources, list[str]]:
    """What a target offers without being asked twice, and a sentence for each thing tried."""
    sources: NamedSources = {}
    said = []
    parts = urlsplit(url)
    try:
        if started_pid is None and is_loopback(parts.hostname or ""):
            started_pid = listening_on(parts.port or (443 if parts.scheme == "https" else 80))
        if started_pid is not None:
            sources["process"] = Process(pid=started_pid)
            said.append(f"process {started_pid}: its memory, descriptors, threads and CPU are watched")
        else:
            said.append(f"process: {parts.hostname} is another machine, so its process cannot be watched from here")
    except TargetError as error:
        said.append(f"process: {error}")
    base = url.rstrip("/")
    tried: list[tuple[str, str, Source]] = [
        ("prometheus", "/metrics", Prometheus(url=f"{base}/metrics", timeout=3.0)),
        ("expvar", "/debug/vars", Expvar(url=f"{base}/debug/vars", timeout=3.0)),
    ]
    for kind, path, source in tried:
        try:
            count = len(list(source.collect()))
        except SoakError as error:
            said.append(f"{kind}: {path} is not offered ({str(error).rpartition(': ')[2]})")
        else:
            sources[kind] = source
            said.append(f"{kind}: {path} offers {count} series")
    return sources, said


def source_schema() -> dict[str, Any]:
    """The JSON Schema of one entry of `sources`: a mapping of one kind to its options."""
    kinds = {kind: _options_model(source).model_json_schema() for kind, source in known_sources().items()}
    later = {kind: {"description": "not supported yet"} for kind in LATER}
    return {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": kinds | later,
    }


def _options_model(source: type[Source]) -> type[BaseModel]:
    """Validates the options of one kind: only its own keys, each of its own type."""
    types = get_type_hints(source, include_extras=True)
    options = {
        field.name: (types[field.name], ... if field.default is dataclasses.MISSING else field.default)
        for field in _fields(source)
    }
    return create_model(source.__name__, __config__=ConfigDict(extra="forbid"), **options)  # type: ignore[call-overload, no-any-return]


def _fields(source: type[Source]) -> Iterable[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(source) if field.init]  # type: ignore[arg-type]


def _build(
    kind: str, options: Any, index: int, profile: Profile, document: Document, started_pid: int | None
) -> Source:
    path = ("sources", index, kind)
    where, key = document.where(path), f"sources.{index}.{kind}"
    if kind in LATER:
        raise ProfileError(f"{where}: {key}: not supported yet")
    if kind not in known_sources():
        raise ProfileError(f"{where}: {key}: unknown source{nearest(kind, known_sources())}")
    source = known_sources()[kind]
    given = {} if options is None else options
    if not isinstance(given, dict):
        raise ProfileError(f"{where}: {key}: expected a mapping such as {{url: /metrics}}, not {given!r}")
    if kind == "process" and not given and started_pid is not None:
        given = {"pid": started_pid}
    try:
        checked = _options_model(source).model_validate(given)
    except ValidationError as error:
        item = error.errors()[0]
        name = str(item["loc"][0])
        if item["type"] == "extra_forbidden":
            message = f"unknown key{nearest(name, [field.name for field in _fields(source)])}"
        else:
            message = item["msg"].removeprefix("Value error, ")
            message = (
                message[:1].lower()
                + message[1:]
                + ("" if item["type"] == "value_error" else f", not {item['input']!r}")
            )
        raise ProfileError(f"{document.where((*path, name))}: {key}.{name}: {message}") from None
    values = {field.name: getattr(checked, field.name) for field in _fields(source)}
    if str(values.get("url", "")).startswith("/"):
        values["url"] = profile.target.url.rstrip("/") + values["url"]
    try:
        return source(**values)
    except UsageError as error:
        raise ProfileError(f"{where}: {key}: {str(error).removeprefix(f'{kind}: ')}") from None


def _unused(kind: str, sources: NamedSources) -> str:
    """`prometheus`, then `prometheus-2`, and so on."""
    names = [kind, *(f"{kind}-{number}" for number in range(2, len(sources) + 3))]
    return next(name for name in names if name not in sources)
