"""Where calls happen: frames, and the locations of a whole profile, kept as arrays and decoded when read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import overload

import numpy as np
from numpy.typing import NDArray

from soak.diagnosis.profiles.protobuf import Ints

_MIXED = np.uint64(0x9E37_79B9_7F4A_7C15)


@dataclass(frozen=True, slots=True)
class Frame:
    """One call in a stack: function, source file and line (0 unknown). Without symbols, function is the address.

    `own` says that it is the target's code or a library's, and not its runtime's or standard
    library's; whoever reads the profile knows the language and decides.
    """

    function: str
    file: str = ""
    line: int = 0
    own: bool = field(default=False, compare=False)


@dataclass(frozen=True, eq=False)
class Locations(Sequence[tuple[Frame, ...]]):
    """A profile's n locations, each the frames that a compiler folded into one, innermost first.

    `names` are (function, file) pairs; location i's frames are `functions[starts[i]:starts[i +
    1]]`, indexes into them, with `lines` beside; one without any is known by its address in
    `addresses` (n,) alone. `own` is asked of a function and its file.
    """

    names: Sequence[tuple[str, str]]
    functions: Ints
    lines: Ints
    starts: Ints
    addresses: Ints
    own: Callable[[str, str], bool]

    def __len__(self) -> int:
        return len(self.addresses)

    @overload
    def __getitem__(self, place: int) -> tuple[Frame, ...]: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[tuple[Frame, ...]]: ...

    def __getitem__(self, place: int | slice) -> tuple[Frame, ...] | Sequence[tuple[Frame, ...]]:
        if isinstance(place, slice):
            return [self[index] for index in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        return tuple(
            self._frame(at) for at in range(self.starts[place], self.starts[place + 1])
        ) or (Frame(f"{int(self.addresses[place]) & (1 << 64) - 1:#x}"),)

    def _frame(self, at: int) -> Frame:
        function, file = self.names[self.functions[at]]
        return Frame(function, file, int(self.lines[at]), self.own(function, file))

    @cached_property
    def keys(self) -> NDArray[np.uint64]:
        """A number for each location, shape (n,): the same in every profile that has the same frames there."""
        named = np.array(
            [_digest(f"{function}\n{file}") for function, file in self.names], dtype=np.uint64
        )
        with np.errstate(over="ignore"):
            lines = (
                named[self.functions] ^ (self.lines.astype(np.uint64) * _MIXED)
                if len(self.functions)
                else named[:0]
            )
            addresses = np.where(np.diff(self.starts) == 0, self.addresses, 0).astype(np.uint64)
            return in_order(lines, self.starts) + addresses


def in_order(keys: NDArray[np.uint64], starts: Ints) -> NDArray[np.uint64]:
    """A number for each row `keys[starts[i]:starts[i + 1]]`, shape (n,), that depends on what is in it and in which order."""
    depth = np.arange(len(keys)) - np.repeat(starts[:-1], np.diff(starts))
    with np.errstate(over="ignore"):
        mixed = (keys ^ (depth.astype(np.uint64) * _MIXED)) * _MIXED
        mixed = mixed ^ (mixed >> np.uint64(29))
        total = np.concatenate((np.zeros(1, dtype=np.uint64), np.cumsum(mixed, dtype=np.uint64)))
    return total[starts[1:]] - total[starts[:-1]]


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
