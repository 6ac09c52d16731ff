"""Files of data rows in the plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Order = Literal["random", "sequential", "unique"]


@dataclass(frozen=True)
class PlannedFeeder:
    """A file of data rows: the name of the rows, the file's path and format, and the order of use."""

    name: str
    path: str
    jsonl: bool = False
    order: Order = "random"
