"""Parse times in files: numbers in s, ms, µs or ns, and text in the usual spellings; results are in seconds."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from soak.model import Floats

if TYPE_CHECKING:
    import pandas as pd

#: Names of a time column, in any case; earlier ones are preferred.
TIME_NAMES = tuple(
    re.split(
        r"\|",
        "t|time|timestamp|ts|datetime|date_time|date|epoch|unixtime|unix_time|unix_timestamp|_time|@timestamp|epoch_time|"
        "elapsed|elapsed_time|time_elapsed|uptime|clock|when|created_at|sample_time|start_time|starttime|date/time|period",
    )
)
#: Seconds in each unit of time.
SECONDS = {
    "s": 1.0,
    "ms": 1e-3,
    "µs": 1e-6,
    "us": 1e-6,
    "ns": 1e-9,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
#: Unix times in seconds stay below this (the year 5138), and those in ms, µs or ns above it.
MOST_SECONDS = 1e11
#: Numbers from here on are Unix times in seconds (1973); smaller ones count from the start of the recording.
FIRST_UNIX = 1e8
_DAY = 86400.0
#: Units as written in a column's name; the first of each is its symbol.
_UNIT_WORDS = {
    "s": "s sec secs second seconds",
    "ms": "ms msec msecs millis millisecond milliseconds",
    "us": "us µs usec micros microsecond microseconds",
    "ns": "ns nanos nanosecond nanoseconds",
    "min": "min mins minute minutes",
    "h": "h hr hrs hour hours",
    "d": "d day days",
}
_SIGNS = {word: sign for sign, words in _UNIT_WORDS.items() for word in words.split()}
_UNIT = re.compile(rf"(?:[\s_\-.]*[(\[]\s*|[_\s\-])({'|'.join(_SIGNS)})\s*[)\]]?$")
#: Units that can be a time column's whole name; `min` may be a minimum, `h` and `d` anything.
_WHOLE_NAMES = frozenset(_SIGNS) - {"min", "h", "d", "s", "us", "ns"}
#: Spreadsheet days (since 30 December 1899) of the years 2000 and 2100, and below that of 1 January 1970.
_DAYS = (36_526.0, 73_050.0)
_SPREADSHEET_EPOCH = 25_569.0
#: Spreadsheet days must be at most this far apart (72 minutes); seconds this close would be 20 samples a second.
_MOST_DAYS = 0.05
#: Range of times such as `20250731221320`; as milliseconds these would be in the years 2571 to 2637.
_YEARS = (1.9e13, 2.1e13)
#: Range of 100 ns ticks since the year 1601 or 1 (Windows, .NET); as nanoseconds they would be in 1973 to 1995.
_TICKS, _LAST_TICKS = 1e17, 8e17
#: Redundant text after a date: a zone's name, Go's monotonic clock, JavaScript's zone in words.
_BEHIND = re.compile(r"\s*(?:\([^)]*\)|m=[+-][\d.]+)$")
_ZONE = re.compile(
    r"(?<=[\d ])\s*(?:UTC|GMT|Z)$|(?<=[+-]\d{4})\s+[A-Z]{2,5}$|(?<=\d)\s+[A-Z]{3,4}T$"
)
_DURATION = re.compile(
    r"(?:(?P<d>\d+)\s*d(?:ays?)?,?\s*)?(?:(?P<clock>\d+:\d\d:\d\d(?:\.\d+)?)"
    r"|(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m(?!s))?(?:(?P<s>\d+(?:\.\d+)?)s)?(?:(?P<ms>\d+(?:\.\d+)?)ms)?)"
)
_COMMA = re.compile(r"(\d:\d{2}),(\d)")
#: A time of day with dots, as in Italian, Danish and Finnish.
_DOTTED = re.compile(r"(^|\d{4},? )(\d{1,2})\.(\d{2})\.(\d{2})$")
_DAY_ALONE = re.compile(r"\d{4}[./-]\d{1,2}[./-]\d{1,2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}")
_TIME_OF_DAY = re.compile(r"(\d{1,3}):(\d{2})(?::(\d{2}(?:[.,]\d+)?))?\s*([AaPp][Mm])?")
_DAY_FIRST = ("%d/%m/%Y", "%d-%m-%Y", "%d/%m/%y")
_DATES = (
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d.%m.%y",
    *_DAY_FIRST,
    "%m/%d/%Y",
    "%m-%d-%Y",
    "%m/%d/%y",
    "%d %b %Y",
    "%b %d %Y",
    "%b %d, %Y",
)
_CLOCKS = ("%H:%M:%S", "%H:%M:%S.%f", "%H:%M", "%I:%M:%S %p", "%I:%M %p")
#: Spellings in addition to ISO 8601.
_SPELLINGS = (
    "%a %b %d %H:%M:%S %Z %Y",
    "%a %b %d %H:%M:%S %Y",
    "%a %b %d %I:%M:%S %p %Z %Y",
    "%a %d %b %Y %H:%M:%S %Z",
    "%a %b %d %Y %H:%M:%S GMT%z",
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%d %H:%M:%S.%f %z",
    "%a %d %b %Y %I:%M:%S %p %Z",
    "%d/%b/%Y:%H:%M:%S %z",
    "%d/%b/%Y %H:%M:%S",
    "%a, %d %b %Y %H:%M:%S",
    "%a, %d %b %Y %H:%M:%S %Z",
    "%a, %d %b %Y %H:%M:%S %z",
    "%b %d %H:%M:%S",
    "%Y%m%d %H:%M:%S",
    "%Y%m%d-%H%M%S",
    "%Y-%m-%d_%H:%M:%S",
    "%Y-%m-%d_%H-%M-%S",
    "%Y-%m-%d %I:%M:%S %p",
    *(f"{date}{between}{clock}" for date in _DATES for between in (" ", ", ") for clock in _CLOCKS),
    *_DATES,
)
#: A pattern that every spelling matches; trying all spellings on each line of a tool's output would take seconds.
_LIKE_A_DATE = re.compile(
    r"\d[:/.\-]\d|\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)|^\d{8}\b", re.IGNORECASE
)


def seconds_of(times: list[Any]) -> Floats:
    """Convert an answer's times, numbers or text, to seconds; raise ValueError if one is not a time."""
    import pandas as pd  # noqa: PLC0415 - takes a third of a second

    if all(isinstance(time, int | float) for time in times):
        return from_numbers(np.array(times, dtype=np.float64))[0]
    seconds, _, wrong = from_texts(pd.Series([str(time) for time in times]))
    if wrong is not None:
        raise ValueError(f"not a time: {times[wrong]!r}")
    return seconds


