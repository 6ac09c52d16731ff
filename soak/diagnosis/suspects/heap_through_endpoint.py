"""All that the heap grows by, through the endpoint that one of its places is known to grow through.

A class of the target's own is counted without noise, so its endpoint is told early; but a cache's
entry is more than one class: strings, arrays and nodes hang on it. The whole heap tells how much a
request keeps, and too roughly to be told apart by endpoint itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.attribution import Amount
from soak.diagnosis.attribution.signals import PLACE, Signal
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.thresholds import BEYOND_ONE_PLACE
from soak.windows import EndpointWindows


def with_heap_through_endpoint(case: Case, windows: Sequence[EndpointWindows]) -> Case:
    """The case with the growth of its live heap per request to its endpoint, where that is more than its places explain.

    `windows` are the requests of the judged stretch. As it is where the heap was told apart itself,
    where nothing on the heap named an endpoint, or where a place in the target's own code grows
    through who knows which endpoint.
    """
    if any(_own_place_elsewhere(signal, case) for signal in case.signals):
        return case
    requests = {each.endpoint: float(each.requests.sum()) for each in windows}
    most = max(
        (
            amount.high
            for signal, amount in zip(case.signals, case.amounts, strict=True)
            if signal.what == PLACE and amount.endpoint == case.endpoint
        ),
        default=None,
    )
    own = sum(requests.get(endpoint, 0.0) for endpoint in case.endpoints)
    if most is None or own <= 0:
        return case
    each_to_own = sum(requests.values()) / own
    amounts = tuple(
        _through(signal, amount, case.endpoint, each_to_own, most)
        for signal, amount in zip(case.signals, case.amounts, strict=True)
    )
    return replace(case, amounts=amounts)


def _own_place_elsewhere(signal: Signal, case: Case) -> bool:
    return (
        signal.site is not None
        and signal.what == PLACE
        and signal.site.place.own
        and case.amount(signal).endpoint != case.endpoint
    )


def _through(
    signal: Signal, amount: Amount, endpoint: str, each_to_own: float, most: float
) -> Amount:
    if signal.what != ResourceKind.HEAP or amount.endpoint:
        return amount
    low, high = each_to_own * amount.low, each_to_own * amount.high
    if low <= BEYOND_ONE_PLACE * most:
        return amount
    return Amount(endpoint, each_to_own * amount.per_request, low, high)
