"""Convert a column's cells to numbers: missing values, decimal commas, thousands, and values with a unit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from soak.formats.column_names import BYTES, EXACT_BYTES, OCTETS, TIMES
from soak.model import Floats

if TYPE_CHECKING:
    import pandas as pd

#: Texts that mean "no value", in lower case.
MISSING = (
    *("", "-", "--", ".", "n/a", "#n/a", "na", "nan", "null", "none", "nil", "undefined", "?"),
    *("<unknown>", "\\n"),
)
#: A number in the notation that tools use.
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_WITH_UNIT = re.compile(r"([-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?)\s*([^\W\d_]+|%)?(?:\s+/\s+.*)?")
#: A number with grouped digits, followed by its unit.
_GROUPED_UNIT = re.compile(r"([-+]?\d[\d.,'’_\u00a0\u202f ]*\d)\s*([^\W\d_]+|%)")
_COMMA = re.compile(r"[-+]?(\d+),(\d+)")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
#: Digit groups in German, French, Swiss and Python notation. Points need two groups: one may be a
#: decimal.
_POINTS = re.compile(r"[-+]?\d{1,3}(?:(?:\.\d{3})+,\d+|(?:\.\d{3}){2,})")
_GROUPS = re.compile(r"[-+]?\d{1,3}(?:[ _'’\u00a0\u202f]\d{3})+(?:[.,]\d+)?")
#: Digits per group.
_GROUP = 3
#: A cell protected from Excel's type guessing: `="42"`.
_HIDDEN = r'^="(.*)"$'


class NotANumberError(ValueError):
    """A cell that is not a number in a column of numbers; `place` is its row."""

    def __init__(self, place: int, text: str) -> None:
        super().__init__(f"not a number: {text!r}")
        self.place = place


def numbers(column: pd.Series) -> tuple[Floats, str] | None:
    """Return a column's values (NaN if missing) and the base unit that its cells carry; None for a text column.

    Raise NotANumberError if some cells are numbers and another is not.
    """
    import pandas as pd  # noqa: PLC0415 - takes a third of a second

    if pd.api.types.is_bool_dtype(column):
        return None
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=np.float64), ""
    texts = column.astype(str).str.strip().str.replace(_HIDDEN, r"\1", regex=True)
    missing = column.isna().to_numpy() | texts.str.lower().isin(MISSING).to_numpy()
    parsed = pd.to_numeric(texts.where(~missing), errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(np.isnan(parsed) & ~missing)
    if not len(wrong):
        return parsed, ""
    converted, unit = _converted(texts, wrong, parsed)
    still = [place for place in wrong if np.isnan(converted[place])]
    if not still:
        return converted, unit
    if len(still) == int((~missing).sum()):
        return None
    raise NotANumberError(int(still[0]), texts.iloc[still[0]])


def _converted(texts: pd.Series, wrong: NDArray[np.int64], parsed: Floats) -> tuple[Floats, str]:
    """Convert the cells at `wrong`, such as `1,234`, `12.5MiB`, `12MiB / 2GiB`, `250m`, `3%` or `0,5`."""
    converted, unit = parsed.copy(), ""
    fractions = any(_is_fraction(texts.iloc[place]) for place in wrong)
    for place in wrong:
        text = texts.iloc[place]
        behind = _GROUPED_UNIT.fullmatch(text)
        grouped = (
            ""
            if fractions and _COMMA.match(text)
            else _without_groups(behind[1] if behind else text)
        )
        if grouped:
            text = f"{grouped}{behind[2]}" if behind else grouped
        match = _WITH_UNIT.fullmatch(text)
        factor = None if match is None else _factor(match[2] or "")
        if match is None or factor is None:
            continue
        converted[place] = float(match[1].replace(",", ".")) * factor[0]
        unit = unit or factor[1]
    return converted, unit


def _is_fraction(text: str) -> bool:
    """Return True if a cell's comma must be a decimal comma: `0,512`, `12,5 MB`. `12,500` may be thousands."""
    match = _COMMA.match(text)
    return match is not None and (
        len(match[2]) != _GROUP or len(match[1]) > _GROUP or match[1].startswith("0")
    )


def _without_groups(text: str) -> str:
    """Return a number with grouped digits as plain text, and an empty string for any other text."""
    if _THOUSANDS.fullmatch(text):
        return text.replace(",", "")
    if _POINTS.fullmatch(text):
        return text.replace(".", "").replace(",", ".")
    if _GROUPS.fullmatch(text):
        return re.sub(r"[ _'’\u00a0\u202f]", "", text).replace(",", ".")
    return ""


def _factor(unit: str) -> tuple[float, str] | None:
    """Return the factor to the base unit and the base unit; None for an unknown unit. Kubernetes's `m` is 1/1000."""
    if unit in ("", "%"):
        return 1.0, ""
    if unit == "m":
        return 1e-3, ""
    if unit in EXACT_BYTES:
        return EXACT_BYTES[unit], "bytes"
    unit = OCTETS.get(unit.lower(), unit)
    if unit.lower() in BYTES or unit in ("g", "t"):  # as top and ps use them
        return BYTES[unit.lower() if unit.lower() in BYTES else f"{unit}b"], "bytes"
    return (TIMES[unit], "seconds") if unit in TIMES else None


def value_of(text: str) -> tuple[float, str]:
    """Return one cell's value in its base unit, and that unit; raise ValueError if it is not a number."""
    match = _WITH_UNIT.fullmatch(text.strip())
    factor = None if match is None else _factor(match[2] or "")
    if match is None or factor is None:
        raise ValueError(f"not a number: {text!r}")
    return float(match[1].replace(",", ".")) * factor[0], factor[1]
