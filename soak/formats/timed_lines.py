"""Output of tools as lines, each with the time that is known of it: a date on a line of its own, or before the line."""

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
    # As `date` prints, in one locale or another.
    r"|[A-Z][a-z]{2},? (?:[A-Z][a-z]{2} +\d{1,2}|\d{1,2} [A-Z][a-z]{2} \d{4}) \d\d:\d\d:\d\d(?: [AP]M)?"
    r"(?: (?:[A-Z]{3,4}|[+-]\d{4}))?(?: \d{4})?)\]?[\s,|]+(?=\S)"
)
_CLOCK = re.compile(r"\s*\[?(\d\d:\d\d:\d\d(?:[.,]\d+)?)\]?[\s,|]+(?=\S)")
#: So many lines tell whether each begins with the time of day; a column of `ps` may look like one.
_SAMPLE = 20


def timed_lines(content: Content) -> Iterator[tuple[int, float | None, str]]:
    """Each line with its number and the time (seconds) that stood before it or above it; None where none did."""
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
        # A number after a date in ISO 8601 is no part of it, and looking for one is slow.
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
    """The times of the lines that begin with the time of day, where the first lines all do; none otherwise."""
    first = filter(str.strip, content.first_lines[:_SAMPLE])
    if not all(map(_CLOCK.match, first)):
        return iter(())
    times = clock_times(
        [match[1] for line in content.lines if (match := _CLOCK.match(_plain(line)))]
    )
    return iter(() if times is None else times.tolist())


def _plain(raw: str) -> str:
    """A line without what colours it on a terminal."""
    return _ANSI.sub("", raw).rstrip()


def times_of_blocks(
    content: Content, options: Options, known: list[float | None], blocks: list[int]
) -> Floats:
    """The times of samples: as their lines tell, or by their block's number times --step; InputError without either."""
    if known and all(time is not None for time in known):
        return numbers_as_times(content, known)
    if options.step is None:
        raise refuse(
            content,
            "its lines have no time: print the date before each sample, or say how far apart they are with --step 15s",
        )
    return np.array(blocks, dtype=np.float64) * options.step


def numbers_as_times(content: Content, numbers: Sequence[Any]) -> Floats:
    """Seconds from numbers, or from digits; InputError where their unit cannot be told."""
    try:
        return from_numbers(np.array(numbers, dtype=np.float64))[0]
    except ValueError as error:
        raise refuse(content, str(error)) from None


def clock_times(texts: list[str]) -> Floats | None:
    """Times of a day that go on after midnight; None where one is none."""
    seconds = [seconds_of_day(text) for text in texts]
    return (
        None
        if any(time is None for time in seconds)
        else unwrapped(np.array(seconds, dtype=np.float64))
    )
