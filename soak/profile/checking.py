"""What a profile's parts must be to each other and to the files beside it; types alone cannot say it."""

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

#: What templates can use besides data rows and captures; a row or a capture of such a name would hide it.
TEMPLATE_NAMES = ("choice", "now", "randint", "range", "seq", "user", "uuid")


def check(profile: Profile, document: yamltext.Document) -> None:
    """Everything that can be known before the run; ProfileError for the first thing wrong."""
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
    """Load goes to loopback, or to a host that `target.allow` names; nowhere else, and tokens come from no other."""
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
    """Every request of a profile, alone or in a flow: its place in the file, its label, and itself."""
    yield from profile.requests


def check_requests(profile: Profile, document: yamltext.Document) -> None:
    """Something to request, and labels that tell requests apart."""
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


#: What only soak's own users know; a locustfile's are all its own.
_OF_OWN_USERS = ("think", "pace", "seed", "cookies", "redirects")


def check_locustfile(profile: Profile, document: yamltext.Document) -> None:
    """Nothing beside a locustfile that would silently have no effect."""
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
    """Whether an address with {trace_id} in it may stand in a report: http or https, and without a user's password."""
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
    """Links that lead somewhere, and a backend that can be asked; nothing of it is load, so any host will do."""
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
    """Whether a URL leads somewhere: http or https, a host, a port that can be, no blank."""
    try:
        parts = urlsplit(url)
        there = bool(parts.hostname) and parts.port != 0 and not parts.fragment
        return parts.scheme in ("http", "https") and there and not _BLANK.search(url)
    except ValueError:
        return False


def check_names(profile: Profile, document: yamltext.Document) -> None:
    """Rows and captures hide neither each other nor what templates have anyway."""
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
    """Limits of tags that there are; and growth can be judged at another rate only where requests have one."""
    tags = sorted(group.name for group in profile.groups if group.kind == "tag")
    for tag in profile.limits.tags:
        if tag not in tags:
            there = f"; the tags are {', '.join(tags)}" if tags else ""
            raise refused(document, ("limits", "tags", tag), f"no request has this tag{there}")
    if profile.limits.survive.at is not None and not profile.open:
        reason = "needs a rate of requests, and users make as many as the target lets them: give load.rate, or leave it out"
        raise refused(document, ("limits", "survive", "at"), reason)


def check_files(profile: Profile, document: yamltext.Document) -> None:
    """Every file that the profile names is there."""
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
    """Each is a file, or a directory with such files."""
    place = ("load", "locustfile")
    for name in profile.load.locustfile or []:
        path = beside(document.file, name)
        if is_directory(path) and not locustfiles_at(path):
            raise refused(document, place, f"no file *.py in the directory {name}")
        if not is_directory(path) and not is_file(path):
            raise refused(document, place, f"no file {name}")


def locustfiles_at(path: Path) -> list[Path]:
    """A file; of a directory all that Locust would take: those in and below it that do not begin with `_`."""
    return sorted(path.rglob("[!_]*.py")) if is_directory(path) else [path]


def check_diagnose(profile: Profile, document: yamltext.Document) -> None:
    """Snapshots leave samples in between to judge, and the load can be made again where that is asked for."""
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


#: The longest window of a capacity search (seconds): a step must have several to show how much they differ.
LONGEST_WINDOW = 1.0


def check_find(profile: Profile, document: yamltext.Document) -> None:
    """Nothing beside a capacity search that belongs to a soak."""
    if profile.load.find is None:
        return
    if profile.diagnose is not None:
        raise refused(
            document,
            ("diagnose",),
            "goes with a soak, and load.find is a capacity search: leave it out",
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
    """Whether there is such a file; a name that no file can have is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_directory(path: Path) -> bool:
    """Whether there is such a directory; a name that no file can have is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def directory_of(file: str) -> Path:
    """The directory of a profile; the working directory where the profile is no file."""
    path = Path(file)
    return path.parent if path.is_file() or path.is_absolute() else Path()


def beside(file: str, name: str) -> Path:
    """A file that a profile names: relative to the working directory if it is there, else to the profile."""
    near = Path(file).parent / name
    return near if near.exists() or not Path(name).exists() else Path(name)
