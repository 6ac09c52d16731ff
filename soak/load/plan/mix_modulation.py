"""Coded traffic: endpoints' shares vary on purpose, at a constant total, to separate the endpoints' effects.

Each slot's shares are a row of a Hadamard matrix (of Paley's or Sylvester's construction; Plackett
and Burman, The design of optimum multifactorial experiments, 1946). Within a cycle of slots every
endpoint is above its weight as often as below, and no two endpoints' variations are correlated.
Each cycle has the rows in a new random order without a trend. Iterative proportional fitting
(Deming and Stephan, 1940) makes each slot's shares add up to one, and each endpoint's mean over a
cycle equal its weight, exactly.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, inf

from soak.load.plan.plan import Plan
from soak.units import show_duration

#: Bounds of a slot in seconds: long enough for a few garbage collections, short enough for many
#: changes in a short run.
SHORTEST, LONGEST = 10.0, 600.0
#: Cycles of slots per run, unless that makes slots too short or too long.
_CYCLES = 4
#: Relative change of an endpoint's share; a small weight may vary more, with little effect on the
#: others.
_DEPTH, _RARE_DEPTH, _RARE = 0.6, 0.9, 0.5
_PRIMES = (3, 7, 11, 19, 23, 31, 43, 47, 59, 67, 71, 79, 83)
_ROUNDS, _EXACT = 1000, 1e-12
_TRIES = 50
#: Random orders of a cycle tried to find the one with the least trend. Of 8 slots, about one order
#: in 60 has almost none.
_ORDERS = 200


@dataclass(frozen=True, slots=True)
class MixModulation:
    """The shares during the steady phase from `begin` on, in slots of `slot` seconds; `order` has a row per slot.

    `bounds` are cumulative sums of shares: those of each slot in `rows`, and those of the plain
    weights, used before and after the phase, in `plain`.
    """

    begin: float
    slot: float
    order: tuple[int, ...]
    rows: tuple[tuple[float, ...], ...]
    plain: tuple[float, ...]

    @classmethod
    def of(
        cls, weights: Sequence[float], begin: float, duration: float, seed: int
    ) -> MixModulation | None:
        """Return the code of a steady phase; None if there is no phase, or fewer than two endpoints to separate."""
        if len(weights) < 2 or duration <= 0:
            return None
        rows = modulated_shares(weights)
        count = len(rows)
        fitting = min(_CYCLES, int(duration / (count * SHORTEST)))
        cycles = max(1, fitting, ceil(duration / (count * LONGEST)))
        chance = random.Random(f"{seed}/code")  # noqa: S311 - repeatable traffic, not secrets
        order = [row for _ in range(cycles) for row in _trend_free(rows, chance)]
        sums = tuple(tuple(accumulate(row)) for row in rows)
        return cls(begin, duration / len(order), tuple(order), sums, tuple(accumulate(weights)))

    @property
    def words(self) -> str:
        """A sentence for the report that says what was varied."""
        return (
            f"the endpoints' shares of the traffic were varied on purpose, in {len(self.order)} slots of "
            f"{show_duration(self.slot)} at a constant total rate, to tell endpoints apart (diagnose.attribute)"
        )

    def at(self, passed: float) -> tuple[tuple[float, ...], float]:
        """Return the cumulative shares at a moment, and when they change next; both in seconds from the load's start."""
        number = int((passed - self.begin) // self.slot)
        if number < 0:
            return self.plain, self.begin
        if number >= len(self.order):
            return self.plain, inf
        return self.rows[self.order[number]], max(self.begin + (number + 1) * self.slot, passed)


def _trend_free(rows: Sequence[Sequence[float]], chance: random.Random) -> list[int]:
    """Return the best of several random orders of a cycle's slots: no endpoint's requests crowd early or late.

    If an endpoint's requests crowd at one end of a short run, a steady leak looks like a warm-up, or
    is hidden (Cheng and Jacroux, The construction of trend-free run orders of two-level factorial
    designs, 1988).
    """
    middle = (len(rows) - 1) / 2
    means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]

    def trend(order: Sequence[int]) -> float:
        leans = [
            sum((number - middle) * rows[row][column] for number, row in enumerate(order))
            for column in range(len(means))
        ]
        return float(max(abs(lean) / mean for lean, mean in zip(leans, means, strict=True)))

    return min((chance.sample(range(len(rows)), len(rows)) for _ in range(_ORDERS)), key=trend)


def mix_modulation_of(plan: Plan) -> MixModulation | None:
    """Return the code of a plan's steady phase, the same in every process; None if the plan requests none."""
    weights = [request.weight for request in plan.requests] + [flow.weight for flow in plan.flows]
    return (
        MixModulation.of(weights, plan.ramp, plan.duration, plan.seed) if plan.attribute else None
    )


def modulated_shares(weights: Sequence[float]) -> list[list[float]]:
    """Return the endpoints' shares in a cycle of slots: rows add up to 1, a column's mean is its weight's share."""
    total = sum(weights)
    parts = [weight / total for weight in weights]
    rare = _RARE / len(parts)
    depths = [_RARE_DEPTH if part < rare else _DEPTH for part in parts]
    rows = _even(parts, depths)
    for _ in range(_ROUNDS):
        means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
        rows = [
            [share * part / mean for share, part, mean in zip(row, parts, means, strict=True)]
            for row in rows
        ]
        sums = [sum(row) for row in rows]
        rows = [[share / size for share in row] for row, size in zip(rows, sums, strict=True)]
        if max(sums) - min(sums) < _EXACT:
            break
    return rows


def _even(parts: Sequence[float], depths: Sequence[float]) -> list[list[float]]:
    """Return the shares from the matrix before fitting: of several choices of columns and signs, the most even one.

    The smaller the sum of a row's shares, the more fitting raises all of them above the intended
    values.
    """
    matrix, chance = hadamard(len(parts) + 1), random.Random(_TRIES)  # noqa: S311 - the same choice everywhere
    schedules: list[list[list[float]]] = []
    for _ in range(_TRIES):
        columns = chance.sample(range(1, len(matrix)), len(parts))
        swings = [depth * chance.choice((1, -1)) for depth in depths]
        schedules.append(
            [
                [
                    part * (1 + swing * row[column])
                    for part, swing, column in zip(parts, swings, columns, strict=True)
                ]
                for row in matrix
            ]
        )
    return max(schedules, key=lambda rows: min(map(sum, rows)))


def hadamard(least: int) -> list[list[int]]:
    """Return the smallest known Hadamard matrix with at least `least` columns; the first column is all 1."""
    doublings = [(2**power, 1) for power in range(1, 12)]
    paley = [((prime + 1) * 2**power, prime) for prime in _PRIMES for power in range(8)]
    order, prime = min(pair for pair in (*doublings, *paley) if pair[0] >= least)
    matrix = [[1]] if prime == 1 else _paley(prime)
    while len(matrix) < order:
        matrix = [row + row for row in matrix] + [row + [-sign for sign in row] for row in matrix]
    return [[sign * row[0] for sign in row] for row in matrix]


def _paley(prime: int) -> list[list[int]]:
    """Build Paley's first construction (On orthogonal matrices, 1933) for a prime congruent to 3 modulo 4."""
    squares = {number * number % prime for number in range(1, prime)}
    first = [1] * (prime + 1)
    rest = [
        [
            -1,
            *(
                1 if column == row or (column - row) % prime in squares else -1
                for column in range(prime)
            ),
        ]
        for row in range(prime)
    ]
    return [first, *rest]
