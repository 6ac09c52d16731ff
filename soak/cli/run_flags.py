"""Build a profile from the flags of `soak run`, and know which flag stands for which key."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from soak.cli.limit_texts import limits_tree, refuse_unknown_percentiles
from soak.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from soak.profile import Profile

PROCESS_KEYS = ("port", "pid", "name", "pidfile")
#: Load and duration if the flags do not say.
DEFAULT_RATE, DEFAULT_USERS, DEFAULT_DURATION = "10/s", 10, "10m"
#: Requests per second, and users, that flags alone may send to another machine: a load that a
#: typing error or a wrong host does not turn into an outage. Conventional values; profiles have no
#: such cap.
UNCONFIRMED_RATE, UNCONFIRMED_USERS = 100.0, 100
#: Methods that have a body.
_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")

#: Flags that set one key each, with a profile or without.
KEYS = {
    "url": ("target", "url"),
    "ramp": ("load", "ramp"),
    "duration": ("load", "duration"),
    "warmup": ("load", "warmup"),
    "rate": ("load", "rate"),
    "users": ("load", "users"),
    "timeout": ("load", "timeout"),
    "think": ("load", "think"),
    "locustfile": ("load", "locustfile"),
}
#: Flags that cannot be combined with a profile.
ALONE = (
    "endpoints",
    "process",
    "limits",
    "headers",
    "allow",
    "json_body",
    "body",
    "diagnose",
    "attribute",
    "yes",
)
#: The flag that a message names for a key.
FLAGS: dict[tuple[str | int, ...], str] = {
    **{path: f"--{name}" for name, path in KEYS.items()},
    ("load",): "--rate or --users",
    ("endpoints",): "--endpoint",
    ("sources",): "--process",
    ("limits",): "--limit",
    ("target", "allow"): "--allow",
    ("diagnose",): "--diagnose",
}


def overrides(flags: dict[str, Any]) -> list[str]:
    """Return the flags that change a profile as --set values; raise UsageError for flags that exclude a profile."""
    for name in ALONE:
        if flags[name]:
            raise UsageError(f"{_flag(name)} applies only without a profile; with one, use --set")
    return [
        f"{'.'.join(path)}={flags[name]}" for name, path in KEYS.items() if flags[name] is not None
    ]


def refuse_body(profile: Path) -> None:
    """Raise UsageError if a request's body is given as the profile, as after `--json`, which takes no value."""
    if str(profile).lstrip().startswith(("{", "[")):
        raise UsageError(
            f"{profile} is not a profile: a request's body goes after --json-body; --json alone prints the analysis"
        )


def locust_arguments(words: Sequence[str]) -> list[str]:
    """Return the words after `--` in the form of --set.

    Names before any option go to `load.user_classes`; `--tenant acme`, `--tenant=acme`,
    `--verbose`, `--tags a b` to `load.arguments`.
    """
    given: dict[str, list[str]] = {}
    classes: list[str] = []
    name = ""
    for word in words:
        if word.startswith("--"):
            name, equals, value = word.removeprefix("--").partition("=")
            given.setdefault(name, [])
            if equals:
                given[name].append(value)
        elif name:
            given[name].append(word)
        elif word.isidentifier():
            classes.append(word)
        else:
            raise UsageError(
                f"{word}: after -- come names of the locustfile's user classes, then its arguments by their long "
                "names, such as: -- Shopper --tenant acme"
            )
    chosen = [f"load.user_classes={json.dumps(classes)}"] if classes else []
    return chosen + [
        f"load.arguments.{name}={json.dumps(_value(values))}" for name, values in given.items()
    ]


def _value(values: list[str]) -> str | bool | list[str]:
    return values if len(values) > 1 else values[0] if values else True


