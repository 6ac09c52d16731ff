"""Locations: their frames, and hashes that tell stacks apart."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from soak.diagnosis.profiles.frames import Frame, Locations, in_order

NAMES = [("f", "f.go"), ("g", "g.go")]


def locations(
    functions: list[int], lines: list[int], starts: list[int], addresses: list[int]
) -> Locations:
    ints = [np.array(column, dtype=np.int64) for column in (functions, lines, starts, addresses)]
    return Locations(NAMES, ints[0], ints[1], ints[2], ints[3], lambda function, _: function == "g")


PLACES = locations([0, 1, 0], [3, 4, 5], [0, 1, 3, 3, 3], [16, 32, 255, -1])


def test_a_location_has_the_frames_that_were_folded_into_it_or_its_address() -> None:
    assert len(PLACES) == 4
    assert PLACES[0] == (Frame("f", "f.go", 3),)
    assert PLACES[1] == (Frame("g", "g.go", 4), Frame("f", "f.go", 5))
    assert PLACES[2] == (Frame("0xff"),)
    assert PLACES[3] == (Frame("0xffffffffffffffff"),)
    assert PLACES[-1] == PLACES[3]
    assert [frame.own for frame in PLACES[1]] == [True, False]
    assert PLACES[1:3] == [PLACES[1], PLACES[2]]
    with pytest.raises(IndexError):
        PLACES[4]


def test_a_frame_is_the_same_whosoever_it_is() -> None:
    assert Frame("f", "f.go", 3, own=True) == Frame("f", "f.go", 3)
    assert (Frame("f").file, Frame("f").line, Frame("f").own) == ("", 0, False)


def test_keys_are_equal_for_equal_frames_in_every_profile() -> None:
    keys = PLACES.keys.tolist()
    assert len(set(keys)) == 4
    # Neither the address nor the place among the others counts, unless there is nothing else.
    other = locations([0, 1, 0], [4, 3, 3], [0, 0, 1, 2, 3], [255, 9, 9, 9]).keys.tolist()
    assert other[0] == keys[2]
    assert other[3] == keys[0]
    assert other[1] not in keys
    assert other[2] not in keys
    assert locations([], [], [0, 0, 0], [7, 8]).keys.tolist() == [7, 8]
    assert locations([], [], [0], []).keys.tolist() == []


MIX = 0x9E37_79B9_7F4A_7C15


def hashed(rows: list[list[int]]) -> list[int]:
    """The same in whole numbers, one key at a time."""
    sums = []
    for row in rows:
        total = 0
        for depth, key in enumerate(row):
            mixed = ((key ^ (depth * MIX)) * MIX) % 2**64
            total += mixed ^ (mixed >> 29)
        sums.append(total % 2**64)
    return sums


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [[]],
        [[5]],
        [[5, 6], [6, 5], [], [5]],
        [[2**64 - 1, 2**63, 7, 7, 7], [0, 0], [0]],
    ],
)
def test_a_row_is_hashed_by_its_keys_and_their_order(rows: list[list[int]]) -> None:
    keys = np.array([key for row in rows for key in row], dtype=np.uint64)
    starts = np.cumsum([0, *map(len, rows)])
    assert in_order(keys, starts).tolist() == hashed(rows)


def test_the_key_of_a_location_is_that_of_its_names_and_lines() -> None:
    one = locations([0], [0], [0, 1], [0]).keys.tolist()
    # blake2b of "f\nf.go" in eight bytes, mixed as the first of its row.

    digest = int.from_bytes(hashlib.blake2b(b"f\nf.go", digest_size=8).digest(), "little")
    assert one == hashed([[digest]])
    assert locations([0], [5], [0, 1], [0]).keys.tolist() == hashed([[digest ^ (5 * MIX) % 2**64]])
