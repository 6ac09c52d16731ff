"""A worker's own limits on the master's plan: only what its command line allows, and only with identical files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from soak.load.plan.cluster_options import WorkerOptions, fingerprint, narrowed
from soak.load.plan.plan import Plan
from soak.profile.hosts import may_load


class PlanRejectedError(ValueError):
    """The plan needs something that this worker was not started to do, or cannot do."""


def fingerprints(plan: Plan) -> dict[str, str]:
    """Return the SHA-256 of each file that all workers must share, by the master's path; OSError for a missing file."""
    paths = [rows.path for rows in plan.rows]
    paths += plan.locustfiles
    return {path: fingerprint(path) for path in paths}


def own_plan(plan: Plan, expected: dict[str, str], options: WorkerOptions) -> Plan:
    """Restrict the plan to this worker's options (`allow`, `locustfiles`). PlanRejectedError if they do not suffice."""
    allow = options.allow
    for url in (plan.url, plan.auth.url if plan.auth else None):
        host = urlsplit(url).hostname or "" if url is not None else "localhost"
        if not may_load(host, allow):
            raise PlanRejectedError(
                f"this worker may not send load to {host}; to allow it, start it with --allow {host}"
            )
    for rows in plan.rows:
        _check_same(rows.path, expected[rows.path], f"data.{rows.name}")
    for key in ("ca", "certificate", "key"):
        path = getattr(plan.tls, key)
        if path is not None and not Path(path).is_file():
            raise PlanRejectedError(
                f"target.tls.{key}: no file {path} here; it must be at the same path as for the master"
            )
    return replace(
        plan,
        locustfiles=_own_locustfiles(plan, expected, options.locustfiles),
        allow=narrowed(plan.allow, allow),
    )


def _own_locustfiles(plan: Plan, expected: dict[str, str], own: tuple[str, ...]) -> tuple[str, ...]:
    """Return this worker's copies of the run's locustfiles, in the run's order, matched by content and not by name."""
    copies = {fingerprint(path): path for path in own}
    names = [Path(path).name for path in own]
    for path in plan.locustfiles:
        needed = Path(path).name
        if not own:
            raise PlanRejectedError(
                f"the run needs {needed}, and a worker runs no file that it was not started with: "
                f"copy it here and add --locustfile FILE"
            )
        if expected[path] not in copies and (needed in names or len(own) == 1):
            here = needed if needed in names else names[0]
            raise PlanRejectedError(f"{here} here differs from the master's: copy it anew")
        if expected[path] not in copies:
            raise PlanRejectedError(
                f"the run needs {needed} too: copy it here and add --locustfile FILE"
            )
    return tuple(copies[expected[path]] for path in plan.locustfiles)


def _check_same(path: str, expected: str, name: str) -> None:
    """Raise PlanRejectedError if a data file differs: workers divide rows by line, so all need the same file."""
    try:
        actual = fingerprint(path)
    except OSError as error:
        raise PlanRejectedError(
            f"{name}: {path} cannot be read here ({error.strerror}): copy it to the same path as for the master"
        ) from None
    if actual != expected:
        raise PlanRejectedError(f"{name}: {path} here differs from the master's: copy it anew")
