"""What keeps a JVM's objects alive, told from a dump of its heap: the classes and fields on the ways to them.

The ways are those of a breadth-first search from the static fields of the service's own classes, then of all
classes, then from everything else that the JVM itself and its threads refer to. Weak, soft and phantom
references keep nothing alive. From own fields the search does not go on through classes and threads: a parser
that caches types leads to a class loader, and so to everything.
"""

from __future__ import annotations

import struct
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import dropwhile, takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soak.errors import TargetError
from soak.sampling.profilers.hprof import PATIENCE, Dump, check_time, dotted, read_dump

#: Objects of each class that are looked at, own steps of a way that are told, steps that are followed at
#: most (a queue is a chain as long as it has entries), objects that one may hold, and references that are
#: read at once.
_SAMPLED, _TOLD, _FOLLOWED, _HELD, _CHUNK = 200, 6, 100_000, 10_000, 200_000
#: Marks an object that is not to be reached for now.
_BARRED = -3
_REFERENT = ("java.lang.ref.Reference", "referent")
#: A thread-local's value is kept by a thread, in an entry that refers to the thread-local weakly.
_LOCAL = ("java.lang.ThreadLocal$ThreadLocalMap$Entry", "value")

Ints = NDArray[np.int64]
Ids = NDArray[np.uint64]
Step = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class KeptClass:
    """A class of which there are so many `objects`, of which `sampled` were looked at.

    Each holds so many bytes alone (`holds`, on average, give or take `error`): itself and what nothing else refers to,
    without other objects of its class. `ways` are the own classes and fields on the ways to them, from the root on, and
    the step behind them, with the number of each owner, and how often each was found. Elements of arrays are no steps.
    """

    name: str
    objects: int
    sampled: int
    ways: Mapping[tuple[Step, ...], int]
    holds: float
    error: float

    @property
    def document(self) -> dict[str, object]:
        """The same for a snapshot."""
        ways = [[many, way] for way, many in self.ways.items()]
        return {
            "class": self.name,
            "objects": self.objects,
            "sampled": self.sampled,
            "ways": ways,
            "holds": self.holds,
            "error": self.error,
        }


def kept_by(file: Path, wanted: Iterable[str], is_own: Callable[[str], bool]) -> list[KeptClass]:
    """Return what keeps objects of the wanted classes alive; raise TargetError if the dump cannot be read, or not in time."""
    until = time.monotonic() + PATIENCE
    try:
        data = file.read_bytes()
        dump = read_dump(data, until)
        references = _references(dump, np.frombuffer(data, np.uint8), until)
        barred = [*dump.classes, *dump.of_kind("java.lang.Thread")]
        parents = references.search(_starts(dump, is_own), barred, until)
        names = {dotted(name) for name in wanted}
        return [
            KeptClass(
                name,
                len(ids),
                len(some),
                _told(references.ways(some, parents), is_own),
                *references.held(some),
            )
            for name, ids, _ in dump.objects()
            if name in names and len(some := _chosen(ids))
        ]
    except (OSError, ValueError, struct.error, KeyError, IndexError) as error:
        raise TargetError(f"{file.name}: the heap dump cannot be read: {error!r:.100}") from None


def _told(ways: Iterable[list[Step]], is_own: Callable[[str], bool]) -> dict[tuple[Step, ...], int]:
    """Return the own steps of ways, from the first one on, with the step behind them, and how often each was found.

    The step behind has no number: all objects in a map are kept by the same field, in entries of their own.
    """
    told: Counter[tuple[Step, ...]] = Counter()
    for way in ways:
        begun = list(dropwhile(lambda step: not is_own(step[0]), way))
        own = list(takewhile(lambda step: is_own(step[0]), begun))
        behind = [(kind, by, 0) for kind, by, _ in begun[len(own) : len(own) + 1]]
        if own:
            told[*own[:_TOLD], *behind] += 1
    return dict(told)


