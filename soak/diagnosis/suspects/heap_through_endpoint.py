"""Attribute the whole growth of the heap to the endpoint that is known for one of its places or containers.

A class of the target's own is counted without noise, so its endpoint is known early. But an entry of
a cache is more than one class: it refers to strings, arrays and nodes. The whole heap shows how much
a request keeps, but its level is too noisy to separate endpoints. The same holds for a container
whose entries the Python hook counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.attribution import EVERY, Amount
from soak.diagnosis.attribution.signals import PLACE, Signal
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.growing_containers import OBJECTS, GrowingContainer
from soak.diagnosis.thresholds import BEYOND_ONE_PLACE
from soak.windows import EndpointWindows


def with_heap_through_endpoint(case: Case, windows: Sequence[EndpointWindows]) -> Case:
    """Attribute the case's live heap to its endpoint, if the heap grows by more than the case's places explain.

    `windows` are the requests of the judged stretch. The case is unchanged if the heap was
    attributed itself, if no place on the heap named the endpoint, or if a place in the target's own
    code has another or an unknown endpoint.
    """
    if any(_own_place_elsewhere(signal, case) for signal in case.signals):
        return case
    requests = _requests(windows)
    most = max(
        (
            amount.high
            for signal, amount in zip(case.signals, case.amounts, strict=True)
            if signal.what == PLACE and amount.endpoint == case.endpoint
        ),
        default=None,
    )
    each_to_own = _requests_to_own(case.endpoints, requests)
    if most is None or each_to_own is None:
        return case
    amounts = tuple(
        _through(signal, amount, case.endpoint, each_to_own, most)
        for signal, amount in zip(case.signals, case.amounts, strict=True)
    )
    return replace(case, amounts=amounts)


def with_endpoint_of_containers(
    case: Case, grown: Sequence[GrowingContainer], windows: Sequence[EndpointWindows]
) -> Case:
    """Give the case the endpoint through which all containers that gain entries are filled.

    The case is unchanged if it has an endpoint already, if more than memory grows, if a place in the
    target's own code grows, or if the containers have several endpoints or unknown ones. Objects of a
    class count only where no container gains entries: they are mostly its entries.
    """
    grown = [container for container in grown if container.kind != OBJECTS] or grown
    endpoints = {amount.endpoint for container in grown for amount in container.endpoints}
    if (
        case.endpoint
        or not case.memory_alone
        or any(map(_is_own_place, case.signals))
        or not all(container.endpoints for container in grown)
        or len(endpoints) != 1
        or EVERY in endpoints
    ):
        return case
    endpoint = endpoints.pop()
    each_to_own = _requests_to_own((endpoint,), _requests(windows))
    if each_to_own is None:
        return case
    amounts = tuple(_scaled(amount, endpoint, each_to_own) for amount in case.amounts)
    return replace(case, endpoint=endpoint, amounts=amounts)


def _requests(windows: Sequence[EndpointWindows]) -> dict[str, float]:
    return {each.endpoint: float(each.requests.sum()) for each in windows}


def _requests_to_own(endpoints: Sequence[str], requests: Mapping[str, float]) -> float | None:
    """Return the number of all requests per request to these endpoints; None if they had none."""
    own = sum(requests.get(endpoint, 0.0) for endpoint in endpoints)
    return sum(requests.values()) / own if own > 0 else None


def _own_place_elsewhere(signal: Signal, case: Case) -> bool:
    return _is_own_place(signal) and case.amount(signal).endpoint != case.endpoint


def _is_own_place(signal: Signal) -> bool:
    """Return True if the signal is a place in the target's own code."""
    return signal.site is not None and signal.what == PLACE and signal.site.place.own


def _through(
    signal: Signal, amount: Amount, endpoint: str, each_to_own: float, most: float
) -> Amount:
    if signal.what != ResourceKind.HEAP or amount.endpoint:
        return amount
    scaled = _scaled(amount, endpoint, each_to_own)
    return scaled if scaled.low > BEYOND_ONE_PLACE * most else amount


def _scaled(amount: Amount, endpoint: str, each_to_own: float) -> Amount:
    """Convert an amount per request of any kind to one per request to one endpoint."""
    return Amount(
        endpoint,
        each_to_own * amount.per_request,
        each_to_own * amount.low,
        each_to_own * amount.high,
    )
