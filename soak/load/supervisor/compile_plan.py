"""Compile a checked profile into the plan that the load process reads."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal
from urllib.parse import quote, urlencode
from zlib import crc32

from soak.load.plan.cluster_options import cluster_options_of
from soak.load.plan.credentials import Credentials
from soak.load.plan.feeds import PlannedFeeder
from soak.load.plan.plan import (
    Headers,
    Plan,
    PlannedAuth,
    PlannedBlock,
    PlannedFlow,
    PlannedPiece,
    PlannedRequest,
    PlannedStep,
)
from soak.load.plan.schedule import scenario_segments, segments_of
from soak.load.plan.tls_options import TlsOptions
from soak.load.scenario.templates import (
    PRINTED,
    form_source,
    is_template,
    json_source,
    literal,
    path_source,
)
from soak.load.supervisor.compile_expectations import planned_expectations, planned_extractors
from soak.load.supervisor.multipart import multipart_pieces
from soak.load.supervisor.shared_headers import ADDED_HEADERS, with_headers
from soak.load.supervisor.validate import check_requests_and_data
from soak.profile import Profile
from soak.profile.checking import beside, locustfiles_at
from soak.profile.flows import BlockSpec, StepSpec
from soak.profile.load import TrafficShape
from soak.profile.requests import Capture, RequestSpec, Sending
from soak.profile.scenarios import ScenarioSpec
from soak.profile.types import courses_of, label_of
from soak.profile.yamltext import Document
from soak.profile.yamltext import Path as Place

#: Timeout of a whole response, in seconds, if the profile sets none.
LONGEST_WAIT = 10.0
_CONTENT_TYPES = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "text": "text/plain; charset=utf-8",
    "file": "application/octet-stream",
}


def plan_of(profile: Profile) -> Plan:
    """Compile a checked profile into a plan. Raise ProfileError if its templates, data or JSONPaths are wrong."""
    check_requests_and_data(profile)
    load, document = profile.load, profile.document
    digest = profile.auth.digest if profile.auth else None
    plan = Plan(
        url=profile.target.url.rstrip("/"),
        requests=(),
        duration=load.duration,
        ramp=load.ramp,
        interval=profile.interval,
        timeout=load.timeout.total or LONGEST_WAIT,
        connect_timeout=load.timeout.connect,
        read_timeout=load.timeout.read,
        locustfiles=_locustfiles(document, load.locustfile or []),
        seed=load.seed,
        think=(load.think.min, load.think.max) if load.think else None,
        redirects=load.redirects,
        cookies=load.cookies is not False,
        returning=load.cookies is True,
        rows=tuple(
            PlannedFeeder(
                name,
                str(beside(document.file, rows.file).resolve()),
                rows.jsonl is not None,
                rows.order,
            )
            for name, rows in profile.data.items()
        ),
        auth=_auth(profile),
        digest=Credentials(digest.user, digest.password) if digest else None,
        tls=_tls(profile),
        allow=tuple(profile.target.allow),
        traceparent=profile.trace.traceparent,
        trace_header=profile.trace.header,
        distributed=cluster_options_of(profile),
        attribute=profile.diagnose is not None and profile.diagnose.attribute,
        staged=bool(load.stages),
        timeout_given="timeout" in load.model_fields_set,
        arguments=load.locust_arguments,
        user_classes=tuple(load.user_classes),
        tags=tuple(load.tags),
        exclude_tags=tuple(load.exclude_tags),
    )
    plan = (
        _with_scenarios(profile, plan)
        if profile.scenarios
        else _part(profile, plan, (), profile, load)
    )
    shared = _for_all(profile)
    return with_headers(plan, shared) if shared else plan


def _part(
    profile: Profile, plan: Plan, place: Place, part: Profile | ScenarioSpec, load: TrafficShape
) -> Plan:
    """Return the plan with the requests and the load of one part of the profile."""
    document, before = profile.document, label_of(part)
    courses = [
        (where, _steps(steps, document, where, name))
        for where, name, steps in courses_of(place, part)
    ]
    return replace(
        plan,
        requests=tuple(
            planned(
                endpoint,
                document,
                (*place, "endpoints", index),
                before + endpoint.label,
                endpoint.weight,
            )
            for index, endpoint in enumerate(part.endpoints)
        ),
        setup=courses[0][1],
        flows=tuple(
            PlannedFlow(before + flow.name, flow.weight, steps)
            for flow, (_, steps) in zip(part.flows, courses[1:-1], strict=True)
        ),
        teardown=courses[-1][1],
        rate=load.peak if load.open else None,
        users=None if load.open else int(load.peak),
        pieces=segments_of(load),
        arrivals=load.arrivals,
        think=(load.think.min, load.think.max) if load.think else None,
        pace=load.pace,
    )


def _with_scenarios(profile: Profile, plan: Plan) -> Plan:
    """Return the plan with its scenarios' own plans; each scenario has its own random seed."""
    scenarios: list[Plan] = []
    for place, part in profile.parts:
        load = part.load.within(profile.load) if isinstance(part, ScenarioSpec) else None
        assert load is not None
        own = _part(profile, plan, place, part, load)
        scenarios.append(
            replace(
                own,
                scenario=part.name,
                seed=crc32(f"{plan.seed}/{part.name}".encode()),
                ramp=load.after + load.ramp,
                duration=load.duration,
                pieces=scenario_segments(load, plan.ramp + plan.duration),
            )
        )
    rates = [own.rate for own in scenarios if own.rate is not None]
    users = [own.users for own in scenarios if own.users is not None]
    return replace(
        plan,
        scenarios=tuple(scenarios),
        rate=sum(rates) if rates else None,
        users=sum(users) if users else None,
    )


