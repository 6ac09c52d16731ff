"""Check that the target was given the requested load, throughout the judged stretch, and served it.

A target without requests leaks nothing. So answered requests, arrivals, users and successes are
checked in thirds of the judged stretch, like sources and series (soak.analysis.rules.coverage), and
less than 80% of any third is inconclusive. A run that made no request at all is broken.

| threshold | unit | why there |
|---|---|---|
| `QUIET` 10 | mean gaps between requests | at random arrivals a gap of ten means is one in 22,000 |
| `ENOUGH` 10 | requests | fewer are too few for a share of failures |
| `MOSTLY` 0.5 | share of requests | a service that mostly fails does not do the work that would make it leak |
| `UNLIMITED_FAILURES` 0.01 | share of requests | most services promise at least this; a reader expects to be told |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from soak.analysis.prepare.prepare import Prepared
from soak.analysis.rules.coverage import COVERED, Gap, thirds, uncovered, unmasked, worst
from soak.analysis.rules.load_generator import RATE
from soak.analysis.rules.rate_kept import rate_not_kept
from soak.analysis.rules.rule import RuleInput
from soak.model import EventKind, Finding, RuleName, Verdict
from soak.profile.windowed import Windowed
from soak.units import show_number, show_ratio
from soak.windows import EndpointWindows

QUIET, ENOUGH, MOSTLY, UNLIMITED_FAILURES = 10.0, 10, 0.5, 0.01


def load_findings(asked: RuleInput) -> Iterator[Finding]:
    """Yield missing requests, arrivals and users compared with those asked for, and stretches of mostly failures."""
    prepared = asked.prepared
    if not prepared.driven or prepared.end <= prepared.judged_from:
        return
    everything = prepared.requests_of_all
    not_kept = rate_not_kept(prepared)
    if not_kept is not None:
        kept, reason = not_kept
        yield _inconclusive(RATE, kept, reason)
        return  # all other findings about the load would follow from this one
    gap = worst(_gaps_of_requests(prepared, everything))
    if gap is not None:
        yield _of_load(
            "requests",
            gap,
            f"Requests were answered in {gap.said(prepared)}: what the load leaves behind was not seen",
        )
        return
    gap = worst(_gaps_of_arrivals(prepared))
    if gap is not None:
        when = (
            gap.said(prepared).removeprefix("only ").replace("the time", "the arrivals asked for")
        )
        yield _of_load(
            "arrivals",
            gap,
            f"Only {when} were sent: the load generator did not keep the rate, so the target was not given the load "
            "that was to be judged",
        )
    gap = worst(_gaps_of_users(prepared))
    if gap is not None:
        when = gap.said(prepared).removeprefix("only ").replace("the time", "the users asked for")
        yield _of_load(
            "users",
            gap,
            f"Only {when} were there: the target was not given the load that was to be judged",
        )
    if everything is not None:
        yield from _successes(prepared, everything, asked.limits.errors)


def _successes(
    prepared: Prepared, everything: EndpointWindows, allowed: float | Windowed | None
) -> Iterator[Finding]:
    """Yield stretches in which most requests failed; if a limit judges errors, those in which all failed."""
    if allowed is None:
        if _mostly_failed(prepared, everything):
            return
        gap = worst(_gaps_of_successes(prepared, everything))
        if gap is not None:
            yield _of_load(
                "successes",
                gap,
                f"Requests mostly succeeded in {gap.said(prepared)}: a service that mostly fails is not doing the "
                "work that would make it leak",
            )
    elif allowed != 1.0:  # with a limit of 100%, all requests may fail
        gap = worst(_gaps_of_successes(prepared, everything, all_failed=True))
        if gap is not None:
            yield _of_load(
                "successes",
                gap,
                f"At least one request succeeded in {gap.said(prepared)}: a limit on errors allows some requests to fail, "
                "but not an outage of that length",
            )


def _of_load(what: str, gap: Gap, reason: str) -> Finding:
    reason = f"{reason}; a run with them in {show_ratio(COVERED)} of each third would tell."
    return _inconclusive(f"load_{what}", gap.share, reason)


def _inconclusive(name: str, share: float, reason: str) -> Finding:
    return Finding(
        RuleName.COVERAGE,
        name,
        Verdict.INCONCLUSIVE,
        reason,
        (),
        COVERED,
        round(share, 4),
        "ratio",
    )


def _gaps_of_requests(prepared: Prepared, everything: EndpointWindows | None) -> list[Gap]:
    """Return the thirds with too long times without an answer, compared with the usual time between two."""
    if everything is None:
        return [Gap(0.0, prepared.judged_from, prepared.end)]
    some = everything.requests > 0
    inside = (everything.times > prepared.judged_from) & (everything.times <= prepared.end + 1e-6)
    made = int(everything.requests[inside].sum())
    if not made:
        return [Gap(0.0, prepared.judged_from, prepared.end)]
    usual = float(np.median(everything.seconds))
    reach = max(2 * usual, QUIET * prepared.judged_seconds / made)
    ends, seconds = everything.times[some], np.minimum(everything.seconds[some], usual)
    idle = _idle(prepared)
    return [
        gap
        for gap in uncovered(prepared, ends - seconds - reach / 2, ends + reach / 2)
        if (gap.start, gap.end) not in idle
    ]


def _idle(prepared: Prepared) -> list[tuple[float, float]]:
    """Return the thirds in which no arrival was due and no user was asked for."""
    generator, users_at = prepared.recording.generator, prepared.asked.users_at
    scheduled = generator if generator is not None and np.isfinite(generator.asked).any() else None
    if scheduled is None and users_at is None:
        return []
    return [
        (start, end)
        for start, end in thirds(prepared)
        if (scheduled is None or not float(np.nansum(scheduled.between(start, end).asked)) > 0)
        and (
            users_at is None
            or all(users_at(prepared.load_time(edge)) == 0 for edge in (start, end))
        )
    ]


def _gaps_of_arrivals(prepared: Prepared) -> list[Gap]:
    """Return the thirds with too few of the arrivals due in the open model, by more than three standard errors."""
    if prepared.recording.generator is None:
        return []
    gaps = []
    for start, end in thirds(prepared):
        own = prepared.recording.generator.between(start, end)
        asked, made = float(np.nansum(own.asked)), float(np.nansum(own.made))
        if made + 3 * np.sqrt(asked) < COVERED * asked:
            gaps.append(Gap(made / asked, start, end))
    return gaps


def _gaps_of_users(prepared: Prepared) -> list[Gap]:
    """Return the thirds with too few users: compared with the profile, or with a locustfile's windows."""
    users, asked_at = prepared.recording.users, _users_asked(prepared)
    if users is None or asked_at is None:
        return []
    gaps = []
    for start, end in thirds(prepared):
        inside = (users.times > start) & (users.times <= end)
        asked = float(sum(map(asked_at, users.times[inside].tolist())))
        there = float(users.values[inside].sum())
        # Too few, and by at least one user.
        if there < COVERED * asked and asked - there >= inside.sum():
            gaps.append(Gap(there / asked, start, end))
    return gaps