def tree_of(flags: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the profile that the flags stand for, as a tree, and what was assumed, in words."""
    if not flags["url"]:
        raise UsageError("give a profile, or --url with --endpoint or --locustfile")
    tree: dict[str, Any] = {
        "name": _name(flags["url"]),
        "target": {"url": flags["url"]},
        "load": {},
    }
    for name, (section, key) in KEYS.items():
        if flags[name] is not None:
            tree[section][key] = flags[name]
    refuse_unknown_percentiles(flags["limits"])
    assumed = _assume(tree["load"], own_users=flags["locustfile"] is not None)
    sections = {
        "endpoints": list(flags["endpoints"]),
        "sources": [{"process": _process(flags["process"])}] if flags["process"] else None,
        "limits": limits_tree(flags["limits"]) if flags["limits"] else None,
    }
    tree |= {key: value for key, value in sections.items() if value}
    if flags["allow"]:
        tree["target"]["allow"] = list(flags["allow"])
    if flags["diagnose"] or flags["attribute"]:
        tree["diagnose"] = {"attribute": True} if flags["attribute"] else {}
    return tree, assumed


def refuse_unconfirmed(profile: Profile, confirmed: bool) -> None:
    """Raise UsageError if flags alone ask for heavy load on another machine without --yes."""
    from soak.profile.hosts import is_loopback  # noqa: PLC0415 - `--help` needs none of it

    host = urlsplit(profile.target.url).hostname or ""
    if confirmed or not host or is_loopback(host):
        return
    load = profile.load
    if load.peak > (UNCONFIRMED_RATE if load.open else UNCONFIRMED_USERS):
        asked = f"{load.peak:g} {'requests/s' if load.open else 'users'}"
        raise UsageError(f"{asked} for {host}, which is another machine: confirm that with --yes")


def _assume(load: dict[str, Any], *, own_users: bool) -> list[str]:
    """Fill in what the load needs and the flags do not give; return it as flags."""
    assumed = []
    if "rate" not in load and "users" not in load:
        key, value = ("users", DEFAULT_USERS) if own_users else ("rate", DEFAULT_RATE)
        load[key] = value
        assumed.append(f"--{key} {value}")
    if "duration" not in load:
        load["duration"] = DEFAULT_DURATION
        assumed.append(f"--duration {DEFAULT_DURATION}")
    return assumed


def sent(flags: dict[str, Any]) -> list[str]:
    """Return headers and bodies in the form of --set, which keeps their values out of the run directory."""
    headers = [_header(text) for text in flags["headers"]]
    key, body = _body(flags)
    methods = [str(text).split(" ", 1)[0].upper() for text in flags["endpoints"]]
    if (headers or key) and not methods:
        raise UsageError("--header, --json-body and --body go with --endpoint")
    if key and not any(method in _WITH_BODY for method in methods):
        raise UsageError(
            f"--json-body and --body go with an --endpoint whose method is {', '.join(_WITH_BODY)}"
        )
    assignments = []
    for number, (text, method) in enumerate(zip(flags["endpoints"], methods, strict=True)):
        own = [f"headers.{name}={json.dumps(value)}" for name, value in headers]
        own += [f"{key}={body}"] if key and method in _WITH_BODY else []
        if own:
            assignments.append(f"endpoints.{number}={json.dumps({'request': text})}")
            assignments += [f"endpoints.{number}.{assignment}" for assignment in own]
    return assignments


def _body(flags: dict[str, Any]) -> tuple[str, str]:
    """Return the key of the body and its value as YAML; both empty without one."""
    if flags["json_body"] and flags["body"]:
        raise UsageError("give either --json-body or --body, and not both")
    if not flags["json_body"]:
        return ("body", json.dumps(flags["body"])) if flags["body"] else ("", "")
    try:
        json.loads(flags["json_body"])
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"--json-body: not valid JSON: {getattr(error, 'msg', 'nested too deeply')}"
        ) from None
    return "json", flags["json_body"]


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"--header {name!r}: expected 'Name: value'")
    return name.strip(), value.strip()


def _process(text: str) -> dict[str, Any]:
    key, colon, value = text.partition(":")
    if not colon or key not in PROCESS_KEYS:
        raise UsageError(
            f"--process {text}: expected {', '.join(f'{known}:…' for known in PROCESS_KEYS)}"
        )
    return {key: int(value) if key in ("port", "pid") and value.isdigit() else value}


def _flag(name: str) -> str:
    return "--" + {"json_body": "json-body", "allow": "allow"}.get(name, name.removesuffix("s"))


def _name(url: str) -> str:
    """Name a run without a profile after its target."""
    try:
        host = urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        host = ""  # an invalid URL is refused later with the profile
    name = "".join(letter if letter.isalnum() or letter in ".-" else "-" for letter in host).strip(
        "-."
    )
    return name or "soak"
