"""Where a source file lies in the repository that is worked in."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak.cli.source_paths import in_repository
from soak.diagnosis.attribution.allocation_sites import place_at
from soak.diagnosis.profiles.frames import Frame
from soak.model import Analysis, RunInfo, Suspect, Verdict


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("/app/src/data/db.js", "src/data/db.js"),  # as a container has it
        ("file:///home/ci/shop/src/data/db.js", "src/data/db.js"),
        ("shop/src/data/db.js", "src/data/db.js"),
        ("src\\data\\db.js", "src/data/db.js"),
        ("/app/db.js", "db.js"),  # the file of the same name at the top
        ("/app/other/gone.js", "gone.js"),
        ("/app/../src/data/db.js", "db.js"),
        ("", ""),
    ],
)
def test_the_longest_end_of_a_path_that_is_a_file_here_is_shown(
    tmp_path: Path, told: str, shown: str
) -> None:
    (tmp_path / "src" / "data").mkdir(parents=True)
    for file in ("src/data/db.js", "db.js"):
        (tmp_path / file).touch()
    place = place_at(Frame("load", told, 5))
    suspect = Suspect("unbounded-cache", 0.9, place, "GET /a", 1.0, 1.0, 1.0, "bytes", (), "", "")
    analysis = Analysis(
        RunInfo("shop", seconds=1.0), Verdict.FAIL, "It grows.", (), suspects=(suspect,)
    )
    [seen] = in_repository(analysis, tmp_path).suspects
    assert seen.place.in_repository == shown
    assert not place.in_repository.startswith("/")
    assert place == place_at(Frame("load", told.replace("\\", "/").rpartition("/")[2], 5))