def _users_asked(prepared: Prepared) -> Callable[[float], float] | None:
    """Return a function from a moment to the number of users asked for; None if none were asked for."""
    users_at, generator = prepared.asked.users_at, prepared.recording.generator
    if users_at is not None:
        return lambda moment: users_at(prepared.load_time(moment))
    if generator is None or not np.isfinite(generator.users_asked).any():
        return None
    times, asked = generator.times, np.nan_to_num(generator.users_asked)
    return lambda moment: float(asked[min(int(np.searchsorted(times, moment)), len(times) - 1)])


def _gaps_of_successes(
    prepared: Prepared, everything: EndpointWindows, *, all_failed: bool = False
) -> list[Gap]:
    """Return the thirds in which more than half of the requests failed, or all; sparse windows are merged."""
    own = everything.between(prepared.judged_from, prepared.end)
    group = _groups(own.requests.tolist())
    made = np.bincount(group, weights=own.requests)
    failed = np.bincount(group, weights=own.failures)
    failing = failed == made if all_failed else failed > MOSTLY * made
    bad = (failing & (made >= ENOUGH))[group]
    gaps = []
    for start, end in thirds(prepared):
        lost = float(
            np.maximum(
                np.minimum(own.times, end) - np.maximum(own.times - own.seconds, start), 0.0
            )[bad].sum()
        )
        if (share := 1 - lost / max(unmasked(prepared, start, end), 1e-9)) < COVERED:
            gaps.append(Gap(max(share, 0.0), start, end))
    return gaps


