"""Judge the files of `soak analyze`, one by one or on all cores: the output for each, and a table of all."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soak.analysis import analyze
from soak.cli.delivery import Written, code_of, write_reports
from soak.cli.own_reports import somebody_elses
from soak.errors import ExitCode, SoakError, UsageError
from soak.formats import Options, read_recording
from soak.formats.column_names import in_base_unit, labelled
from soak.formats.prometheus_server import RangeQuery, query_server
from soak.model import Analysis, Finding, Recording, Verdict
from soak.profile import Limits
from soak.recording import is_run_directory
from soak.reporters import installed, wording

_BADNESS = [
    ExitCode.PASS,
    ExitCode.INCONCLUSIVE,
    ExitCode.FAIL,
    ExitCode.BROKEN,
    ExitCode.INTERRUPTED,
    ExitCode.USAGE,
]
#: From this many files on, it is worth starting a process per core.
_MANY = 8


@dataclass(frozen=True)
class JudgedFile:
    """The output for one file, the error message, its exit code, and its row of the table."""

    path: str
    text: str
    complaint: str
    code: ExitCode
    verdict: str = "not read"
    series: int = 0
    decisive: str = ""


@dataclass(frozen=True)
class Request:
    """The settings that apply to every file; with `query`, a server is queried instead of files."""

    limits: Limits
    warmup: float
    options: Options
    as_json: bool
    alone: bool
    out: Path | None = None
    formats: list[str] | None = None
    query: RangeQuery | None = None

    def all(self, files: tuple[Path, ...]) -> Iterator[JudgedFile]:
        """Yield the result for each file, in order."""
        from multiprocessing import get_context  # noqa: PLC0415

        if self.query is not None:
            yield self.judged(Path(self.query.server))
            return
        processes = min(os.cpu_count() or 1, len(files) // _MANY)
        if processes < 2:
            yield from map(self.judged, files)
            return
        import pandas  # noqa: F401, ICN001, PLC0415 - imported once, before the processes are forked

        # Forking is safe here, because no thread has been started yet.
        with get_context("fork" if sys.platform == "linux" else "spawn").Pool(processes) as pool:
            yield from pool.imap(self.judged, files, chunksize=4)

    def judged(self, path: Path) -> JudgedFile:
        """Judge one file; an error in it becomes its result."""
        try:
            return self._judged(path)
        except SoakError as error:
            return JudgedFile(str(path), "", str(error), error.exit_code)

    def _judged(self, path: Path) -> JudgedFile:
        analysis = self._analysis(path)
        code = code_of(analysis)
        written = self._write(analysis, path, self.out) if self.out is not None else Written()
        code = written.code(code)
        growth = [finding for finding in analysis.findings if finding.trend is not None]
        row = (str(path), code, analysis.verdict.upper(), len(growth), _decisive(analysis))
        if self.as_json:
            from soak.reporters.json import render  # noqa: PLC0415 - only for those who want it

            return _row(written, json.dumps(json.loads(render(analysis)), ensure_ascii=False), *row)
        if self.alone:
            return _row(written, _terminal(analysis), *row)
        name, reason = wording.clean(str(path)), wording.clean(analysis.reason)
        return _row(written, f"{analysis.verdict.upper():<12} {name}: {reason}", *row)

    def _analysis(self, path: Path) -> Analysis:
        from soak.pipeline import judge_run  # noqa: PLC0415 - only for run directories
        from soak.recording import load_recording  # noqa: PLC0415

        if self.query is not None:
            return self._of_file(query_server(self.query, self.options))
        if is_run_directory(path):
            changed: Mapping[str, Any] = self.limits.model_dump(exclude_unset=True)
            return (
                analyze(load_recording(path), self.limits, warmup=self.warmup)
                if changed
                else judge_run(path)
            )
        return self._of_file(read_recording(path, self.options))

    def _of_file(self, recording: Recording) -> Analysis:
        limits = _as_series(self.limits, recording, self.options)
        return analyze(recording, limits, warmup=self.warmup, judge_unknown=True)

    def _write(self, analysis: Analysis, path: Path, out: Path) -> Written:
        """Write the reports of one file to `out`, or to a subfolder with the file's name if there are several files."""
        return write_beside(analysis, out if self.alone else out / path.name, self.formats)


