"""Set up the views of a run in progress: counts, judgement, terminal, live page."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from soak.cli.printing import say
from soak.cli.progress import LOG_EVERY, ProgressLines, Shown
from soak.cli.view_options import ViewOptions
from soak.live.address import TOKEN
from soak.live.judge import EVERY, Judge
from soak.live.page import LivePage
from soak.live.progress import Live

#: Seconds of a run before it is first judged: early with a live view, else in time for the log's
#: lines.
FIRST_JUDGED, FIRST_JUDGED_IN_LOGS = 15.0, 50.0


@dataclass(frozen=True, slots=True)
class Views:
    """The views of one run."""

    lines: ProgressLines
    judge: Judge
    page: LivePage | None

    def finish(self, report: Path) -> None:
        """Show the final report on the live page."""
        if self.page is not None and report.is_file():
            self.page.finish(
                report.read_text(encoding="utf-8"),
                f"the run has ended; this report is kept at {report}",
            )


@contextmanager
def live_views(directory: Path, shown: Shown, live: Live, options: ViewOptions) -> Iterator[Views]:
    """Open the views, and close them at the end; raise UsageError or SoakError if one cannot listen."""
    looked_at = sys.stderr.isatty() or any((options.live, options.metrics, options.otlp))
    first, every = (FIRST_JUDGED, EVERY) if looked_at else (FIRST_JUDGED_IN_LOGS, LOG_EVERY)
    after = max(0.0, first - live.elapsed)
    judge = Judge(directory, html=options.live is not None, after=after, every=every)
    lines = ProgressLines(shown, live, judge)
    with ExitStack() as stack:
        page = None
        if options.live is not None:
            page = LivePage(shown.name, judge, lines.said, options.live, os.environ.get(TOKEN, ""))
            stack.callback(page.close)
            say(f"soak: live page at {page.url}", err=True)
        if options.metrics is not None:
            from soak.live.exporter import Exporter  # noqa: PLC0415 - prometheus-client, only needed here
            from soak.live.prometheus_metrics import RunCollector  # noqa: PLC0415

            collector = RunCollector(shown.name, live, lambda: judge.latest)
            exporter = Exporter(collector, options.metrics, os.environ.get(TOKEN, ""))
            stack.callback(exporter.close)
            say(f"soak: metrics at {exporter.url}", err=True)
        if options.otlp is not None:
            from soak.live.otlp import OtlpExport  # noqa: PLC0415 - an optional extra
            from soak.live.prometheus_metrics import RunCollector  # noqa: PLC0415

            collector = RunCollector(shown.name, live, lambda: judge.latest)
            export = OtlpExport(
                collector,
                shown.name,
                options.otlp,
                lambda text: say(f"soak: {text}", err=True),
            )
            export.start()
            stack.callback(export.close)
            say(f"soak: metrics go to {export.endpoint}", err=True)
        judge.start()
        stack.callback(judge.stop)
        yield Views(lines, judge, page)
