"""Endpoints whose requests surely leave something, and places in Node's code that grow with these requests.

V8 samples its heap, so work that is done anew every few seconds seems to grow by chance. Where the
number of a container's entries follows the requests to one endpoint exactly, so does what they hold.
"""

from __future__ import annotations

from collections.abc import Sequence

from soak.analysis.prepare.prepare import Prepared
from soak.catalog.node import GROWING_ENTRIES
from soak.diagnosis.attribution.allocation_sites import AllocationSite
from soak.diagnosis.attribution.exact_counts import SETTLED, scatter_about
from soak.diagnosis.attribution.growing_classes import ENDPOINT
from soak.diagnosis.attribution.levels import OF_AN_ENDPOINT
from soak.diagnosis.attribution.request_counts import mix_at
from soak.diagnosis.thresholds import FOLLOWS_BEST, FOLLOWS_SHARE, LEAST_SNAPSHOTS
from soak.model import Finding, Verdict


def exact_endpoints(findings: Sequence[Finding]) -> set[str]:
    """Return the endpoints whose requests surely leave objects or entries, of which snapshots count each."""
    return {
        dict(finding.labels).get(ENDPOINT, "")
        for finding in findings
        if finding.series in OF_AN_ENDPOINT and finding.verdict is Verdict.FAIL
    }


def endpoint_of_entries(findings: Sequence[Finding]) -> str:
    """Return the endpoint whose requests surely leave entries in Node's containers; empty if that is not known.

    V8 samples its heap, so that a place may seem to grow by chance; Python's allocations are all traced.
    """
    return next(
        (
            dict(finding.labels).get(ENDPOINT, "")
            for finding in findings
            if finding.series == GROWING_ENTRIES and finding.verdict is Verdict.FAIL
        ),
        "",
    )


def following(
    prepared: Prepared, places: Sequence[AllocationSite], endpoint: str
) -> list[AllocationSite]:
    """Return the places that surely grow with the requests to one endpoint and best with these, fastest first."""
    found = []
    for site in places:
        late = slice(int(SETTLED * len(site.times)), None)
        mix = mix_at(site.times[late], prepared.windows())
        if not site.sure or endpoint not in mix.names or len(site.times[late]) < LEAST_SNAPSHOTS:
            continue
        scatter = scatter_about(mix.counts, site.levels[late, None])[:, 0]
        own = float(scatter[mix.names.index(endpoint)])
        if own <= FOLLOWS_SHARE and own <= float(scatter.min()) * FOLLOWS_BEST:
            found.append(site)
    return found
