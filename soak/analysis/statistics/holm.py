"""Multiple tests at one risk: Holm, A simple sequentially rejective multiple test procedure (1979)."""

from __future__ import annotations

from collections.abc import Sequence


def holm(probabilities: Sequence[float], risk: float) -> list[bool]:
    """Return for each hypothesis of a family, in order, whether it is rejected at the family-wise risk."""
    rejected = [False] * len(probabilities)
    for rank, index in enumerate(sorted(range(len(probabilities)), key=lambda i: probabilities[i])):
        if probabilities[index] > risk / (len(probabilities) - rank):
            break
        rejected[index] = True
    return rejected
