"""Convert durations, sizes, rates and shares between text and base units.

The program computes only in seconds, bytes, per second and ratios; text is for people.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Self

_SECONDS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_BYTES = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_BYTES |= {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
#: Divisor by which an amount is shown in a unit.
_SHOWN_IN = {**_BYTES, **_SECONDS, "days": 86400.0, "%": 0.01}
#: Numbers that agree to this many decimals differ by less than their precision.
_MOST_DECIMALS = 12
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ms|s|min|m|h|d|w)")
_QUANTITY = re.compile(rf"\s*({_NUMBER})\s*([A-Za-z]*)\s*")


def _plain(text: object) -> float | None:
    """Return a bare finite number, or None."""
    if isinstance(text, bool):
        return None
    try:
        value = float(str(text))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def parse_duration(text: object) -> float:
    """Parse a duration such as `1h30m`, `250ms` or `30d` into seconds; the ValueError says what was expected."""
    stripped = str(text).replace(" ", "")
    parts = _PART.findall(stripped)
    if not parts or "".join(number + unit for number, unit in parts) != stripped:
        hint = "; add its unit" if _plain(text) is not None else ""
        raise ValueError(f"expected a duration such as 90s, 10m or 1h30m, not {text!r}{hint}")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def parse_rate(text: object) -> float:
    """Parse a rate such as `200/s`, `50/m` or `10/h` into per second; the ValueError says what was expected."""
    number, slash, unit = str(text).replace(" ", "").partition("/")
    value = _plain(number)
    if not slash or value is None or unit not in ("s", "m", "min", "h", "d"):
        hint = "; say per what" if _plain(text) is not None else ""
        raise ValueError(f"expected a rate such as 200/s or 50/m, not {text!r}{hint}")
    return value / _SECONDS[unit]


def parse_ratio(text: object) -> float:
    """Parse a share such as `0.1%` or `0.001`; the ValueError says what was expected."""
    stripped = str(text).strip()
    value = _plain(stripped.removesuffix("%"))
    if value is None:
        raise ValueError(f"expected a share such as 0.1% or 0.001, not {text!r}")
    return value / 100 if stripped.endswith("%") else value


class Given(float):
    """A number that keeps the unit it was given in, as `show_amount` names it; empty for a plain number.

    It is used to show the limit of a series whose unit is not known otherwise.
    """

    __slots__ = ("unit",)
    unit: str

    def __new__(cls, value: float, unit: str = "") -> Self:
        """Make the number, with its unit."""
        made = super().__new__(cls, value)
        made.unit = unit
        return made


def parse_amount(text: object) -> float:
    """Parse a number, bytes such as `2GiB`, or seconds such as `250ms`, as `Given`; the ValueError says what was expected."""
    if isinstance(text, Given):
        return text
    match = _QUANTITY.fullmatch(str(text))
    if match and not isinstance(text, bool):
        number, unit = float(match[1]), match[2]
        if math.isfinite(number) and (not unit or unit in _BYTES):
            return Given(number * _BYTES.get(unit, 1), "bytes" if unit else "")
        if math.isfinite(number) and unit in _SECONDS:
            return Given(number * _SECONDS[unit], "seconds")
    raise ValueError(
        f"expected a number, a size such as 2GiB or a duration such as 250ms, not {text!r}"
    )


def parse_growth(text: object) -> float:
    """Parse growth per hour such as `1MiB/h`, `0/h` or `5/d`, as `Given`; the ValueError says what was expected."""
    if isinstance(text, Given):
        return text
    amount, slash, unit = str(text).replace(" ", "").rpartition("/")
    if not slash or unit not in ("s", "m", "min", "h", "d", "w"):
        raise ValueError(f"expected growth such as 1MiB/h or 0/h, not {text!r}")
    given = parse_amount(amount)
    of = given.unit if isinstance(given, Given) else ""
    return Given(given * 3600 / _SECONDS[unit], f"{of}/h")


#: Nouns whose singular is not the plural without its s.
_SINGULARS = {
    "series": "series",
    "processes": "process",
    "classes": "class",
    "bytes": "bytes",
    "": "",
}


def singular(noun: str) -> str:
    """Return the singular of a noun: `goroutine` for `goroutines`, `process` for `processes`, `series` for `series`."""
    return _SINGULARS.get(noun) or noun.removesuffix("s")


def capitalized(text: str) -> str:
    """Capitalize a sentence: `Resident memory grows`. A metric's name, such as go_goroutines, stays as it is."""
    return text if "_" in text.partition(" ")[0] else text[:1].upper() + text[1:]


def show_count(count: int, one: str, more: str = "") -> str:
    """Format a count: `1 request`, `3,600 requests`, `2 series are`; `more` is the plural if it is not `one` plus s."""
    return f"{show_number(count)} {one if count == 1 else more or f'{one}s'}"


