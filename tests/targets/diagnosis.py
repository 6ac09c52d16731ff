"""Whether a diagnosis is right: class, place, endpoint and amount of the first suspect against the truth of `known`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.targets.known import Leak

#: How far an amount may be off, as a share of the truth.
AMOUNT = 0.10


def checked(leak: Leak, suspects: Sequence[Mapping[str, Any]]) -> dict[str, bool]:
    """What is right of the first suspect, or of several leaks' each; of a healthy target, whether there is none."""
    if not leak.kind:
        return {"nobody suspected": not suspects}
    first = suspects[0] if suspects else {}
    told = (
        [(leak, first)]
        if leak.beside is None
        else [(leaking, _named(leaking, suspects)) for leaking in leak.each]
    )
    return {
        "class": all(named.get("class") == truth.kind for truth, named in told),
        "place": all(
            bool(named) and same_place(truth.place, named["where"]) for truth, named in told
        ),
        "endpoint": all(
            bool(named) and named["endpoint"] == truth.endpoint for truth, named in told
        ),
        "amount": all(bool(named) and same_amount(truth, named) for truth, named in told),
        "alone": len(suspects) == len(told),
    }


def _named(leak: Leak, suspects: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The suspect that names the leak's place; empty without one."""
    return next((suspect for suspect in suspects if same_place(leak.place, suspect["where"])), {})


def same_place(truth: str, said: str) -> bool:
    """Whether the function is the same, however a compiler named it when it put it into another, and the file where known.

    The truth may name another as well, such as the class that is left open: ` or java.net.Socket`.
    """
    truth, _, other = truth.partition(" or ")
    if other and (said == other or same_place(other, said)):
        return True
    function, _, file = truth.partition(" ")
    named, _, beside = said.partition(" ")
    own = function.removeprefix("main.")
    return (named in (function, own) or named.endswith(f".{own}")) and (not file or file in beside)


def same_amount(leak: Leak, suspect: Mapping[str, Any]) -> bool:
    """Whether the amount is within a tenth of the truth, in its unit; any where it is not requests that cost."""
    if not leak.per_request:
        return True
    each = suspect["per_request"] or 0.0
    return bool(suspect["unit"] == leak.unit and abs(each / leak.per_request - 1) <= AMOUNT)


def line(leak: Leak, suspects: Sequence[Mapping[str, Any]]) -> str:
    """`ok    class ok  place ok  endpoint ok  amount ok  | goroutine-leak 99% main.countStock healthy.go:121 …`."""
    right = checked(leak, suspects)
    mark = "ok   " if all(right.values()) else "WRONG"
    parts = "  ".join(f"{name} {'ok' if is_right else 'WRONG'}" for name, is_right in right.items())
    return f"{mark} {leak.cell:24} {parts}  | {'; '.join(map(_said, suspects)) or 'nobody'}"


def _said(suspect: Mapping[str, Any]) -> str:
    amount = f"{suspect['per_request']} {suspect['unit']} ({suspect['low']} to {suspect['high']})"
    return f"{suspect['class']} {suspect['confidence']:.2f} {suspect['where']} [{suspect['endpoint']}] {amount}"
