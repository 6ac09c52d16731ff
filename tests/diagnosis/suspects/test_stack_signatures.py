"""Which functions open something that stays open."""

import numpy as np
import pytest

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.allocation_sites import AllocationSite, Stack, calls
from soak.diagnosis.attribution.attribution import Amount
from soak.diagnosis.attribution.signals import PLACE, Signal
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.place_and_amount import place_and_amount
from soak.diagnosis.suspects.stack_signatures import STACK_SIGNATURES
from tests.diagnosis.suspects.test_named_growth import TIMES, with_series


@pytest.mark.parametrize(
    ("function", "file", "files", "connections"),
    [
        ("createReadStream", "node:fs", True, False),
        ("openSync", "node:fs", True, False),
        ("open", "node:internal/fs/promises", True, False),
        ("readFileSync", "node:fs", False, False),
        ("ReadStream._read", "node:internal/fs/streams", False, False),
        ("Socket.connect", "node:net", False, True),
        ("Socket._writev", "node:net", False, False),
        ("ClientRequest", "node:_http_client", False, True),
        ("os.OpenFile", "/usr/local/go/src/os/file.go", True, False),
    ],
)
def test_only_what_stays_open_is_opened(
    function: str, file: str, files: bool, connections: bool
) -> None:
    frames = (Frame(function, file, 1),)
    assert calls(frames, STACK_SIGNATURES["files"]) is files
    assert calls(frames, STACK_SIGNATURES["connections"]) is connections


@pytest.mark.parametrize(("through", "place"), [("GET /a", "collect"), ("", None)])
def test_memory_that_grows_beside_descriptors_is_not_where_they_are_opened(
    through: str, place: str | None
) -> None:
    counted = Signal(
        ResourceKind.DESCRIPTORS,
        "process_open_fds",
        "descriptors",
        Amount("", 1, 1, 1),
        (),
        "They grow.",
    )
    stack = Stack((Frame("collect", "/srv/shop.js", 19, own=True),), np.array([0.0, 9e6, 18e6]))
    site = AllocationSite(stack.frames[0], TIMES[:3], TIMES[:3], stack.levels, (stack,))
    held = Signal(PLACE, "collect", "bytes", Amount("", 10, 9, 11), (), "It grows.", site=site)
    case = Case("GET /a", (counted, held), (Amount("GET /a", 1, 1, 1), Amount(through, 10, 9, 11)))
    known = place_and_amount("descriptor-leak", case, with_series([]))
    assert (known.place.function if known.place else None) == place