def planned(
    spec: RequestSpec,
    document: Document,
    place: Place,
    label: str,
    weight: float = 1.0,
    captures: dict[str, Capture] | None = None,
) -> PlannedRequest:
    """Compile the path, headers and body of one request, ready to send or to render."""
    method, _, path = literal(spec.request, place, document, key="request").partition(" ")
    body, template = b"", ""
    kind: Literal["text", "form", "json"] = "text"
    if spec.json_ is not None:
        kind = "json"
        body, template = _body(json_source(literal(spec.json_, place, document, key="json")))
    elif spec.form is not None:
        kind = "form"
        body, template = _body(form_source(literal(spec.form, place, document, key="form")))
    elif spec.body is not None:
        body, template = _body(literal(spec.body, place, document, key="body"))
    elif spec.file is not None:
        body = beside(document.file, spec.file).read_bytes()
    pieces: tuple[PlannedPiece, ...] = ()
    content_type = ""
    if spec.multipart is not None:
        pieces, content_type = multipart_pieces(spec.multipart, (*place, "multipart"), document)
    own = literal(spec.headers, place, document, key="headers")
    return PlannedRequest(
        label,
        method,
        path_source(path),
        weight,
        _headers(spec, own, content_type),
        _base64(body),
        template,
        kind,
        spec.timeout.total,
        spec.timeout.connect,
        spec.timeout.read,
        planned_expectations(spec.expect, place, document),
        planned_extractors(captures or {}),
        spec.redirects,
        pieces=pieces,
    )


def _body(source: str) -> tuple[bytes, str]:
    """Return (body, "") for a constant body, or (b"", source) for a template."""
    return (b"", source) if is_template(source) else (source.encode(), "")


def _headers(
    sending: Sending, given: dict[str, str | list[str]], content_type: str = ""
) -> Headers:
    """Return soak's own headers and the profile's; a header from the profile replaces soak's of the same name."""
    headers: dict[str, str | tuple[str, ...]] = {**ADDED_HEADERS}
    if content_type:
        headers["Content-Type"] = content_type
    kinds = {
        "json": sending.json_,
        "form": sending.form,
        "text": sending.body,
        "file": getattr(sending, "file", None),
    }
    kind = next((kind for kind, body in kinds.items() if body is not None), None)
    if kind is not None:
        headers["Content-Type"] = _CONTENT_TYPES[kind]
    replaced = {name.lower() for name in given}
    own = {name: value if isinstance(value, str) else tuple(value) for name, value in given.items()}
    return {name: value for name, value in headers.items() if name.lower() not in replaced} | own


def _for_all(profile: Profile) -> Headers:
    """Return the shared headers, sent with every request that has no header of the same name."""
    given = literal(profile.headers, (), profile.document, key="headers")
    headers = {
        name: value if isinstance(value, str) else tuple(value) for name, value in given.items()
    }
    if profile.auth is not None and profile.auth.basic is not None:
        login = profile.auth.basic
        headers["Authorization"] = "Basic " + _base64(f"{login.user}:{login.password}".encode())
    return headers


def _base64(body: bytes) -> str:
    return base64.b64encode(body).decode("ascii")


def _steps(
    steps: Sequence[StepSpec | BlockSpec], document: Document, place: Place, name: str
) -> tuple[PlannedStep, ...]:
    """Compile steps and blocks, in order; `name` prefixes the labels of their requests."""
    planned_steps: list[PlannedStep] = []
    for index, step in enumerate(steps):
        here = (*place, index)
        if isinstance(step, BlockSpec):
            rounds = step.repeat if step.while_ is None else step.at_most
            inner = _steps(step.steps, document, (*here, "steps"), name)
            planned_steps.append(
                PlannedBlock(inner, rounds, step.while_ or "", step.if_ or "", step.chance)
            )
        else:
            request = planned(step, document, here, f"{name} / {step.label}", captures=step.capture)
            think = (step.think.min, step.think.max) if step.think else None
            planned_steps.append(
                replace(request, condition=step.if_ or "", chance=step.chance, think=think)
            )
    return tuple(planned_steps)


def _auth(profile: Profile) -> PlannedAuth | None:
    """Compile the token request, or return None without one. It has no templates: a password may hold any characters."""
    auth = profile.auth
    if auth is None or auth.request is None:
        return None
    method, _, path = auth.request.partition(" ")
    body = b""
    if auth.json_ is not None:
        body = json.dumps(auth.json_).encode()
    elif auth.form is not None:
        body = urlencode(auth.form, doseq=True).encode()
    elif auth.body is not None:
        body = auth.body.encode()
    request = PlannedRequest(
        "auth", method, quote(path, safe=PRINTED), 1.0, _headers(auth, auth.headers), _base64(body)
    )
    url = auth.url.rstrip("/") if auth.url else None
    return PlannedAuth(request, url, auth.token, auth.refresh, auth.header)


def _tls(profile: Profile) -> TlsOptions:
    tls, document = profile.target.tls, profile.document
    ca, certificate, key = (
        _absolute(document, name) for name in (tls.ca, tls.certificate, tls.key)
    )
    return TlsOptions(ca, certificate, key, tls.insecure)


def _locustfiles(document: Document, named: list[str]) -> tuple[str, ...]:
    """Return every file that the named paths contain, without duplicates."""
    paths = (beside(document.file, name).resolve() for name in named)
    return tuple(dict.fromkeys(str(file) for path in paths for file in locustfiles_at(path)))


def _absolute(document: Document, name: str | None) -> str | None:
    return str(beside(document.file, name).resolve()) if name else None