def unit_in_name(header: str) -> str:
    """Return the unit at the end of a time column's name, such as `elapsed_ms` or `Time (s)`; "" without one."""
    name = header.strip().lower()
    if name in _WHOLE_NAMES:
        return _SIGNS[name]
    match = _UNIT.search(name)
    return _SIGNS[match[1]] if match else ""


def without_unit(header: str) -> str:
    """Return a time column's name without its unit, in lower case, with words joined by `_`."""
    plain = header.strip().lower().lstrip("#").strip()
    return re.sub(r"[\s\-]+", "_", _UNIT.sub("", plain) or plain)


def from_numbers(values: Floats, unit: str = "") -> tuple[Floats, str]:
    """Convert numbers to seconds; also return a note if a unit was detected. Raise ValueError if it is ambiguous."""
    known = np.abs(values[np.isfinite(values)])
    largest = float(known.max()) if len(known) else 0.0
    if unit:
        return values * SECONDS[unit], ""
    if largest <= MOST_SECONDS:
        if _are_spreadsheet_days(known):
            return (
                values - _SPREADSHEET_EPOCH
            ) * _DAY, "times are days since 1900, as Excel counts"
        return values, ""
    if float(known.min()) < largest / 1000:
        raise ValueError(
            "times of several units, or since a start, in a unit that its name does not tell"
        )
    if _YEARS[0] <= float(known.min()) and largest < _YEARS[1]:
        return _digits(values), "times are taken as year, month, day, hour, minute and second"
    if _TICKS <= largest < _LAST_TICKS:
        return values * 1e-7, "times are in units of 100 ns, as Windows and .NET count"
    for name, factor in (("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)):
        if largest * factor <= MOST_SECONDS:
            return values * factor, f"times are Unix times in {name}"
    raise ValueError("numbers too large for a time")


def _are_spreadsheet_days(times: Floats) -> bool:
    """Return True if times are spreadsheet days: of this century, and too close together to be seconds."""
    if len(times) < 2 or times.min() < _DAYS[0] or times.max() >= _DAYS[1]:
        return False
    return bool(0 < np.median(np.abs(np.diff(times))) <= _MOST_DAYS)


def _digits(values: Floats) -> Floats:
    """Convert times such as `20250731221320` to seconds; raise ValueError if the digits are not a date."""
    import pandas as pd  # noqa: PLC0415 - takes a third of a second

    texts = pd.Series(values).astype("int64").astype(str)
    return _seconds(pd.to_datetime(texts, utc=True, format="%Y%m%d%H%M%S"))


def from_texts(texts: pd.Series) -> tuple[Floats, str, int | None]:
    """Return seconds from text, a note on assumptions, and the index of the first text that is not a time (or None).

    Times of day count from midnight of the first day and keep rising past midnight. Times without a
    zone are taken as UTC.
    """
    import pandas as pd  # noqa: PLC0415 - takes a third of a second

    stripped = texts.astype(str).fillna("").str.strip()  # an empty cell is not a time
    sample = stripped.iloc[0] if len(stripped) else ""
    if _duration(sample) is not None:
        durations = [_duration(text) for text in stripped]
        if None not in durations and not _TIME_OF_DAY.fullmatch(stripped.iloc[-1]):
            return np.array(durations, dtype=np.float64), "", None
    if are_clocks(stripped):
        stripped = stripped.str.replace(_DOTTED, r"\1\2:\3:\4", regex=True)
        return _times_of_day(stripped.tolist())
    for _ in range(2):
        stripped = stripped.str.replace(_BEHIND, "", regex=True)
    if len({tuple(_ZONE.findall(text)) for text in stripped.iloc[[0, -1]]}) == 1:
        stripped = stripped.str.replace(_ZONE, "", regex=True)
    if _COMMA.search(sample):
        stripped = stripped.str.replace(_COMMA, r"\1.\2", regex=True)
    if _DOTTED.search(sample) and not _DOTTED.match(sample):
        stripped = stripped.str.replace(_DOTTED, r"\1\2:\3:\4", regex=True)
    parsed = pd.to_datetime(stripped, utc=True, errors="coerce", format="ISO8601")
    wrong = np.flatnonzero(parsed.isna().to_numpy())
    if not len(wrong):
        return _seconds(parsed), "", None
    if len(wrong) < len(stripped):
        return _seconds(parsed), "", int(wrong[0])
    return _by_spelling(stripped)


def are_clocks(texts: pd.Series) -> bool:
    """Return True if texts are times of day. With dots they may be dates as `31.07.25`, whose middle is a month."""
    first = texts.iloc[0] if len(texts) else ""
    if _DOTTED.match(first) is None:
        return _TIME_OF_DAY.fullmatch(first) is not None
    middles = texts.str.extract(_DOTTED)[2].astype(float)
    return bool(middles.notna().all() and ((middles < 1) | (middles > 12)).any())


def are_days(texts: pd.Series) -> bool:
    """Return True if all texts are dates without a time of day."""
    return len(texts) > 0 and bool(texts.str.fullmatch(_DAY_ALONE).all())


def _duration(text: str) -> float | None:
    """Return the seconds of `1 day, 0:00:15`, `0 days 00:00:15`, `1h2m3.5s` or `250ms`; None for other text."""
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        return None
    clock = 0.0
    for part in (match["clock"] or "0").split(":"):
        clock = clock * 60 + float(part)
    return clock + sum(
        float(match[unit] or 0) * SECONDS[sign]
        for unit, sign in (("d", "d"), ("h", "h"), ("m", "min"), ("s", "s"), ("ms", "ms"))
    )


def _by_spelling(texts: pd.Series) -> tuple[Floats, str, int | None]:
    """Parse with the spelling that fits all texts and, for day/month or month/day, gives the shorter recording."""
    import pandas as pd  # noqa: PLC0415 - as above

    fitting: list[tuple[float, str, Floats]] = []
    first_wrong = 0
    for spelling in _SPELLINGS:
        if not _fits(texts.iloc[0], spelling):
            continue
        parsed = pd.to_datetime(texts, utc=True, errors="coerce", format=spelling)
        wrong = np.flatnonzero(parsed.isna().to_numpy())
        if len(wrong):
            first_wrong = max(first_wrong, int(wrong[0]))
            continue
        seconds = _seconds(parsed)
        fitting.append((float(np.ptp(seconds)), spelling, seconds))
    if not fitting:
        return np.full(len(texts), np.nan), "", first_wrong
    fitting.sort(key=lambda fit: fit[0])
    span, spelling, seconds = fitting[0]
    if len(fitting) > 1 and fitting[1][0] <= 1.5 * span and spelling[:8] != fitting[1][1][:8]:
        order = "day/month" if spelling.startswith(_DAY_FIRST) else "month/day"
        return seconds, f"dates are taken as {order}", None
    return seconds, "", None


def _fits(text: str, spelling: str) -> bool:
    try:
        datetime.strptime(text, spelling)  # noqa: DTZ007 - only whether it fits
    except ValueError:
        return False
    return True


def _seconds(parsed: pd.Series) -> Floats:
    moments = parsed.to_numpy(dtype="datetime64[ns]")
    seconds = moments.astype(np.int64) / 1e9
    seconds[np.isnat(moments)] = np.nan
    return np.asarray(seconds, dtype=np.float64)


def seconds_of_day(text: str) -> float | None:
    """Return the seconds since midnight of `22:13`, `22:13:20,5` or `10:13:20 PM`; None for other text."""
    match = _TIME_OF_DAY.fullmatch(text.strip())
    if match is None:
        return None
    hours, minutes, seconds = (
        int(match[1]),
        int(match[2]),
        float((match[3] or "0").replace(",", ".")),
    )
    if match[4]:
        hours = hours % 12 + (12 if match[4].lower() == "pm" else 0)
    return hours * 3600.0 + minutes * 60.0 + seconds


def unwrapped(times: Floats) -> Floats:
    """Add a day to times of day after each fall by more than half a day, so that they rise past midnight."""
    falls = np.concatenate(([0.0], np.cumsum(np.diff(times) < -_DAY / 2)))
    return times + falls * _DAY


def _times_of_day(texts: list[str]) -> tuple[Floats, str, int | None]:
    clocks = [seconds_of_day(text) for text in texts]
    wrong = next((place for place, seconds in enumerate(clocks) if seconds is None), None)
    times = np.array([np.nan if seconds is None else seconds for seconds in clocks])
    return (times if wrong is not None else unwrapped(times)), "", wrong


def moment(text: str) -> float | None:
    """Return the Unix time of a line that contains only a date and time; None for any other line."""
    text = text.strip()
    if not 6 <= len(text) <= 40:
        return None
    if re.fullmatch(r"\d{10}(\.\d+)?", text):
        return float(text)
    if not _LIKE_A_DATE.search(text):
        return None
    for zone in ("", "+00:00"):
        try:
            parsed = datetime.fromisoformat(_COMMA.sub(r"\1.\2", text).replace(" UTC", "") + zone)
        except ValueError:
            continue
        if parsed.tzinfo is not None:
            return parsed.timestamp()
    plain = re.sub(r"\b(UTC|GMT|[A-Z]{3,4}T|[A-Z]{3,4})\b(?=\s+\d{4}$|$)", "UTC", text)
    for spelling in _SPELLINGS:
        try:
            parsed = datetime.strptime(plain, spelling)  # noqa: DTZ007 - UTC where it does not say
        except ValueError:
            continue
        return (
            (parsed - datetime(1970, 1, 1)).total_seconds()  # noqa: DTZ001
            if parsed.tzinfo is None
            else parsed.timestamp()
        )
    return None
