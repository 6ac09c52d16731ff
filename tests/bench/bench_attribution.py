"""How well growth is told apart by endpoint, on simulated services: `make bench-attribution`.

Fresh seeds unless told otherwise. For kinds marked * the method was not made, though their figures
were seen while it was. A leak counts where the verdict calls its growth certain; `right` is that
exactly the contributors endpoints are named (every endpoint, where all leak alike, or where it is
time, which nothing but a drain could tell from it), `wrong` that an innocent one is, and the rest
is left open.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from soak.analysis.prepare.prepare import prepare
from soak.analysis.statistics.growth_input import Subject
from soak.analysis.statistics.trend import fit_trend
from soak.analysis.thresholds import CERTAIN
from tests.bench.simulated_services import HELD_OUT, LEAKS, SEEN, Service, Setting, service

FORMS = {**SEEN, **HELD_OUT}


@dataclass(frozen=True, slots=True)
class Score:
    """One run: NaN where there is nothing to be right about."""

    certain: bool
    right: bool
    wrong: bool
    within: float
    covered: float


def score(form: str, leak: str, coded: bool, seed: int) -> Score:
    """One simulated run, told apart."""
    run = service(FORMS[form], leak, seed, Setting(coded=coded))
    told = run.attribution()
    truth = {f"GET /{i}": float(amount) for i, amount in enumerate(run.amounts) if amount > 0}
    every = {amount.endpoint for amount in told.amounts}
    named = every if told.every is not None else {amount.endpoint for amount in told.contributors}
    if leak == "time":
        truth = {endpoint: run.per_second / _rate(run) for endpoint in every}
    known = [amount for amount in told.amounts if amount.endpoint in truth]
    near = [
        abs(known_amount.per_request / truth[known_amount.endpoint] - 1) <= 0.1
        for known_amount in known
        if known_amount.endpoint in named
    ]
    covered = [
        known_amount.low - 1e-9 <= truth[known_amount.endpoint] <= known_amount.high + 1e-9
        for known_amount in known
    ]
    return Score(
        _certain(run),
        named == set(truth),
        bool(named - set(truth)),
        float(np.mean(near)) if near else np.nan,
        float(np.mean(covered)) if covered else np.nan,
    )


def _rate(run: Service) -> float:
    return float(
        sum(window.requests.sum() for window in run.recording.windows)
        / len(run.recording.windows[0].times)
    )


def _certain(run: Service) -> bool:
    series = run.recording.series[0]
    prepared = prepare(run.recording, 0.0)
    trend = fit_trend(Subject(series, "it", "bytes", requests=prepared.requests, borders=()))
    return trend.p_no_growth <= CERTAIN and trend.slope_low > 0


def rows(runs: int, first: int, coded: bool) -> Iterator[str]:
    """One line a kind of series and leak."""
    with ProcessPoolExecutor() as pool:
        for form in FORMS:
            for leak in LEAKS:
                scores = list(
                    pool.map(partial(score, form, leak, coded), range(first, first + runs))
                )
                sure = [row for row in scores if row.certain] if leak != "none" else scores
                mark = "*" if form in HELD_OUT else " "
                yield (
                    f"{form:10}{mark} {leak:5} {len(sure):4d} certain   right {_share([row.right for row in sure])}   "
                    f"wrong {_share([row.wrong for row in sure])}   within 10% {_share([row.within for row in sure])}   "
                    f"covered {_share([row.covered for row in sure])}"
                )


def _share(values: list[bool] | list[float]) -> str:
    known = [value for value in values if not np.isnan(value)]
    return f"{100 * float(np.mean(known)):4.0f}%" if known else "    -"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=60, help="of each kind of series and leak")
    parser.add_argument("--first", type=int, default=900_000, help="the first seed")
    parser.add_argument("--plain", action="store_true", help="with the mix left as it is")
    asked = parser.parse_args()
    for row in rows(asked.runs, asked.first, not asked.plain):
        print(row, flush=True)


if __name__ == "__main__":
    main()
