"""`soak check`: validate a profile; with --probe, make each request once."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from soak.cli.dashes import AfterDashes, after_dashes
from soak.cli.printing import say
from soak.errors import ExitCode, SoakError
from soak.printable import clean

if TYPE_CHECKING:
    from soak.model import Sample
    from soak.sampling.sources import Source

#: Seconds from which a snapshot is called slow: Python's and Node's stop the whole service meanwhile.
_SLOW_SNAPSHOT = 2.0


@click.command("check", cls=AfterDashes)
@click.argument("profile", type=click.Path(path_type=Path))
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set any key of the profile, such as load.rate=50/s. Repeatable.",
)
@click.option(
    "--against",
    metavar="BASELINE",
    help="Baseline (name or file) whose capacity is used for rates such as `70% of capacity`.",
)
@click.option(
    "--probe",
    is_flag=True,
    help="Also send each endpoint once and poll each source once; if the profile uses snapshots or traces, request them once.",
)
def command(profile: Path, overrides: tuple[str, ...], against: str | None, probe: bool) -> int:
    """Validate a profile, and print what a run would do.

    With --probe, the exit code is 4 if a request, a source or a snapshot fails. Words after -- are user classes of the
    locustfile, then its arguments.

    \b
    Examples:
      soak check profiles/nightly.yaml
      soak check profiles/staging.yaml --probe
      soak check profiles/capacity.yaml
      soak check profiles/locustfile.yaml -- --tenant acme
    """
    from soak.analysis.acceptance import out_of_date  # noqa: PLC0415
    from soak.cli.run_flags import locust_arguments  # noqa: PLC0415
    from soak.cli.sides import capacity_of, read_baseline  # noqa: PLC0415
    from soak.load.plan.cluster_options import TOKEN, check_listening, cluster_options_of  # noqa: PLC0415
    from soak.load.supervisor.validate import check_requests_and_data  # noqa: PLC0415 - `--help` needs none of it
    from soak.profile import load_profile  # noqa: PLC0415
    from soak.profile.summary import load_summary, search_lines, target_address  # noqa: PLC0415
    from soak.sampling.building import build_sources  # noqa: PLC0415

    baseline = read_baseline(Path(against)) if against is not None else None
    overrides = (*overrides, *locust_arguments(after_dashes() or []))
    loaded, _ = load_profile(profile, overrides, capacity=capacity_of(baseline))
    check_listening(cluster_options_of(loaded), os.environ.get(TOKEN, ""))
    build_sources(loaded, 1 if loaded.target.start else None)
    check_requests_and_data(loaded)
    locustfile = _locustfile(loaded)
    say(f"{profile}: valid; {load_summary(loaded)}; target {target_address(loaded)}{locustfile}")
    if loaded.load.find is not None:
        for line in search_lines(loaded):
            say(f"  {line}")
    for text in out_of_date(loaded.accept, datetime.now(UTC).date()):
        say(f"  {text}")
    for rule in loaded.abort_rules:
        say(
            f"  abort: {rule.text}{' (for targets on other machines, unless abort: off)' if rule.usual else ''}"
        )
    return _probe(loaded) if probe else ExitCode.PASS


def _locustfile(profile: object) -> str:
    """Import the profile's locustfile in a process of its own and describe it; empty without one."""
    from soak.load.supervisor.compile_plan import plan_of  # noqa: PLC0415
    from soak.load.supervisor.locustfile_check import check_locustfile  # noqa: PLC0415
    from soak.profile import Profile  # noqa: PLC0415

    assert isinstance(profile, Profile)
    summary = check_locustfile(plan_of(profile)) if profile.load.locustfile else None
    if summary is None:
        return ""
    shape = f", load shape {summary.shape}" if summary.shape else ""
    return f"; the locustfile imports: users {', '.join(summary.users)}{shape}"


def _probe(profile: object) -> int:
    """Make one request per endpoint and one scrape per source; return 4 if any fails."""
    import threading  # noqa: PLC0415
    from tempfile import TemporaryDirectory  # noqa: PLC0415

    from soak.load.supervisor.compile_plan import plan_of  # noqa: PLC0415
    from soak.probing import probe  # noqa: PLC0415
    from soak.profile import Profile  # noqa: PLC0415
    from soak.sampling.building import build_sources  # noqa: PLC0415
    from soak.sampling.discovery import probe_sources  # noqa: PLC0415
    from soak.target import StartedTarget, reach  # noqa: PLC0415

    assert isinstance(profile, Profile)
    plan, wrong, pid = plan_of(profile), 0, None
    with TemporaryDirectory() as scratch:
        target = (
            StartedTarget(
                profile.target.start, plan.url, Path(scratch) / "target.log", profile.document.file
            )
            if profile.target.start
            else None
        )
        try:
            if target is not None:
                target.start(threading.Event())
                pid = target.pid
            reach(plan.url, waiting=lambda text: say(f"       {clean(text)}"))
            for label, said, ok in probe(plan):
                wrong += not ok
                say(f"  {'ok  ' if ok else 'FAIL'} {clean(label)}: {clean(said)}")
            if profile.sources is None:
                sources, notes = probe_sources(plan.url, pid, profile.target.tls)
                for text in notes:
                    say(f"       {clean(text)}")
            else:
                sources = build_sources(profile, pid)
            if not sources:
                say(
                    "  FAIL no source of measurements was found on the target; name sources in the profile"
                )
                wrong += 1
            wrong += _probe_sources(profile, sources)
            wrong += _probe_profilers(profile, pid)
        finally:
            if target is not None:
                target.stop()
    wrong += _probe_traces(profile)
    return ExitCode.BROKEN if wrong else ExitCode.PASS


