"""Ask Zipkin or Jaeger for the traces of a run's exemplars after the load has ended."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from soak.errors import SoakError, TargetError
from soak.model import Event, EventKind, Exemplar
from soak.profile import Profile
from soak.profile.checking import beside
from soak.profile.tls import TlsSettings
from soak.sampling.clock import Clock
from soak.sampling.fetch import Fetcher
from soak.sampling.spans import jaeger_trace, zipkin_trace
from soak.traces import Trace

#: Most traces that are requested, and timeouts in seconds for all of them and for each.
MOST, PATIENCE, EACH = 40, 30.0, 5.0


@dataclass(frozen=True, slots=True)
class Backend:
    """A tracing backend: its key in the profile, the API's paths of a trace and of the services, and its parser."""

    key: str
    path: str
    services: str
    read: Callable[[str, bytes], Trace]


BACKENDS = (
    Backend("zipkin", "/api/v2/trace/", "/api/v2/services", zipkin_trace),
    Backend("jaeger", "/api/traces/", "/api/services", jaeger_trace),
)


def gather_traces(
    profile: Profile,
    exemplars: Callable[[], Sequence[Exemplar]],
    clock: Clock,
    stop: threading.Event,
    add: Callable[[Trace], None],
    tell: Callable[[Event], None],
) -> None:
    """Add the exemplars' traces; any failure becomes one warning, because the finished run must still be sealed."""
    if backend_of(profile) is None:
        return
    over = clock.now()
    try:
        for trace in ask_for_traces(profile, exemplars(), clock, stop):
            add(trace)
    except SoakError as error:
        tell(Event(over, EventKind.WARNING, f"no traces of slow and failed requests: {error}"))
    except Exception as error:  # noqa: BLE001 - anything; its text might hold the address
        tell(Event(over, EventKind.WARNING, f"traces could not be read ({type(error).__name__})"))


def ask_for_traces(
    profile: Profile, exemplars: Sequence[Exemplar], clock: Clock, stop: threading.Event
) -> Iterator[Trace]:
    """Yield each exemplar's trace, without spans if the backend does not have it; nothing without a backend.

    Starts when the youngest exemplar is `trace.wait` seconds old, so that its spans have arrived, or at
    once when `stop` is set. Raises TargetError if the backend cannot be reached, is of another kind, or
    takes too long; the error never shows the address, which may contain a secret.
    """
    backend = backend_of(profile)
    wanted = list(dict.fromkeys(exemplar.trace for exemplar in exemplars if exemplar.trace))[:MOST]
    if backend is None or not wanted:
        return
    clock.wait(
        max(exemplar.time + exemplar.seconds for exemplar in exemplars) + profile.trace.wait, stop
    )
    parts, fetcher = _reached(profile, backend)
    deadline = clock.now() + PATIENCE
    for done, trace in enumerate(wanted):
        if clock.now() > deadline:
            few = f"only {done} of {len(wanted)} traces were to be had within {PATIENCE:g} s"
            raise TargetError(f"trace.{backend.key}: {few}")
        body = _asked(fetcher, parts, backend, backend.path + trace)
        yield _read(backend, trace, body) if body is not None else Trace(trace)


def backend_of(profile: Profile) -> Backend | None:
    """Return the backend that the profile names, or None."""
    return next((backend for backend in BACKENDS if getattr(profile.trace, backend.key)), None)


def probe_backend(profile: Profile, backend: Backend) -> None:
    """Ask the backend for its list of services, which may be empty; raise TargetError as `ask_for_traces` does."""
    parts, fetcher = _reached(profile, backend)
    body = _asked(fetcher, parts, backend, backend.services)
    if body is None:
        raise TargetError(f"trace.{backend.key}: it answered 404; is this the address of its API?")
    _read(backend, "", body)


def _reached(profile: Profile, backend: Backend) -> tuple[SplitResult, Fetcher]:
    parts = urlsplit(getattr(profile.trace, backend.key))
    return parts, Fetcher(EACH, _authorization(parts), _tls(profile, parts))


def _asked(fetcher: Fetcher, parts: SplitResult, backend: Backend, path: str) -> bytes | None:
    """Return the body at a path of the API; None for a 404."""
    url = _address(parts, path)
    try:
        answer = fetcher.get(url)
    except TargetError as error:
        raise TargetError(f"trace.{backend.key}: {str(error).removeprefix(f'{url}: ')}") from None
    if answer.status in (401, 403):
        what = "give its user as USER:${PASSWORD}@ before the host"
        raise TargetError(f"trace.{backend.key}: it answered {answer.status}; {what}")
    if answer.status not in (200, 404):
        raise TargetError(
            f"trace.{backend.key}: it answered {answer.status}; is this the address of its API?"
        )
    return answer.body if answer.status == 200 else None


def _read(backend: Backend, trace: str, body: bytes) -> Trace:
    try:
        return backend.read(trace, body)
    except TargetError as error:
        raise TargetError(f"trace.{backend.key}: {error}") from None


def _address(parts: SplitResult, path: str) -> str:
    """Return the API's address for a path, without the user and with the profile's query."""
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/") + path, parts.query, ""))


def _authorization(parts: SplitResult) -> dict[str, str]:
    """Return a Basic Authorization header from the URL's user and password."""
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"}


def _tls(profile: Profile, parts: SplitResult) -> TlsSettings:
    """Return `trace.tls`, or the target's TLS if the host is the same; files are relative to the profile."""
    same = parts.hostname == urlsplit(profile.target.url).hostname
    tls = profile.trace.tls or (profile.target.tls if same else TlsSettings())
    files = {key: getattr(tls, key) for key in ("ca", "certificate", "key")}
    return tls.model_copy(
        update={
            key: str(beside(profile.document.file, name))
            for key, name in files.items()
            if name is not None
        }
    )
