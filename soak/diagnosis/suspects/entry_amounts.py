"""How many bytes a request keeps, by the entries that it adds to a container and what one of them holds alone.

Where Python's allocations could not be traced, all that is known otherwise is a number of blocks, or
resident memory, which grows by whatever else the process does.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from soak.catalog.metrics import ResourceKind
from soak.catalog.node import GROWING_ENTRIES as NODE_ENTRIES
from soak.catalog.row_types import Unit
from soak.diagnosis.attribution.attribution import Amount
from soak.diagnosis.attribution.signals import PLACE, Signal
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.growing_containers import GrowingContainer, show_entries
from soak.diagnosis.thresholds import (
    ENTRIES_EXPLAIN,
    ENTRIES_EXPLAIN_MOST,
    LEAST_BLOCK,
    UNSEEN_OF_ENTRIES,
)
from soak.units import show_amount


class EntryAmount(NamedTuple):
    """What a request adds, in bytes, and the sentence that says where that is from."""

    amount: Amount
    words: str


def amount_of_entries(
    case: Case, told: Signal, container: GrowingContainer | None
) -> EntryAmount | None:
    """Return what entries add per request to the case's endpoint; None if bytes are known better, or do not fit.

    `told` is the measure that would be told otherwise. The entries must explain a fair share of the
    growth of resident memory, and not more than all of it.
    """
    if container is None or not container.entry_bytes:
        return None
    if told.unit == "bytes" and not told.resident:
        return None
    each = container.entry_bytes
    whole = container.per_request * each
    memory = max((s.each.per_request for s in case.of(ResourceKind.MEMORY)), default=whole)
    if told.unit == Unit.BLOCKS and whole < LEAST_BLOCK * told.each.per_request:
        return None  # more is kept than the entries lead to
    if not ENTRIES_EXPLAIN * memory <= whole <= ENTRIES_EXPLAIN_MOST * memory:
        return None
    entries = _through(case, container)
    if entries is None:
        return None
    low, high = entries.low * each, entries.high * each * UNSEEN_OF_ENTRIES
    amount = Amount(case.endpoint, entries.per_request * each, low, high, entries.share)
    words = (
        f"The amount is {show_entries(entries.per_request, container.kind)} of {container.holder} per request, "
        f"of {show_amount(each, 'bytes')} each: the objects that nothing else refers to."
    )
    return EntryAmount(amount, words)


def amount_at_places(case: Case) -> EntryAmount | None:
    """Return what V8's samples show of the places that grow with entries of Node's containers; None if there are none.

    What the whole heap gains with these entries is more than they hold, as other requests add to it
    until caches are full; the samples show less, as places move while V8 compiles. The truth lies between.
    """
    entries = next(
        (s for s in case.of(ResourceKind.HEAP) if s.finding and s.finding.series == NODE_ENTRIES),
        None,
    )
    through = [case.amount(place) for place in case.of(PLACE)]
    own = [amount for amount in through if amount.endpoint == case.endpoint]
    # A heap that fails by itself tells what all of it comes to.
    alone = len(case.of(ResourceKind.HEAP)) == 1
    if entries is None or not alone or not case.endpoint or not own:
        return None
    whole = sum(amount.per_request for amount in own)
    off = math.hypot(*(amount.high - amount.per_request for amount in own))
    most = case.amount(entries).per_request
    places = "the place" if len(own) == 1 else f"{len(own)} places"
    words = (
        f"The amount is what V8's samples show of {places} that grow{'s' if len(own) == 1 else ''} with these entries; "
        f"the whole heap grows by {show_amount(most, 'bytes')} for each."
    )
    return EntryAmount(
        Amount(case.endpoint, whole, whole - off, max(whole + off, most), 1.0), words
    )


def _through(case: Case, container: GrowingContainer) -> Amount | None:
    """Return the entries per request to the case's endpoint; None if they are not known."""
    if not case.endpoint:
        each = container.per_request
        return Amount("", each, each, each)
    return next((each for each in container.endpoints if each.endpoint == case.endpoint), None)
