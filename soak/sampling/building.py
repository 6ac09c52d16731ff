"""Build the sources that the profile lists, ready to be polled."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, get_type_hints
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from soak.errors import ProfileError, TargetError, UsageError
from soak.profile import Profile
from soak.profile.checking import beside, is_address
from soak.profile.hosts import is_loopback
from soak.profile.parsing import nearest
from soak.profile.yamltext import Document
from soak.sampling.replicas import Replica
from soak.sampling.sources import Source, broken_sources, known_sources
from soak.sampling.sources.cgroup import Cgroup
from soak.sampling.sources.process import Process
from soak.sampling.sources.prometheus import Prometheus

NamedSources = dict[str, Source]


def build_sources(profile: Profile, started_pid: int | None = None) -> NamedSources:
    """Return the profile's sources by name (`prometheus`, `prometheus-2`, …); ProfileError names file and line.

    A `process` without keys is the process that soak started; it is added if the profile does not list
    a process.
    """
    document = profile.document
    built: list[tuple[str, Source]] = []
    for index, entry in enumerate(profile.sources or []):
        path = ("sources", index)
        if len(entry) != 1:
            raise ProfileError(
                f"{document.where(path)}: sources.{index}: expected one kind of source, such as process: {{port: 8080}}"
            )
        [(kind, options)] = entry.items()
        source = _build(kind, options, index, profile, document, started_pid)
        if isinstance(source, Prometheus) and source.urls:
            built += [(kind, dataclasses.replace(source, url=url, urls=())) for url in source.urls]
        else:
            built.append((kind, source))
    if started_pid is not None and not any(isinstance(source, Process) for _, source in built):
        built.insert(0, ("process", Process(pid=started_pid)))
    several = _several(built)
    sources: NamedSources = {}
    for kind, source in built:
        instance = instance_of(source)
        sources[_unused(kind, sources)] = (
            Replica(source, instance) if instance in several else source
        )
    return sources


def require_processes(sources: NamedSources) -> list[int]:
    """Read every watched process once and return their pids; raise TargetError before the load if one is missing."""
    found: list[int] = []
    for name, source in sources.items():
        watched = source.source if isinstance(source, Replica) else source
        if isinstance(watched, Process):
            try:
                samples = {sample.name: sample.value for sample in watched.collect()}
                found.append(int(samples["process_pid"]))
            except TargetError as error:
                raise TargetError(
                    f"source {name}: {error}; start the target first, or name its process otherwise (port, pid, name, pidfile)"
                ) from None
    return found


def _several(built: list[tuple[str, Source]]) -> set[str]:
    """Return the instances that need a label: those of kinds of sources that watch several instances."""
    by_kind: dict[str, set[str]] = {}
    for kind, source in built:
        by_kind.setdefault(kind, set()).add(instance_of(source))
    return {
        instance
        for instances in by_kind.values()
        if len(instances - {""}) > 1
        for instance in instances
        if instance
    }


def instance_of(source: Source) -> str:
    """Return the instance of the target that a source watches, as host and port if possible; "" if not applicable."""
    url = getattr(source, "url", None)
    if isinstance(url, str):
        parts = urlsplit(url)
        host = "127.0.0.1" if is_loopback(parts.hostname or "") else parts.hostname
        return f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    if isinstance(source, Process | Cgroup):
        given = {
            key: getattr(source, key, None)
            for key in ("port", "pid", "pidfile", "name", "path", "container")
            if getattr(source, key, None) is not None
        }
        return (
            f"127.0.0.1:{given['port']}"
            if "port" in given
            else " ".join(map(str, next(iter(given.items()))))
        )
    return ""


def source_schema() -> dict[str, Any]:
    """Return the JSON Schema of one entry of `sources`: a mapping of one kind to its options."""
    kinds = {
        kind: _flat(_options_model(source).model_json_schema())
        for kind, source in known_sources().items()
    }
    return {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": kinds,
    }


def _options_model(source: type[Source]) -> type[BaseModel]:
    """Return a model that validates the options of one kind: only known keys, with the right types."""
    types = get_type_hints(source, include_extras=True)
    options = {field.name: (types[field.name], _default(field)) for field in _fields(source)}
    return create_model(source.__name__, __config__=ConfigDict(extra="forbid"), **options)  # type: ignore[call-overload, no-any-return]


def _default(field: dataclasses.Field[Any]) -> Any:
    """Return a field's default in pydantic's form; `...` if it has none."""
    if field.default_factory is not dataclasses.MISSING:
        return Field(default_factory=field.default_factory)
    return ... if field.default is dataclasses.MISSING else field.default


def _flat(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with its definitions inlined, so that it can be embedded in another schema."""
    definitions = schema.pop("$defs", {})

    def written_out(node: Any) -> Any:
        if isinstance(node, dict) and "$ref" in node:
            return written_out(definitions[node["$ref"].rpartition("/")[2]])
        if isinstance(node, dict):
            return {key: written_out(value) for key, value in node.items()}
        return [written_out(value) for value in node] if isinstance(node, list) else node

    return dict(written_out(schema))


