"""Show the progress of a run: a line for each resource in a terminal, a line per minute in a log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live as Screen
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from soak.live.judge import Judge
from soak.live.lines import ResourceLine, numbers, resource_lines, summary
from soak.live.progress import Live
from soak.model import Verdict
from soak.printable import visible
from soak.reporters.wording import MARK
from soak.units import show_duration, show_number

#: Seconds of load between two lines in a log, and before the first line.
LOG_EVERY, FIRST_LOG = 60.0, 10.0
NOT_BEGUN = "the load has not begun yet"
#: Maximum redraws of the terminal per second.
DRAWN = 1.0
#: Terminal lines not used by resources: numbers, the note of further resources, a dead target, the
#: end, the cursor.
FREE_LINES = 7
#: Least width of a resource's name in a narrow terminal; numbers and verdicts are never cut.
SHORTEST_NAME = 10
STYLES = {
    Verdict.FAIL: "bold red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.PASS: "green",
    None: "dim",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown: the run's name, its planned length and ramp in seconds, the phase after the load, and a dead target.

    A run that `searches` for the capacity ends when it has found it, at the latest after its planned
    length. A view that `joined` later, from another terminal, prints its first line at once.
    `elsewhere` is the command for such a view, printed when the load begins.
    """

    name: str
    planned: float
    ramp: float
    resting: Callable[[], str]
    death: Callable[[], str] = lambda: ""
    searches: bool = False
    joined: bool = False
    elsewhere: str = ""


