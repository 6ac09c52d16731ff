"""What follows the load, and snapshots, in the page."""

import re
from dataclasses import replace

from soak.model import Analysis, Phase
from soak.reporters import figures, html
from tests.reporters.analyses import failing

AFTER = (
    Phase("drain", 600.0, 660.0),
    Phase("confirm", 660.0, 1200.0),
    Phase("confirm-drain", 1200.0, 1260.0),
)


def phased(*phases: Phase) -> Analysis:
    return replace(
        failing(), phases=(*(phase for phase in failing().phases if phase.name != "drain"), *phases)
    )


def words(analysis: Analysis) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.render(analysis)))


def test_what_follows_the_load_is_named_as_one_stretch() -> None:
    assert "drain 10 min to 11 min" in words(phased(AFTER[0]))
    told = words(phased(*AFTER))
    assert "after the load 10 min to 21 min" in told
    assert "confirm-drain" not in told


def test_snapshots_are_ticks_below_the_curves_and_never_too_many() -> None:
    assert "samples left out of trends" not in words(phased())
    some, many = (
        phased(*(Phase("snapshot", float(at), at + 0.5) for at in range(count)))
        for count in (200, 5000)
    )
    assert "▲ snapshot, its samples left out of trends" in words(many)
    drawn = [figures.embed(shown, shown.charts[:1], "chart-") for shown in (some, many)]
    assert '"triangle"' in drawn[0]
    assert len(drawn[1]) < 1.1 * len(drawn[0])