def _fields(source: type[Source]) -> Iterable[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(source) if field.init]  # type: ignore[arg-type]


def _build(
    kind: str,
    options: Any,
    index: int,
    profile: Profile,
    document: Document,
    started_pid: int | None,
) -> Source:
    path = ("sources", index, kind)
    where, key = document.where(path), f"sources.{index}.{kind}"
    if kind in broken_sources() and kind not in known_sources():
        raise ProfileError(
            f"{where}: {key}: {broken_sources()[kind]}; reinstall or remove its package"
        )
    if kind not in known_sources():
        raise ProfileError(f"{where}: {key}: unknown source{nearest(kind, known_sources())}")
    source = known_sources()[kind]
    given = {} if options is None else options
    if not isinstance(given, dict):
        raise ProfileError(
            f"{where}: {key}: expected a mapping such as {{url: /metrics}}, not {given!r}"
        )
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
        message = document.masked((*path, name), f"{key}.{name}: {message}")
        raise ProfileError(f"{document.where((*path, name))}: {message}") from None
    values = {field.name: getattr(checked, field.name) for field in _fields(source)}
    _complete(values, profile, document.file)
    for name in _ADDRESSES:
        if values.get(name) and not is_address(str(values[name])):
            expected = "expected a path such as /metrics, or an address such as http://127.0.0.1:9100/metrics"
            raise ProfileError(f"{document.where((*path, name))}: {key}.{name}: {expected}")
    try:
        return source(**values)
    except UsageError as error:
        raise ProfileError(f"{where}: {key}: {str(error).removeprefix(f'{kind}: ')}") from None


def _complete(values: dict[str, Any], profile: Profile, file: str) -> None:
    """Complete paths and TLS options from the target; names of TLS files are relative to the profile."""
    base = profile.target.url.rstrip("/")
    if str(values.get("url", "")).startswith("/"):
        values["url"] = base + values["url"]
    on_target = str(values.get("url", "")).startswith(f"{base}/")
    if "tls" in values and (values["tls"] is not None or on_target):
        tls = values["tls"] or profile.target.tls
        files = {key: getattr(tls, key) for key in ("ca", "certificate", "key")}
        files_found = {
            key: str(beside(file, name)) for key, name in files.items() if name is not None
        }
        values["tls"] = tls.model_copy(update=files_found)


#: Source options that hold addresses.
_ADDRESSES = ("url", "server")


def _unused(kind: str, sources: NamedSources) -> str:
    """Return the first unused name of `prometheus`, `prometheus-2`, and so on."""
    names = [kind, *(f"{kind}-{number}" for number in range(2, len(sources) + 3))]
    return next(name for name in names if name not in sources)
