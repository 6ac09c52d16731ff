"""Files of data rows, as the plan names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Order = Literal["random", "sequential", "unique"]


@dataclass(frozen=True)
class PlannedFeeder:
    """Where the rows of a name are, and how they are dealt out: what the plan says of them."""

    name: str
    path: str
    jsonl: bool = False
    order: Order = "random"
