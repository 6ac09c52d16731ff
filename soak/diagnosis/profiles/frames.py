"""Frames of stacks, and the locations of a whole profile, kept as arrays and decoded when read."""

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
    """One call in a stack: function, source file and line (0 if unknown). Without symbols, function is the address.

    `own` is true for code of the target or of a library, and false for its runtime and standard
    library. The profile's reader, which knows the language, decides.
    """

    function: str
    file: str = ""
    line: int = 0
    own: bool = field(default=False, compare=False)


@dataclass(frozen=True, eq=False)
class Locations(Sequence[tuple[Frame, ...]]):
    """A profile's n locations, each the frames that a compiler folded into one, innermost first.

    `names` are (function, file) pairs. Location i's frames are `functions[starts[i]:starts[i + 1]]`,
    indexes into `names`, with the `lines` at the same positions; a location without frames has only
    its address in `addresses` (n,). `own` decides by function and file.
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
        """A hash for each location, shape (n,): equal in all profiles for equal frames."""
        named = np.array(
            [_digest(f"{function}\n{file}") for function, file in self.names], dtype=np.uint64
        )
        with np.errstate(over="ignore"):
            lines = named[self.functions] ^ (self.lines.astype(np.uint64) * _MIXED)
            addresses = np.where(np.diff(self.starts) == 0, self.addresses, 0).astype(np.uint64)
            return in_order(lines, self.starts) + addresses


def in_order(keys: NDArray[np.uint64], starts: Ints) -> NDArray[np.uint64]:
    """Hash each row `keys[starts[i]:starts[i + 1]]` by its content and its order, shape (n,)."""
    depth = np.arange(len(keys)) - np.repeat(starts[:-1], np.diff(starts))
    with np.errstate(over="ignore"):
        mixed = (keys ^ (depth.astype(np.uint64) * _MIXED)) * _MIXED
        mixed = mixed ^ (mixed >> np.uint64(29))
        total = np.concatenate((np.zeros(1, dtype=np.uint64), np.cumsum(mixed, dtype=np.uint64)))
    return total[starts[1:]] - total[starts[:-1]]


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