def write_beside(analysis: Analysis, directory: Path, formats: list[str] | None) -> Written:
    """Write reports to a directory that does not hold a run; it is created if missing."""
    if is_run_directory(directory):
        raise UsageError(f"--out {directory}: holds a run; name another directory")
    reporters = installed()
    names = [reporters[name].file_name for name in (formats or reporters)]
    if others := somebody_elses(directory, names):
        raise UsageError(
            f"--out {directory}: its {others[0]} was not written by soak and would be overwritten; name another directory"
        )
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {directory}: cannot be created: {error.strerror}") from None
    return write_reports(analysis, directory, formats)


def _row(
    written: Written, text: str, path: str, code: ExitCode, verdict: str, series: int, decisive: str
) -> JudgedFile:
    return JudgedFile(
        path, text, "\nsoak: ".join(written.problems), code, verdict, series, decisive
    )


def _terminal(analysis: Analysis) -> str:
    import click  # noqa: PLC0415 - beside the renderer

    from soak.reporters.terminal import render  # noqa: PLC0415 - rich is only needed here

    return render(
        analysis, width=click.get_current_context().terminal_width, color=sys.stdout.isatty()
    )


def _as_series(limits: Limits, recording: Recording, options: Options) -> Limits:
    """Replace the file's column names in limits by the names of the series."""
    known = {series.name for series in recording.series} | {
        series.key for series in recording.series
    }

    def renamed(named: Mapping[str, float]) -> dict[str, float]:
        return {_series_name(name, known, options): value for name, value in named.items()}

    return limits.model_copy(update={"growth": renamed(limits.growth), "max": renamed(limits.max)})


def _series_name(column: str, known: set[str], options: Options) -> str:
    if column in known:
        return column
    try:
        name = in_base_unit(labelled(column)[0], options.units.get(column, ""))[0]
    except ValueError:
        return column
    return name if name in known else column


def _decisive(analysis: Analysis) -> str:
    """Return the decisive finding in figures: the first of the worst."""
    findings = sorted(
        analysis.findings, key=lambda finding: wording.WORST_FIRST.index(finding.verdict)
    )
    chosen = next((finding for finding in findings if finding.trend is not None), None)
    if chosen is None or (
        findings and findings[0].verdict is not Verdict.PASS and findings[0].trend is None
    ):
        chosen = findings[0] if findings else None
    return _in_figures(chosen) if chosen is not None else "no series was judged"


def _in_figures(finding: Finding) -> str:
    growth = wording.growth_and_interval(finding.trend, wording.brief(wording.slope_unit(finding)))
    return f"{wording.series(finding)}: {growth}" if growth else wording.clean(finding.reason)


def worst_code(rows: list[JudgedFile]) -> ExitCode:
    """Return the worst exit code of all files."""
    return max((row.code for row in rows), key=_BADNESS.index, default=ExitCode.PASS)


def summary(rows: list[JudgedFile]) -> str:
    """Return a table of all files, and the number of files with each verdict."""
    cells = [("file", "verdict", "series", "what decides")]
    cells += [
        (wording.clean(row.path), row.verdict, str(row.series or ""), row.decisive) for row in rows
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(3)]
    lines = [
        f"{file:<{widths[0]}}  {verdict:<{widths[1]}}  {series:>{widths[2]}}  {decisive}".rstrip()
        for file, verdict, series, decisive in cells
    ]
    counts = [
        (name, sum(row.verdict == name for row in rows))
        for name in ("FAIL", "INCONCLUSIVE", "PASS", "not read")
    ]
    tally = ", ".join(f"{count} {name.lower()}" for name, count in counts if count)
    return "\n".join(["", *lines, "", f"{len(rows)} files: {tally}"])