def _probe_sources(profile: object, sources: Mapping[str, Source]) -> int:
    """Poll each source once, and check that the series in limits exist; return the number of failures."""
    from soak.catalog.metrics import metric_of  # noqa: PLC0415
    from soak.profile import Profile  # noqa: PLC0415
    from soak.sampling.limit_names import absent_names, limited_names  # noqa: PLC0415
    from soak.sampling.sampler import notices_of  # noqa: PLC0415

    assert isinstance(profile, Profile)
    wrong, series = 0, []
    for name, source in sources.items():
        began = time.monotonic()
        try:
            samples = list(source.collect())
        except SoakError as error:
            wrong += 1
            say(f"  FAIL {name}: {clean(str(error))}")
            continue
        series += samples
        judged = sum(
            metric is not None and metric.judged and not sample.name.startswith("scrape_")
            for sample in samples
            for metric in [metric_of(sample.name, sample.labels)]
        )
        took = (time.monotonic() - began) * 1e3
        say(
            f"  ok   {name}: {len(samples)} series in {took:.0f} ms, of which {judged} can be judged"
        )
        for notice in notices_of(source):
            say(f"       {name}: {clean(notice)}")
        _show_likely(samples, judged)
    if series:
        for text in absent_names(
            limited_names(profile.limits, profile.abort_rules),
            ((sample.name, sample.labels) for sample in series),
        ):
            wrong += 1
            say(f"  FAIL limits: {clean(text)}")
    return wrong


def _show_likely(samples: Sequence[Sample], judged: int) -> None:
    """If no series of a source can be judged, show those that look like resources, and how to have them judged."""
    from soak.catalog.likely import likely_resources  # noqa: PLC0415

    if judged:
        return
    for likely in likely_resources((sample.name, sample.labels, sample.kind) for sample in samples):
        say(f"       looks like {likely.what}: {clean(likely.key)}; {clean(likely.line)} judges it")


def _probe_traces(profile: object) -> int:
    """Query the profile's trace backend once, if it has one; return 1 if that fails, else 0."""
    from soak.profile import Profile  # noqa: PLC0415
    from soak.sampling.trace_fetch import backend_of, probe_backend  # noqa: PLC0415

    assert isinstance(profile, Profile)
    backend = backend_of(profile)
    if backend is None:
        return 0
    try:
        probe_backend(profile, backend)
    except SoakError as error:
        say(f"  FAIL {clean(str(error))}")
        return 1
    say(f"  ok   trace.{backend.key}: it answers")
    return 0


def _probe_profilers(profile: object, pid: int | None) -> int:
    """Take and discard one snapshot with each profiler that `diagnose` asks for; return the number of failures."""
    from soak.profile import Profile  # noqa: PLC0415
    from soak.sampling.profilers.selection import profiled_target, profilers_of  # noqa: PLC0415

    assert isinstance(profile, Profile)
    if profile.diagnose is None:
        return 0
    profilers, wrong = profilers_of(profile, profiled_target(profile, pid)), 0
    if not profilers:
        say(
            "  FAIL diagnose: no profiles were found at the target; say where they are, such as diagnose.pprof"
        )
        return 1
    for key, profiler in profilers.items():
        began = time.monotonic()
        try:
            taken = list(profiler.take("start"))
        except SoakError as error:
            taken = [(profiler.kinds[0], error)]
        for kind, data in taken:
            failed = isinstance(data, SoakError)
            wrong += failed
            outcome = str(data) if isinstance(data, SoakError) else f"{len(data):,} bytes"
            say(f"  {'FAIL' if failed else 'ok  '} {key} {kind}: {clean(outcome)}")
        took = time.monotonic() - began
        slow = took > _SLOW_SNAPSHOT
        why = ": while it is taken the target answers late; take fewer, with diagnose.every"
        say(
            f"  {'slow' if slow else '    '} {key}: a snapshot takes {took * 1e3:.0f} ms{why if slow else ''}"
        )
    return wrong