def _chosen(ids: Ids) -> Ids:
    """Return some of the objects of a class, evenly over the dump."""
    some: Ids = ids[np.linspace(0, len(ids) - 1, min(_SAMPLED, len(ids))).astype(int)]
    return some


def _starts(dump: Dump, is_own: Callable[[str], bool]) -> list[list[int]]:
    """Return the objects to start from: own classes, all classes, what the JVM refers to, and what threads do."""
    own = [number for number in dump.classes if is_own(dump.name(number))]
    return [own, list(dump.classes), *dump.roots]


@dataclass(slots=True, eq=False)
class _References:
    """The objects by number (sorted), and of each reference the places of its two ends among them and its field.

    The references of the object at place i are those from `begins[i]` to `begins[i + 1]`. `fields` are the class
    that a field is told with, and its name; both empty for an element of an array. `locals` are the thread-locals
    of entries, by the entry's place. `sizes` and `kinds` are each object's bytes and a number for its class.
    """

    ids: Ids
    begins: Ints
    to: Ints
    by: Ints
    fields: list[tuple[str, str]]
    locals: dict[int, int]
    sizes: Ints
    kinds: Ints

    def held(self, numbers: Ids) -> tuple[float, float]:
        """Return what each of these objects holds alone, in bytes: the mean and its standard error."""
        referrers = np.bincount(self.to, minlength=len(self.ids))
        sizes = [self._held(place, referrers) for place in self._places(numbers).tolist()]
        return float(np.mean(sizes)), float(np.std(sizes) / np.sqrt(len(sizes)))

    def _held(self, place: int, referrers: Ints) -> int:
        own, known, open_ = self.kinds[place], {place}, [place]
        while open_ and len(known) < _HELD:
            here = open_.pop()
            for there in self.to[self.begins[here] : self.begins[here + 1]].tolist():
                if referrers[there] == 1 and self.kinds[there] != own and there not in known:
                    known.add(there)
                    open_.append(there)
        return int(self.sizes[list(known)].sum())

    def search(
        self, starts: Sequence[Sequence[int]], barred: Sequence[int], until: float
    ) -> tuple[Ints, Ints]:
        """Return for each object the one that it is reached from, and by which field, -1 for a start; -2 if by none.

        From the first of the starts no `barred` object is reached.
        """
        owner, through = (np.full(len(self.ids), -2, np.int64) for _ in range(2))
        owner[self._places(np.array(barred, np.uint64))] = _BARRED
        for numbers in starts:
            front = self._places(np.array(numbers, np.uint64))
            front = np.unique(front[(owner[front] == -2) | (owner[front] == _BARRED)])
            owner[front] = -1
            while len(front):
                check_time(until)
                many = self.begins[front + 1] - self.begins[front]
                ends = np.cumsum(many)
                edges = np.repeat(self.begins[front] - ends + many, many) + np.arange(
                    int(many.sum())
                )
                new = owner[self.to[edges]] == -2
                edges, origin = edges[new], np.repeat(front, many)[new]
                front, first = np.unique(self.to[edges], return_index=True)
                owner[front], through[front] = origin[first], self.by[edges[first]]
            owner[owner == _BARRED] = -2
        return owner, through

    def ways(self, numbers: Ids, parents: tuple[Ints, Ints]) -> Iterator[list[Step]]:
        """Yield the ways to objects, empty where nothing keeps one."""
        for place in self._places(numbers).tolist():
            yield self._way(place, parents)

    def _way(self, place: int, parents: tuple[Ints, Ints]) -> list[Step]:
        owner, through = parents
        steps: list[Step] = []
        for _ in range(_FOLLOWED):
            above = int(owner[place])
            if above < 0:
                break
            told = self.fields[int(through[place])]
            if told[1]:
                steps.append((*told, int(self.ids[above] % 2**53)))
            # Who made a thread-local tells more than the thread that has a value of it.
            place = self.locals.get(above, above) if told == _LOCAL else above
        return steps[::-1]

    def _places(self, numbers: Ids) -> Ints:
        places = np.searchsorted(self.ids, numbers)
        places = np.minimum(places, len(self.ids) - 1)
        there: Ints = places[self.ids[places] == numbers]
        return there


