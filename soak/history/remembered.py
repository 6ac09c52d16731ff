"""Keep the changes found in a file next to the runs, so that nothing is searched again unless a value has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from soak import __version__
from soak.errors import RecordingError
from soak.history.changes import SEARCHED, ChangePoint, find_changes
from soak.history.night import HistoryMetric, Night
from soak.recording import write_whole

CHANGES = ".soak-changes.json"


class RememberedChanges:
    """`find_changes` with a cache file in the folder; a lost or damaged file is rewritten."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / CHANGES
        self._found: dict[str, Any] = {}
        self._known = self._load()

    def find(
        self, nights: Sequence[Night], metrics: Sequence[HistoryMetric]
    ) -> dict[str, list[ChangePoint]]:
        """Return the changes that matter, by the metric's key, from the cache if it has them."""
        digest = _digest(nights, metrics)
        by_key = {metric.key: metric for metric in metrics}
        try:
            changes = {
                key: [ChangePoint(by_key[key], *row) for row in rows]
                for key, rows in self._known[digest].items()
            }
        except (KeyError, TypeError, AttributeError):
            changes = find_changes(nights, metrics)
        self._found[digest] = {
            key: [[point.since, point.before, point.after, point.p] for point in points]
            for key, points in changes.items()
        }
        return changes

    def save(self) -> None:
        """Write the changes found; if the folder cannot be written, they are only searched for again the next time."""
        if self._found != self._known:
            with suppress(RecordingError):
                write_whole(self.file, json.dumps(self._found))

    def _load(self) -> dict[str, Any]:
        try:
            known = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return known if isinstance(known, dict) else {}


def _digest(nights: Sequence[Night], metrics: Sequence[HistoryMetric]) -> str:
    """Hash all that the changes depend on: the newest nights' values and indices, the metrics' units, soak's version."""
    usable = [(index, night) for index, night in enumerate(nights) if night.usable]
    seen = {
        metric.key: [
            (index, night.values[metric.key], night.profiled.survive)
            for index, night in usable
            if metric.key in night.values
        ][-SEARCHED:]
        for metric in metrics
    }
    units = [(metric.key, metric.unit, metric.worse) for metric in metrics]
    return hashlib.sha256(json.dumps([__version__, units, seen]).encode()).hexdigest()
