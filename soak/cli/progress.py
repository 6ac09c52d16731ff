"""The live line while a run goes on: a bar and the worst series in a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live as Screen
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from soak.analysis.rules.load_generator import BUSY
from soak.catalog.metrics import metric_of
from soak.live import Live, Progress
from soak.model import Verdict
from soak.reporters.wording import is_nothing
from soak.runner import Run
from soak.units import show_amount, show_duration, show_number, show_ratio

_LOG_EVERY = 30.0


class ProgressLine:
    """Draws a run's progress on standard error until it is left; `tick` as often as one likes."""

    def __init__(self, run: Run, live: Live) -> None:
        self._run, self._live = run, live
        self._console = Console(file=sys.stderr)
        self._planned = run.profile.load.ramp + run.profile.load.duration - run.before.done
        self._began: float | None = None
        self._next_log = 10.0
        self._screen: Screen | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._screen = Screen(console=self._console, refresh_per_second=4, transient=True)
            self._screen.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._screen is not None:
            self._screen.stop()

    def tick(self) -> None:
        """Show how the run stands now."""
        if self._began is None:
            self._began = time.monotonic()
        elapsed = time.monotonic() - self._began
        progress = self._live.progress()
        if self._screen is not None:
            self._screen.update(self._drawn(elapsed, progress))
        elif elapsed >= self._next_log:
            self._next_log = elapsed + max(_LOG_EVERY, self._planned / 100)
            self._console.print(self._said(elapsed, progress), highlight=False, soft_wrap=True)

    def _drawn(self, elapsed: float, progress: Progress) -> RenderableType:
        ramping = elapsed < self._run.profile.load.ramp - self._run.before.done
        grid = Table.grid(padding=(0, 2))
        grid.add_row(
            Text(self._run.profile.name, style="bold"),
            ProgressBar(total=self._planned, completed=min(elapsed, self._planned), width=24),
            Text(f"{'ramp' if ramping else 'steady'}, {self._left(elapsed)}", style="dim"),
        )
        return Group(grid, Text(self._numbers(elapsed, progress)), _worst(progress))

    def _said(self, elapsed: float, progress: Progress) -> str:
        return f"{show_duration(elapsed)}: {self._numbers(elapsed, progress)}; {self._left(elapsed)}; {_worst(progress).plain}"

    def _numbers(self, elapsed: float, progress: Progress) -> str:
        if self._run.resting and elapsed > self._planned:
            return f"{show_number(progress.requests)} requests made, {show_number(progress.failures)} of them failed"
        return _numbers(progress)

    def _left(self, elapsed: float) -> str:
        left = self._planned - elapsed
        return f"{show_duration(round(left))} left" if left > 0.5 else self._run.resting or "ending"


def _numbers(progress: Progress) -> str:
    """`198 requests/s, 0 errors, p99 12 ms`."""
    errors = f"errors {show_ratio(progress.error_ratio)}" if progress.failures else "no errors"
    p99 = f"p99 {show_amount(progress.p99, 'seconds')}" if progress.p99 is not None else "p99 -"
    lost = f", {progress.failed_scrapes} scrapes lost" if progress.failed_scrapes else ""
    cpu = progress.generator_cpu
    busy = f", load generator busy ({show_ratio(cpu)} of a core)" if cpu >= BUSY else ""
    return f"{show_number(round(progress.rate, 1))} requests/s, {errors}, {p99}{lost}{busy}"


def _worst(progress: Progress) -> Text:
    """The series that grows most, so far."""
    worst = progress.worst
    if worst is None or worst.trend is None:
        return Text("no growth to tell of yet", style="dim")
    if worst.trend.slope_per_hour <= 0 or is_nothing(worst.trend):
        return Text("no growth so far", style="dim")
    role = metric_of(worst.series, worst.labels)
    noun, unit = (role.noun, role.unit) if role else (worst.series, "")
    slope = show_amount(worst.trend.slope_per_hour, f"{unit}/h")
    style = "bold red" if worst.verdict is Verdict.FAIL else "dim"
    return Text(
        f"most growth so far: {noun} {slope}{' and certain' if worst.verdict is Verdict.FAIL else ''}", style=style
    )
