"""State which growth a suspect's amount measures, and what other measures of the same leak show."""

from __future__ import annotations

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.attribution import EVERY, Amount
from soak.diagnosis.attribution.signals import GROUP, PLACE, Signal
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.headline import amount as amount_of
from soak.units import show_list

#: Most other measures that are named, largest first: further ones add nothing.
MOST_MEASURES = 3


def measured_by(case: Case, told: Signal | None) -> list[str]:
    """Return a text about the suspect's amount and the other measures; empty if there is only one measure."""
    if told is None:
        return []
    own = case.amount(told)
    others = [
        (signal, case.amount(signal))
        for signal in case.signals
        if signal is not told
        and signal.unit == told.unit
        and signal.what != ResourceKind.METRICS
        and (signal.what == PLACE or not case.shares_heap)
    ]
    named = sorted(
        (pair for pair in others if pair[1].per_request > 0), key=lambda pair: -pair[1].per_request
    )
    shared = told.each if told.each.per_request > 0 and own.endpoint not in ("", EVERY) else None
    if not named and shared is None:
        return []
    over_all = (
        f" (per request of any kind: {amount_of(shared.per_request, told.unit)})" if shared else ""
    )
    # The endpoint of a place or container applies to the heap that it is a part of.
    what = (
        "place"
        if any(case.amount(place).endpoint == own.endpoint for place in case.of(PLACE))
        else "container"
    )
    taken = (
        f", all of it taken to go through {own.endpoint} as the {what} does"
        if told.what in (ResourceKind.HEAP, ResourceKind.MEMORY)
        and shared
        and not told.contributors
        else ""
    )
    sentences = [f"The amount is the growth of {_measure(told)} {_scope(own)}{over_all}{taken}."]
    if named:
        rest = ", ".join(
            f"{_measure(signal)} {amount_of(amount.per_request, told.unit)} {_scope(amount)}"
            for signal, amount in named[:MOST_MEASURES]
        )
        sentences.append(
            f"Other measures of the same growth, which overlap and do not add up: {rest}."
        )
    return [" ".join(sentences)]


def shared_by(case: Case, told: Signal | None) -> str:
    """Say what each of several endpoints adds if they share a leak; empty otherwise."""
    if told is None or not all(told in part.signals for part in case.parts) or not case.parts:
        return ""
    each = [
        f"{amount.endpoint} {amount_of(amount.per_request, told.unit)}"
        for amount in (part.amount(told) for part in case.parts)
    ]
    places = [signal for signal in case.of(PLACE) if not signal.contributors]
    open_question = (
        " Which of the places goes with which of them is not known." if len(places) > 1 else ""
    )
    return f"Several endpoints share it; per request, {show_list(each)}.{open_question}"


def _measure(signal: Signal) -> str:
    """Name what was measured: a series, or what snapshots hold at a place."""
    if signal.what == PLACE:
        return f"the snapshots' heap at {signal.name}"
    if signal.what == GROUP:
        return f"those that wait at {signal.name}"
    if signal.resident:
        return f"resident memory ({signal.name})"
    if signal.what == ResourceKind.HEAP:
        return f"the live heap ({signal.name})"
    return signal.name


def _scope(amount: Amount) -> str:
    if amount.endpoint == EVERY:
        return "per request to every endpoint"
    return f"per request to {amount.endpoint}" if amount.endpoint else "per request of any kind"
