"""Compare a run with a baseline, for `--against` of `soak run` and `soak report`."""

from __future__ import annotations

from pathlib import Path

from soak.analysis.acceptance import FASTER
from soak.baseline import Baseline, capacity_in
from soak.cli.comparison_options import CODES, profile_rules, show, write_comparison
from soak.cli.printing import say
from soak.compared import MeasuredRun
from soak.comparison.comparing import compare
from soak.errors import ExitCode, UsageError
from soak.model import Analysis
from soak.pipeline import measured
from soak.recording.files import PROFILE
from soak.reporters.comparison import COMPARISON_REPORTERS

#: Standard errors from the middle of a 95% interval to its end.
_REACH = 1.96


def fastest_growth(baseline: Baseline) -> dict[str, float]:
    """Return the fastest growth per hour that an accepted leak in each series may have: the baseline's, plus a quarter."""
    fastest: dict[str, float] = {}
    for run in baseline.runs:
        for measurement in run.measurements:
            if measurement.metric == "growth" and measurement.value > 0:
                bound = (measurement.value + _REACH * measurement.drift) * (1 + FASTER)
                fastest[measurement.subject] = max(fastest.get(measurement.subject, 0.0), bound)
    return fastest


def compared_with(
    baseline: Baseline, analysis: Analysis, directory: Path, code: ExitCode, *, as_json: bool
) -> ExitCode:
    """Compare a judged run with a baseline, show it, write the files of the comparison, and combine the exit codes."""
    try:
        run = measured(directory, analysis)
    except UsageError as error:
        say(f"soak: not compared with the baseline {baseline.name}: {error}", err=True)
        return code if code is not ExitCode.PASS else ExitCode.INCONCLUSIVE
    bases = [earlier for earlier in baseline.runs if _metrics(earlier) & _metrics(run)]
    if not bases and capacity_in(baseline) is not None:
        say(
            f"soak: not compared: the baseline {baseline.name} has a capacity, but no soak test",
            err=True,
        )
        return code
    rules = profile_rules(directory / PROFILE)
    comparison = compare(
        bases or baseline.runs, (run,), rules, names=(f"baseline {baseline.name}", directory.name)
    )
    show(comparison, err=as_json)
    write_comparison(comparison, directory, COMPARISON_REPORTERS)
    return worse_of(code, CODES[comparison.verdict])


def _metrics(run: MeasuredRun) -> set[str]:
    return {measurement.metric for measurement in run.measurements}


def worse_of(run: ExitCode, comparison: ExitCode) -> ExitCode:
    """Combine exit codes: first the run's fail or interruption, then the comparison's fail, then any that is not a pass."""
    if run in (ExitCode.FAIL, ExitCode.INTERRUPTED) or comparison is ExitCode.PASS:
        return run
    return comparison if comparison is ExitCode.FAIL or run is ExitCode.PASS else run