#: Hours in a month of 30 days.
HOURS_A_MONTH = 720


def show_list(parts: Sequence[str]) -> str:
    """Join parts as `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def show_growth(hourly: float, unit: str) -> str:
    """Format growth per hour and what it adds up to: `10.8 MiB/h, 7.59 GiB a month`; only the former if it is not finite."""
    hourly_text = show_amount(hourly, f"{unit}/h")
    if not math.isfinite(hourly):
        return hourly_text
    month = float(f"{hourly * HOURS_A_MONTH:.3g}")
    counted = unit not in ("bytes", "seconds", "ratio")
    return f"{hourly_text}, {show_number(month) if counted else show_amount(month, unit)} a month"


def show_duration(seconds: float) -> str:
    """Format a duration in a readable unit: `2.7 days`, `9 h`, `4 min`, `12 s`, `250 ms`; whole numbers from 10 on."""
    if not math.isfinite(seconds):
        return "for ever"
    size = abs(seconds)
    for least, unit in ((2 * 86400, "days"), (5400, "h"), (90, "min"), (0.9995, "s")):
        if size >= least:
            return f"{_two_figures(seconds / {'days': 86400, 'h': 3600, 'min': 60, 's': 1}[unit])} {unit}"
    return f"{_two_figures(seconds * 1e3)} ms" if size else "0 s"


def show_bytes(value: float) -> str:
    """Format bytes as `3.1 MiB`: two or three figures, binary units."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if abs(value) >= _BYTES[unit]:
            return f"{_figures(value / _BYTES[unit])} {unit}"
    return f"{_figures(value)} B"


def show_number(value: float) -> str:
    """Format a number as `12,300`, `0.042`, `-1.5`: three figures, no exponent below a quadrillion."""
    return _figures(value)


def show_ratio(value: float) -> str:
    """Format a share as `0.1%`."""
    return f"{_figures(value * 100)}%"


def show_estimate(value: float, low: float, high: float, unit: str) -> str:
    """Format an estimate with its interval as `3.1 MiB/h (2.8 to 3.4)`; the unit appears once if it is the same in all."""
    middle, lowest, highest = (show_amount(each, unit) for each in (value, low, high))
    if len({text.partition(" ")[2] for text in (middle, lowest, highest)}) > 1:
        return f"{middle} ({lowest} to {highest})"
    return f"{middle} ({lowest.partition(' ')[0]} to {highest.partition(' ')[0]})"


def show_amount(value: float, unit: str) -> str:
    """Format a value in its unit: bytes, seconds, ratio, `…/h` of any of these, or a counted noun."""
    if unit.endswith("/h"):
        return show_amount(value, unit[:-2]) + "/h"
    if unit == "bytes":
        return show_bytes(value)
    if unit == "seconds":
        return show_duration(value)
    if unit == "ratio":
        return show_ratio(value)
    return f"{show_number(value)}{'' if unit.startswith('/') else ' '}{unit}".strip()


def show_apart(value: float, other: float, unit: str) -> tuple[str, str]:
    """Format two amounts in one unit; if rounding makes them equal, with as many decimals as tell them apart."""
    shown = show_amount(value, unit), show_amount(other, unit)
    if value == other or shown[0] != shown[1]:
        return shown
    sign = re.search(r"[^\d.,+-].*", shown[1])
    suffix = sign[0] if sign else ""
    scale = _SHOWN_IN.get(suffix.removesuffix("/h").strip(), 1.0)
    for decimals in range(1, _MOST_DECIMALS):
        texts = [f"{amount / scale:,.{decimals}f}" for amount in (value, other)]
        if texts[0] != texts[1]:
            plain = [text.rstrip("0").rstrip(".") for text in texts]
            return f"{plain[0]}{suffix}", f"{plain[1]}{suffix}"
    return shown


def unit_of(name: str) -> str:
    """Return the base unit in a Prometheus metric name: bytes, seconds, ratio, or empty."""
    stem = name.removesuffix("_total")
    return next((unit for unit in ("bytes", "seconds", "ratio") if stem.endswith(f"_{unit}")), "")


def _two_figures(value: float) -> str:
    """Format with two figures below 10 and as a whole number above."""
    if abs(value) >= 9.95:
        return f"{value:,.0f}"
    return f"{value:.2g}" if abs(value) >= 1e-4 else _figures(value)


def _figures(value: float) -> str:
    """Format with three significant figures below 100, as a whole number with commas above."""
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    if abs(value) >= 9.995:
        return f"{value:.1f}".removesuffix(".0")
    text = f"{value:.3g}"
    return text if "e" not in text else f"{value:.6f}".rstrip("0").rstrip(".") or "0"