def _references(dump: Dump, data: NDArray[np.uint8], until: float) -> _References:
    """Return all references between the dump's objects."""
    ids = np.unique(
        np.concatenate(
            [np.array(list(dump.classes), np.uint64)]
            + [np.frombuffer(each, np.uint64) for each, _ in dump.instances.values()]
            + [np.frombuffer(each, np.uint64) for each, _, _ in dump.arrays.values()]
            + [np.frombuffer(each, np.uint64) for each, _ in dump.primitives.values()]
        )
    )
    sizes, kinds = (np.zeros(len(ids), np.int64) for _ in range(2))
    for number, (_, some, each) in enumerate(dump.objects(), 1):
        there = np.searchsorted(ids, some)
        sizes[there], kinds[there] = each, number
    fields: list[tuple[str, str]] = [("", "")]
    parts: list[tuple[Ids, Ids, int]] = []
    entries: tuple[Ids, Ids] | None = None
    for number, made in dump.classes.items():
        for static, value in made.statics:
            fields.append((dump.name(number), dump.text(static)))
            parts.append(
                (np.array([number], np.uint64), np.array([value], np.uint64), len(fields) - 1)
            )
    for number, (owners, places) in dump.instances.items():
        check_time(until)
        weak = dump.is_weak(number)
        for within, declared, name in dump.references(number):
            held = _values(data, np.frombuffer(places, np.uint64).astype(np.int64) + within)
            mine = np.frombuffer(owners, np.uint64)
            if (declared, name) == _REFERENT and weak:
                if dump.name(number) == _LOCAL[0]:
                    entries = mine, held
                continue
            fields.append((dump.name(number), name))
            parts.append((mine, held, len(fields) - 1))
    for owners, places, lengths in dump.arrays.values():
        many = np.frombuffer(lengths, np.uint64).astype(np.int64)
        ends = np.cumsum(many)
        begins = np.repeat(
            np.frombuffer(places, np.uint64).astype(np.int64) - 8 * (ends - many), many
        )
        held = _values(data, begins + 8 * np.arange(int(many.sum())))
        parts.append((np.repeat(np.frombuffer(owners, np.uint64), many), held, 0))
    origin, to, by = _ends(ids, parts)
    order = np.argsort(origin, kind="stable")
    begins = np.searchsorted(origin[order], np.arange(len(ids) + 1))
    return _References(
        ids, begins, to[order], by[order], fields, _pairs(ids, entries), sizes, kinds
    )


def _ends(ids: Ids, parts: Sequence[tuple[Ids, Ids, int]]) -> tuple[Ints, Ints, Ints]:
    """Return the places of owners and of what they hold, and the fields, of all references that lead to an object."""
    rows = []
    for owners, held, by in parts:
        there = held != 0
        to = np.minimum(np.searchsorted(ids, held[there]), len(ids) - 1)
        known = ids[to] == held[there]
        origin = np.searchsorted(ids, owners[there][known])
        rows.append((origin, to[known], np.full(int(known.sum()), by, np.int64)))
    columns = [np.concatenate(column).astype(np.int64) for column in zip(*rows, strict=True)]
    return columns[0], columns[1], columns[2]


def _pairs(ids: Ids, entries: tuple[Ids, Ids] | None) -> dict[int, int]:
    """Return the place of the thread-local of each entry's place."""
    if entries is None:
        return {}
    [(origin, to, _)] = [_ends(ids, [(*entries, 0)])]
    return dict(zip(origin.tolist(), to.tolist(), strict=True))


def _values(data: NDArray[np.uint8], places: Ints) -> Ids:
    """Return the numbers of 8 bytes at these places."""
    parts = [
        data[places[at : at + _CHUNK, None] + np.arange(8)].view(">u8")[:, 0]
        for at in range(0, len(places), _CHUNK)
    ]
    return np.concatenate([np.empty(0, np.uint64), *parts]).astype(np.uint64)
