"""Yield the lines of a tool's output with their times, from a date on a line of its own or at the line's start."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from soak.formats.content import Content
from soak.formats.format import Options, refuse
from soak.formats.times import from_numbers, moment, seconds_of_day, unwrapped
from soak.model import Floats

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_PREFIX = re.compile(
    r"\s*\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?Z|(?: ?[+-]\d\d:?\d\d))?|\d{10}(?:\.\d+)?"
    r"|[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d"
    # The output of `date` in various locales.
    r"|[A-Z][a-z]{2},? (?:[A-Z][a-z]{2} +\d{1,2}|\d{1,2} [A-Z][a-z]{2} \d{4}) \d\d:\d\d:\d\d(?: [AP]M)?"
    r"(?: (?:[A-Z]{3,4}|[+-]\d{4}))?(?: \d{4})?)\]?[\s,|]+(?=\S)"
)
_CLOCK = re.compile(r"\s*\[?(\d\d:\d\d:\d\d(?:[.,]\d+)?)\]?[\s,|]+(?=\S)")
#: Lines that must all begin with the time of day; a column of `ps` may look like one.
_SAMPLE = 20


def timed_lines(content: Content) -> Iterator[tuple[int, float | None, str]]:
    """Yield line number, time (seconds, from before or above the line; None if unknown) and text of each line."""
    now: float | None = None
    of_day = _times_of_day(content)
    for number, raw in enumerate(content.lines, 1):
        line = _plain(raw)
        if not line.strip():
            continue
        clock = _CLOCK.match(line)
        if clock and (time := next(of_day, None)) is not None:
            yield number, time, line[clock.end() :]
            continue
        prefix = _PREFIX.match(line)
        # A number after a date in ISO 8601 does not belong to it, and calling moment() is slow.
        numbered = prefix is not None and line[prefix.end()].isdigit() and prefix[1][0].isdigit()
        alone = None if numbered else moment(line)
        if alone is not None:
            now = alone
            continue
        before = moment(prefix[1]) if prefix else None
        if prefix and before is not None:
            yield number, before, line[prefix.end() :]
        else:
            yield number, now, line


def _times_of_day(content: Content) -> Iterator[float]:
    """Return the times of lines that begin with the time of day; empty unless all the first lines do."""
    first = filter(str.strip, content.first_lines[:_SAMPLE])
    if not all(map(_CLOCK.match, first)):
        return iter(())
    times = clock_times(
        [match[1] for line in content.lines if (match := _CLOCK.match(_plain(line)))]
    )
    return iter(() if times is None else times.tolist())


def _plain(raw: str) -> str:
    """Return a line without ANSI escape sequences."""
    return _ANSI.sub("", raw).rstrip()


def times_of_blocks(
    content: Content, options: Options, known: list[float | None], blocks: list[int]
) -> Floats:
    """Return the samples' times from their lines, or block number times --step; raise InputError without either."""
    if known and all(time is not None for time in known):
        return numbers_as_times(content, known)
    if options.step is None:
        raise refuse(
            content,
            "its lines have no time: print the date before each sample, or say how far apart they are with --step 15s",
        )
    return np.array(blocks, dtype=np.float64) * options.step


def numbers_as_times(content: Content, numbers: Sequence[Any]) -> Floats:
    """Convert numbers or digits to seconds; raise InputError if their unit is ambiguous."""
    try:
        return from_numbers(np.array(numbers, dtype=np.float64))[0]
    except ValueError as error:
        raise refuse(content, str(error)) from None


def clock_times(texts: list[str]) -> Floats | None:
    """Convert times of day to seconds that keep rising past midnight; None if a text is not a time of day."""
    seconds = [seconds_of_day(text) for text in texts]
    return (
        None
        if any(time is None for time in seconds)
        else unwrapped(np.array(seconds, dtype=np.float64))
    )