def _groups(requests: Sequence[int]) -> NDArray[np.int64]:
    """Return each window's group: it ends with the window that makes it ENOUGH requests, so no window is cut."""
    groups, group, made = [], 0, 0
    for count in requests:
        groups.append(group)
        made += count
        if made >= ENOUGH:
            group, made = group + 1, 0
    return np.array(groups, np.int64)


def _mostly_failed(prepared: Prepared, everything: EndpointWindows) -> bool:
    own = everything.between(prepared.judged_from, prepared.end)
    return int(own.failures.sum()) > MOSTLY * int(own.requests.sum())


def nothing_sent(prepared: Prepared) -> str | None:
    """Return why the run broke if it made no load at all; None if it made some, and for files."""
    if not prepared.driven:
        return None
    made = sum(int(windows.requests.sum()) for windows in prepared.recording.windows)
    if made:
        return None
    users = prepared.recording.users
    most = 0.0 if users is None or not len(users.values) else float(np.nanmax(users.values))
    warned = any(event.kind == EventKind.WARNING for event in prepared.recording.events)
    why = f"see {'the warnings and ' * warned}load.log for why"
    if users is not None and most <= 0:
        return f"No user was ever there, and no request was made: {why}."
    return f"No request was made{f' by {show_number(most)} users' if most else ''}: {why}."


def broken(why: str | None) -> str | None:
    """Return the sentence of a run that proves nothing; None without a reason."""
    return None if why is None else f"The run broke: {why.rstrip('.')}."


def load_warnings(asked: RuleInput, _findings: Sequence[Finding]) -> Iterator[str]:
    """Yield endpoints that were never requested, endpoints that always failed, and failures that no limit judges."""
    prepared = asked.prepared
    everything = prepared.judged_requests()
    if everything is not None and asked.limits.errors is None:
        made, failed = int(everything.requests.sum()), int(everything.failures.sum())
        if made > failed >= UNLIMITED_FAILURES * made:
            yield (
                f"{show_ratio(failed / made)} of the requests failed ({_kinds(everything)}), and no limit judges that: "
                "`errors: 1%` in `limits` makes it a fail"
            )
    sent = {windows.endpoint for windows in prepared.recording.windows if windows.requests.sum()}
    never = [name for name in prepared.asked.endpoints if name not in sent]
    if never and sent:
        more = f" and {len(never) - 3} more" if len(never) > 3 else ""
        yield f"never sent: {', '.join(never[:3])}{more}, so whether it leaks is not known"
    for windows in prepared.windows():
        made, failed = int(windows.requests.sum()), int(windows.failures.sum())
        if made and made == failed:
            everyone = "its only request" if made == 1 else f"all {made:,} requests"
            failing = f"{windows.endpoint}: {everyone} failed ({_kinds(windows)})"
            yield f"{failing}, so whether it leaks is not known"


def _kinds(windows: EndpointWindows) -> str:
    """Return the three most frequent kinds of failure."""
    commonest = sorted(windows.failure_kinds.items(), key=lambda item: -item[1])
    return ", ".join(kind for kind, _ in commonest[:3])
