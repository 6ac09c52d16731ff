"""Check how a profile's parts fit each other and the files it names, which types alone cannot express."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from soak.profile import yamltext
from soak.profile.diagnose import LEAST_EVERY, LEAST_SAMPLES
from soak.profile.flows import StepSpec
from soak.profile.hosts import is_host, is_metadata_host, may_load
from soak.profile.load_checks import check_load
from soak.profile.refusal import refused
from soak.profile.requests import PartFile, RequestSpec
from soak.profile.types import Profile

#: Names in templates in addition to data rows and captures; a row or capture with such a name would hide it.
TEMPLATE_NAMES = ("choice", "now", "randint", "range", "seq", "user", "uuid")


def check(profile: Profile, document: yamltext.Document) -> None:
    """Check everything that can be known before the run; raise ProfileError for the first error."""
    check_target(profile, document)
    check_load(profile, document)
    check_requests(profile, document)
    check_locustfile(profile, document)
    check_trace(profile, document)
    check_names(profile, document)
    check_limits(profile, document)
    check_files(profile, document)
    check_diagnose(profile, document)
    check_find(profile, document)


def check_target(profile: Profile, document: yamltext.Document) -> None:
    """Check that load goes only to loopback or a host in `target.allow`, and that tokens come only from such hosts."""
    _check_url(profile.target.url, ("target", "url"), profile, document)
    if profile.gate is not None:
        for side in ("base", "candidate"):
            _check_url(getattr(profile.gate, side).url, ("gate", side, "url"), profile, document)
    if profile.auth is not None and profile.auth.url is not None:
        _check_url(profile.auth.url, ("auth", "url"), profile, document)


def _check_url(
    url: str, path: yamltext.Path, profile: Profile, document: yamltext.Document
) -> None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, 0
    known = url.isprintable() and parts.scheme in ("http", "https") and port != 0 if host else False
    if not host or not known or not is_host(host):
        raise refused(document, path, f"expected a URL such as http://127.0.0.1:8080, not {url!r}")
    if parts.username is not None or parts.query or parts.fragment:
        raise refused(
            document, path, "no user, query or fragment here; credentials go into headers as ${VAR}"
        )
    if is_metadata_host(host):
        raise refused(document, path, f"{host} is a cloud's metadata service; no load goes there")
    if not may_load(host, profile.target.allow):
        advice = "to allow it, " + (
            f"add --allow {host}" if document.flags else f"write target: {{allow: [{host!r}]}}"
        )
        raise refused(document, path, f"load to {host} is not allowed; {advice}")


def requests_of(profile: Profile) -> Iterator[tuple[yamltext.Path, str, RequestSpec]]:
    """Yield every request of a profile, alone or in a flow: its path in the file, its label, and the request."""
    yield from profile.requests


def check_requests(profile: Profile, document: yamltext.Document) -> None:
    """Check that there is something to request, and that labels are unique."""
    some = bool(profile.endpoints or profile.flows)
    if not profile.scenarios and some == bool(profile.load.locustfile):
        first = "endpoints" if profile.endpoints or not profile.flows else "flows"
        reason = (
            f"{first} and load.locustfile exclude each other"
            if some
            else "is missing: name at least one request"
        )
        raise refused(document, (first,), reason)
    for place, part in profile.parts:
        for key in ("setup", "teardown"):
            if getattr(part, key) and part.load.open:
                reason = "goes with users; with a rate, each flow is a visitor of its own: begin the flow with these steps"
                raise refused(document, (*place, key), reason)
    seen: dict[str, yamltext.Path] = {}
    for path, label, _ in requests_of(profile):
        if label in seen:
            there = ".".join(map(str, seen[label]))
            raise refused(
                document, path, f"{label!r} is there already ({there}); give it a name of its own"
            )
        seen[label] = path


#: Keys for soak's own users only; a locustfile's users do these things themselves.
_OF_OWN_USERS = ("think", "pace", "seed", "cookies", "redirects")


def check_locustfile(profile: Profile, document: yamltext.Document) -> None:
    """Refuse keys next to a locustfile that would have no effect."""
    if profile.load.locustfile is None:
        return
    coded = profile.diagnose is not None and profile.diagnose.attribute
    given: list[tuple[yamltext.Path, bool]] = [
        (("load", key), key in profile.load.model_fields_set) for key in _OF_OWN_USERS
    ]
    given += [
        (("data",), bool(profile.data)),
        (("auth",), profile.auth is not None),
        (("setup",), bool(profile.setup)),
        (("headers",), bool(profile.headers)),
        (("teardown",), bool(profile.teardown)),
        (("diagnose", "attribute"), coded),
    ]
    for path, there in (*given, (("trace",), "trace" in profile.model_fields_set)):
        if there:
            reason = "a locustfile's users do all that themselves, and this would have no effect: leave it out"
            raise refused(
                document, path, f"{reason} (or name endpoints instead of load.locustfile)"
            )


_BLANK = re.compile(r"[\s\x00-\x1f\x7f]")


def is_link(template: str) -> bool:
    """Return True if an address with {trace_id} may be shown in a report: http or https, without a user."""
    try:
        parts = urlsplit(template)
        host, user = parts.hostname, parts.username
    except ValueError:
        return False
    return (
        not _BLANK.search(template)
        and parts.scheme in ("http", "https")
        and bool(host)
        and user is None
        and "{trace_id}" in template
    )


def check_trace(profile: Profile, document: yamltext.Document) -> None:
    """Check that links are valid and the trace backend has an address. They get no load, so any host is allowed."""
    for key in ("link", "logs"):
        link = getattr(profile.trace, key)
        if link is not None and not is_link(link):
            expected = "an address of http or https with {trace_id} in it, such as http://127.0.0.1:16686/trace/{trace_id}"
            raise refused(
                document,
                ("trace", key),
                f"expected {expected}; no user or password, for reports show it",
            )
    for key in ("zipkin", "jaeger"):
        url = getattr(profile.trace, key)
        if url is not None and not is_address(url):
            raise refused(
                document,
                ("trace", key),
                "expected the API's address, such as http://127.0.0.1:9411",
            )


def is_address(url: str) -> bool:
    """Return True for a valid URL: http or https, with a host and a possible port, without blanks."""
    try:
        parts = urlsplit(url)
        there = bool(parts.hostname) and parts.port != 0 and not parts.fragment
        return parts.scheme in ("http", "https") and there and not _BLANK.search(url)
    except ValueError:
        return False


def check_names(profile: Profile, document: yamltext.Document) -> None:
    """Check that rows and captures hide neither each other nor built-in template names."""
    for name in profile.data:
        if name in TEMPLATE_NAMES:
            raise refused(
                document,
                ("data", name),
                f"{name} means something else in templates; choose another name",
            )
    taken = {*TEMPLATE_NAMES, *profile.data}
    for path, _, step in requests_of(profile):
        for name in taken.intersection(step.capture) if isinstance(step, StepSpec) else ():
            reason = f"{name} means something else in templates; choose another name"
            raise refused(document, (*path, "capture", name), reason)


def check_limits(profile: Profile, document: yamltext.Document) -> None:
    """Check that limits of tags name existing tags, and that `survive.at` is used only with a rate of requests."""
    tags = sorted(group.name for group in profile.groups if group.kind == "tag")
    for tag in profile.limits.tags:
        if tag not in tags:
            there = f"; the tags are {', '.join(tags)}" if tags else ""
            raise refused(document, ("limits", "tags", tag), f"no request has this tag{there}")
    if profile.limits.survive.at is not None and not profile.open:
        reason = "needs a rate of requests, and users make as many as the target lets them: give load.rate, or leave it out"
        raise refused(document, ("limits", "survive", "at"), reason)


def check_files(profile: Profile, document: yamltext.Document) -> None:
    """Check that every file named in the profile exists."""
    named: list[tuple[yamltext.Path, str | None]] = [
        ((*path, "file"), request.file) for path, _, request in requests_of(profile)
    ]
    named += [
        ((*path, "multipart", name), part.file)
        for path, _, request in requests_of(profile)
        for name, parts in (request.multipart or {}).items()
        for part in parts
        if isinstance(part, PartFile)
    ]
    named += [
        ((*path, "expect", "schema"), request.expect.schema_)
        for path, _, request in requests_of(profile)
        if isinstance(request.expect.schema_, str)
    ]
    named += [
        (("data", name, "csv" if rows.csv else "jsonl"), rows.file)
        for name, rows in profile.data.items()
    ]
    named += [
        (("target", "tls", key), getattr(profile.target.tls, key))
        for key in ("ca", "certificate", "key")
    ]
    if profile.trace.tls is not None:
        named += [
            (("trace", "tls", key), getattr(profile.trace.tls, key))
            for key in ("ca", "certificate", "key")
        ]
    check_locustfiles_are_there(profile, document)
    for path, name in named:
        if name is not None and not is_file(beside(document.file, name)):
            raise refused(document, path, f"no file {name}")


def check_locustfiles_are_there(profile: Profile, document: yamltext.Document) -> None:
    """Check that each locustfile is a file, or a directory with Python files."""
    place = ("load", "locustfile")
    for name in profile.load.locustfile or []:
        path = beside(document.file, name)
        if is_directory(path) and not locustfiles_at(path):
            raise refused(document, place, f"no file *.py in the directory {name}")
        if not is_directory(path) and not is_file(path):
            raise refused(document, place, f"no file {name}")


def locustfiles_at(path: Path) -> list[Path]:
    """Return a file, or the files in and below a directory that do not begin with `_`, as Locust selects them."""
    return sorted(path.rglob("[!_]*.py")) if is_directory(path) else [path]


def check_diagnose(profile: Profile, document: yamltext.Document) -> None:
    """Check that snapshots leave enough samples between them to judge, and that a confirming load is possible."""
    diagnose = profile.diagnose
    if diagnose is None:
        return
    least = max(LEAST_EVERY, LEAST_SAMPLES * profile.interval)
    if diagnose.every is not None and diagnose.every < least:
        reason = f"must be at least {least:g}s, for the samples that a snapshot disturbs are left out of judging"
        raise refused(document, ("diagnose", "every"), reason)
    if diagnose.confirm is None:
        return
    if profile.load.workers is not None and profile.load.workers.expect:
        raise refused(
            document,
            ("diagnose", "confirm"),
            "workers on other machines leave after the load: leave it out",
        )
    if not profile.drain:
        raise refused(
            document,
            ("diagnose", "confirm"),
            "needs a drain to compare: leave load.drain out, or give it time",
        )


#: The longest window of a capacity search in seconds: a step needs several to show their spread.
LONGEST_WINDOW = 1.0


def check_find(profile: Profile, document: yamltext.Document) -> None:
    """Refuse keys next to a capacity search that belong to a soak."""
    if profile.load.find is None:
        return
    if profile.diagnose is not None:
        raise refused(
            document,
            ("diagnose",),
            "belongs to a soak run, and load.find makes this a capacity search: leave it out",
        )
    if profile.scenarios:
        raise refused(
            document,
            ("load", "find"),
            "sets one rate, and scenarios have loads of their own: leave either out",
        )
    if profile.stop_early:
        raise refused(
            document,
            ("stop_early",),
            "load.find ends by itself, as soon as it has found the capacity",
        )
    if profile.gate is not None:
        raise refused(
            document,
            ("gate",),
            "drives one load on two targets, and load.find has none: leave either out",
        )
    if profile.interval > LONGEST_WINDOW:
        raise refused(document, ("sample",), "must be at most 1s with load.find")


def is_file(path: Path) -> bool:
    """Return True if the file exists; False for a name that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_directory(path: Path) -> bool:
    """Return True if the directory exists; False for a name that no directory can have."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def directory_of(file: str) -> Path:
    """Return a profile's directory; the working directory if the profile is not a file."""
    path = Path(file)
    return path.parent if path.is_file() or path.is_absolute() else Path()


def beside(file: str, name: str) -> Path:
    """Resolve a file named in a profile: relative to the profile if it exists there, else to the working directory."""
    near = Path(file).parent / name
    return near if near.exists() or not Path(name).exists() else Path(name)
