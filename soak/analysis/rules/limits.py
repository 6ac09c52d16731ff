"""The plain limits: errors, latency, rate and max, each compared over the judged stretch of the run."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase

from soak.analysis.prepare.prepare import QUANTILES, Prepared
from soak.analysis.prepare.request_groups import group_windows, of
from soak.analysis.rules.rule import RuleInput
from soak.catalog.metrics import metric_of, unknown_metric
from soak.model import Finding, Labels, RuleName, Series, Verdict
from soak.profile import EndpointLimits
from soak.profile.windowed import Windowed
from soak.units import Given, capitalized, show_apart, show_duration, show_number
from soak.windows import EndpointWindows

#: With a larger share of failures the service was hardly exercised, whatever else was measured.
_MOSTLY = 0.5


def request_findings(asked: RuleInput) -> Iterator[Finding]:
    """Yield errors, latencies and rate, over all requests and for each endpoint, scenario and tag with own limits."""
    prepared, limits = asked.prepared, asked.limits
    windows, requests = prepared.windows(), prepared.judged_requests()
    if requests is not None:
        yield from _requests(requests, limits, ())
    elif prepared.driven or _any_given(limits):
        yield Finding(
            RuleName.ERRORS,
            "http_requests",
            Verdict.INCONCLUSIVE,
            "No requests were recorded, so nothing can be said of them; soak check --probe shows what each one gets.",
        )
    for endpoint in windows:
        own = asked.endpoint_limits.get(endpoint.endpoint)
        labels = (("endpoint", endpoint.endpoint),)
        if own is not None:
            yield from _requests(endpoint, own, labels)
        elif limits.errors is None and len(windows) > 1:  # a single one is reported above
            yield from _errors(endpoint, EndpointLimits(), labels)
    for group, together in group_windows(windows, prepared.asked.groups):
        if group.limits is not None:
            yield from _requests(together, group.limits, ((group.kind, group.name),))


def max_findings(asked: RuleInput) -> Iterator[Finding]:
    """Yield the largest value of each series that `max` names, from the start of the load to its end."""
    prepared = asked.prepared
    for name, limit in asked.limits.max.items():
        limited = matching(prepared, name)
        if not limited:
            yield missing(prepared, RuleName.MAX, name, limit)
        for series in limited:
            role = metric_of(series.name, series.labels) or unknown_metric(series.name)
            known = series.known
            if not len(known):
                yield Finding(
                    RuleName.MAX,
                    series.name,
                    Verdict.INCONCLUSIVE,
                    f"{series.key} has no value: is it the right series?",
                    series.labels,
                    limit,
                )
                continue
            highest = float(known.max())
            unit = role.unit or _unit(series.name, limit)
            verdict = Verdict.FAIL if highest > limit else Verdict.PASS
            compared = "rose to" if verdict is Verdict.FAIL else "stayed at or below"
            rose, allowed = show_apart(highest, limit, unit)
            reason = f"{_subject(role.noun)} {compared} {rose}; {allowed} is allowed."
            yield Finding(
                RuleName.MAX, series.name, verdict, reason, series.labels, limit, highest, unit
            )


def plain(limit: float | Windowed | None) -> float | None:
    """Return a limit over the whole judged stretch; None if there is no limit, or it applies to a share of windows."""
    return limit if isinstance(limit, float) else None


def matching(prepared: Prepared, name: str) -> list[Series]:
    """Return the series that a limit names: by name, by name with labels, or by a glob."""
    return [
        series
        for series in prepared.series
        if name in (series.name, series.key) or fnmatchcase(series.name, name)
    ]


def missing(prepared: Prepared, rule: RuleName, name: str, limit: float) -> Finding:
    """Return an inconclusive finding: a limit on a series that was not recorded can never pass."""
    known = sorted({series.name for series in prepared.series})
    close = next(iter(get_close_matches(name, known)), None)
    hint = (
        f"; did you mean {close}?"
        if close
        else "; the report lists what was, and soak check --probe what is offered."
    )
    return Finding(
        rule,
        name,
        Verdict.INCONCLUSIVE,
        f"{name} has a limit, but was not recorded{hint}",
        (),
        limit,
        unit=_unit(name, limit),
    )


def _unit(name: str, limit: float) -> str:
    """Return the unit of a limited series: its own if known, else the one in which its limit was given."""
    series = name.partition("{")[0]
    own = (metric_of(series, ()) or unknown_metric(series)).unit
    given = limit.unit if isinstance(limit, Given) else ""
    if not own:
        return given
    return f"{own}/h" if given.endswith("/h") else str(own)


def _any_given(limits: EndpointLimits) -> bool:
    return any(getattr(limits, key) is not None for key in ("errors", "rate", *QUANTILES))


def _requests(
    windows: EndpointWindows, limits: EndpointLimits, labels: Labels
) -> Iterator[Finding]:
    total, failed = int(windows.requests.sum()), int(windows.failures.sum())
    seconds = float(windows.seconds.sum())
    yield from _errors(windows, limits, labels)
    for key, q in QUANTILES.items():
        limit = plain(getattr(limits, key))
        if limit is None:
            continue
        name, observed = f"http_request_{key}_seconds", windows.quantile(q)
        needed = round(1 / (1 - q))
        if observed is None or total - failed < needed:
            more = (
                f", {show_duration((needed - (total - failed)) * seconds / (total - failed))} more"
                if total > failed
                else ""
            )
            reason = f"{key} cannot be judged from {total - failed} successful requests: at least {needed} are needed{more}."
            yield Finding(
                RuleName.LATENCY,
                name,
                Verdict.INCONCLUSIVE,
                reason,
                labels,
                limit,
                observed,
                "seconds",
            )
            continue
        verdict = Verdict.FAIL if observed > limit else Verdict.PASS
        shown, allowed = show_apart(observed, limit, "seconds")
        reason = f"{of(labels)}{key} latency is {shown}; {allowed} is allowed."
        yield Finding(RuleName.LATENCY, name, verdict, reason, labels, limit, observed, "seconds")
    if limits.rate is not None:
        rate = total / seconds if seconds > 0 else 0.0
        verdict = Verdict.PASS if rate >= limits.rate else Verdict.FAIL
        reason = f"{of(labels)}{show_number(rate)} requests/s were achieved; at least {show_number(limits.rate)}/s are wanted."
        yield Finding(
            RuleName.RATE,
            "http_requests_per_second",
            verdict,
            reason,
            labels,
            limits.rate,
            rate,
            "/s",
        )


def _errors(windows: EndpointWindows, limits: EndpointLimits, labels: Labels) -> Iterator[Finding]:
    total, failed, kinds = (
        int(windows.requests.sum()),
        int(windows.failures.sum()),
        windows.failure_kinds,
    )
    name, limit = "http_request_error_ratio", plain(limits.errors)
    if total == 0:
        if limit is not None or not labels:
            reason = (
                f"{of(labels)}no request was made in the judged stretch, so errors cannot be judged; "
                "run longer, or shorten the warm-up."
            )
            yield Finding(
                RuleName.ERRORS,
                name,
                Verdict.INCONCLUSIVE,
                _subject(reason),
                labels,
                limit,
                None,
                "ratio",
            )
        return
    ratio = failed / total
    most = ", ".join(kind for kind, _ in sorted(kinds.items(), key=lambda item: -item[1])[:3])
    shown, allowed = show_apart(ratio, ratio if limit is None else limit, "ratio")
    sentence = f"{of(labels)}{failed:,} of {total:,} requests failed ({shown}{f': {most}' if failed and most else ''})"
    if limit is not None:
        verdict = Verdict.FAIL if ratio > limit else Verdict.PASS
        yield Finding(
            RuleName.ERRORS,
            name,
            verdict,
            f"{sentence}; {allowed} is allowed.",
            labels,
            limit,
            ratio,
            "ratio",
        )
    elif ratio > _MOSTLY:
        doing = "an endpoint that mostly fails" if labels else "a service that mostly fails"
        reason = f"{sentence}: {doing} is not doing the work that would make it leak; fix that, or allow it (limit errors: 100%)."
        yield Finding(
            RuleName.ERRORS,
            name,
            Verdict.INCONCLUSIVE,
            _subject(reason),
            labels,
            None,
            ratio,
            "ratio",
        )


def _subject(text: str) -> str:
    return capitalized(text)