class ProgressLines:
    """Draws a run's progress on standard error while its context is open; `tick` may be called at any rate."""

    def __init__(
        self, shown: Shown, live: Live, judge: Judge, console: Console | None = None
    ) -> None:
        self._shown, self._live, self._judge = shown, live, judge
        self._console = console or Console(file=sys.stderr)
        self._next_log, self._next_drawn = 0.0 if shown.joined else FIRST_LOG, 0.0
        self._screen: Screen | None = None
        self._ending = ""
        self._elsewhere, self._unjudged = shown.elsewhere, True
        self._short_told = False

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._screen = Screen(console=self._console, auto_refresh=False, transient=True)
            self._screen.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._screen is not None:
            self._screen.stop()

    def say(self, text: str) -> None:
        """Print a permanent line above the drawn display."""
        self._console.print(
            visible(text),
            markup=False,
            highlight=False,
            emoji=False,
            soft_wrap=self._screen is None,
        )

    def drawing(self, stop: threading.Event, ending: str) -> bool:
        """Return True if a terminal is drawn; a thread then shows `ending` there as soon as `stop` is set."""
        if not self._console.is_terminal:
            return False

        def answer() -> None:
            stop.wait()
            self._ending = ending
            if self._screen is not None and self._screen.is_started:
                self._screen.update(self.drawn(self._live.elapsed), refresh=True)

        threading.Thread(target=answer, daemon=True).start()
        return True

    def tick(self) -> None:
        """Show the current progress."""
        if self._elsewhere and self._live.began:
            self.say(f"soak: the load has begun; from another terminal: {self._elsewhere}")
            self._elsewhere = ""
        elapsed, now = self._live.elapsed, time.monotonic()
        if not self._short_told and (short := self._short(elapsed)):
            self._short_told = True
            self.say(f"soak: {show_duration(elapsed)} into the load: {short}")
        if self._screen is not None:
            if now >= self._next_drawn:
                self._next_drawn = now + 1 / DRAWN
                self._screen.update(self.drawn(elapsed), refresh=True)
        elif elapsed >= self._next_log or self._judged_first():
            self._next_log = elapsed + LOG_EVERY if self._live.began else FIRST_LOG
            self._console.print(
                visible(self.line(elapsed)), highlight=False, soft_wrap=True, markup=False
            )

    def _judged_first(self) -> bool:
        """Return True the first time that a view which joined later has a judgement to show."""
        first = self._shown.joined and self._unjudged and self._judge.latest is not None
        self._unjudged &= not first
        return first

    def drawn(self, elapsed: float) -> RenderableType:
        """Return the terminal's display, limited to its height."""
        head = Table.grid(padding=(0, 2))
        head.add_row(
            Text(self._shown.name, style="bold"),
            ProgressBar(
                total=self._shown.planned, completed=min(elapsed, self._shown.planned), width=24
            ),
            Text(
                self._stage(elapsed),
                style="dim",
            ),
        )
        lines = resource_lines(self._live, self._judge.latest)
        room = max(1, self._console.height - FREE_LINES)
        shown, rest = (lines, []) if len(lines) <= room else (lines[: room - 1], lines[room - 1 :])
        more = [Text(f"and {len(rest)} more, none of them worse", style="dim")] if rest else []
        told = [
            (self._short(elapsed), "bold yellow"),
            (self._shown.death(), "bold red"),
            (self._ending, "bold yellow"),
        ]
        last = [Text(text, style) for text, style in told if text]
        return Group(
            head, Text(self._numbers(elapsed)), _table(shown, self._console.width), *more, *last
        )

    def line(self, elapsed: float) -> str:
        """Return the log's line: the load, the time left, and the judgement so far."""
        if not self._live.began:
            return f"{self._shown.name}: {NOT_BEGUN}"
        parts = (
            self._numbers(elapsed),
            self._short(elapsed),
            self._shown.death(),
            self._left(elapsed),
            summary(self._judge.latest),
        )
        return f"{show_duration(elapsed)}: {'; '.join(filter(None, parts))}"

    def said(self) -> str:
        """Return the line of the live page: the load and the time left; the page itself shows the judgement."""
        elapsed = self._live.elapsed
        if not self._live.began:
            return NOT_BEGUN
        parts = self._numbers(elapsed), self._short(elapsed), self._left(elapsed)
        return f"{show_duration(elapsed)}: {'; '.join(filter(None, parts))}"

    def _stage(self, elapsed: float) -> str:
        """Return the stage, such as `steady, 48 min left`."""
        if not self._live.began:
            return "starting"
        return f"{'ramp' if elapsed < self._shown.ramp else 'steady'}, {self._left(elapsed)}"

    def _numbers(self, elapsed: float) -> str:
        if not self._live.began:
            return NOT_BEGUN
        progress = self._live.progress()
        if self._shown.resting() and elapsed > self._shown.planned:
            failed = (
                f"{show_number(progress.failures)} of them failed"
                if progress.failures
                else "none failed"
            )
            return f"{show_number(progress.requests)} requests made, {failed}"
        return numbers(progress)

    def _short(self, elapsed: float) -> str:
        """Return a note if the rate is not kept; empty in a capacity search, which exceeds it on purpose."""
        over = self._shown.searches or elapsed > self._shown.planned
        return "" if over else self._live.progress().short

    def _left(self, elapsed: float) -> str:
        left = self._shown.planned - elapsed
        most = "at most " if self._shown.searches else ""
        return (
            f"{most}{show_duration(round(left))} left"
            if left > 0.5
            else self._shown.resting() or "ending"
        )


def _table(lines: list[ResourceLine], width: int) -> Table:
    """Return the resources as columns that never wrap; in a narrow terminal, only names are cut."""
    cells = [
        (
            Text(MARK[line.verdict] if line.verdict else "·", STYLES[line.verdict]),
            Text(line.name),
            Text(line.spark, STYLES[line.verdict]),
            Text(line.now),
            Text(line.growth, "" if line.growth else "dim"),
            Text(line.says, STYLES[line.verdict]),
        )
        for line in lines
    ]
    widths = [max((row[column].cell_len for row in cells), default=0) for column in range(6)]
    name = width - sum(widths) - (len(widths) - 1) + widths[1]
    widths[1] = max(SHORTEST_NAME, min(widths[1], name))
    table = Table.grid(padding=(0, 1), expand=False)
    for column, cell_width in enumerate(widths):
        table.add_column(
            width=cell_width,
            no_wrap=True,
            overflow="ellipsis",
            justify="right" if column in (3, 4) else "left",
        )
    for row in cells:
        table.add_row(*row)
    return table
