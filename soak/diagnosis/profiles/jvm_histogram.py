"""A JVM's classes: live instances and bytes of each, and the allocators of those added since the recording began.

`jcmd GC.class_histogram` counts every live object but not its allocator. The flight recorder samples
live objects with their allocators but not their bytes. Therefore the gain of a class since the
recording began is divided among the allocators of its sampled objects: an object is sampled in
proportion to its bytes. The flight recorder also samples all allocations.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.profiles.java_names import (
    class_frame,
    class_name,
    is_own_class,
    libraries_of,
    method_frame,
)
from soak.diagnosis.profiles.json_profile import (
    HELD,
    Stack,
    amount,
    items,
    mapping,
    parse_json_profile,
    profile_from_stacks,
    prose,
    text,
)
from soak.diagnosis.profiles.pprof import StackProfile

#: So many classes of one name and different numbers are generated (scripts, proxies, accessors); in the
#: unnamed package, where no service has classes of its own, so few.
_GENERATED, _UNNAMED, _ANY = 20, 3, "…"
_NUMBERED = re.compile(r"((?:[\w$]+\.)*\w*[A-Za-z_])\d+")
_ROW = re.compile(r"\s*\d{1,12}:\s+(\d{1,18})\s+(\d{1,18})\s+(\S{1,500})")
_MOST_CLASSES = 20_000
#: Objects of a class, of either age, that tell who allocates it all the time.
_SEVERAL = 3
_EVER = ("alloc_space", "bytes")

Histogram = dict[str, tuple[float, float]]


def read_classes(data: bytes) -> StackProfile:
    """Read a histogram as soak recorded it, with its baseline and sampled objects; or a histogram's text alone.

    A stack begins with the class, followed by the calls of its allocator; objects of the baseline
    have no allocator.
    """
    return parse_json_profile(_as_document(data), "class histogram", _read)


def read_histogram(data: bytes) -> tuple[Histogram, tuple[str, ...]]:
    """Return instances and bytes by class of a snapshot that `read_classes` reads, and the packages of its libraries."""
    return parse_json_profile(
        _as_document(data),
        "class histogram",
        lambda document: (_histogram(document.get("histogram")), libraries_of(document)),
    )


def _as_document(data: bytes) -> bytes:
    if data.lstrip().startswith(b"{"):
        return data
    return json.dumps({"histogram": data.decode("utf-8", "replace")}).encode()


def _read(document: Mapping[str, Any]) -> StackProfile:
    stems = _generated(document)
    if stems:
        document = _as_one(document, stems)
    held = _histogram(document.get("histogram"))
    baseline = _histogram(document["baseline"]) if "baseline" in document else held
    libraries = (*libraries_of(document), *(f"{stem}{_ANY}" for stem in stems))
    alive = _shared(held, baseline, _allocators(items(document.get("objects", [])), libraries))
    ever = list(_allocated(items(document.get("allocated", [])), libraries))
    if not ever:
        return profile_from_stacks(alive, HELD)
    return profile_from_stacks(
        [
            *((stack, (*kept, 0.0)) for stack, kept in alive),
            *((stack, (0.0, 0.0, size)) for stack, size in ever),
        ],
        (*HELD, _EVER),
    )


def _generated(document: Mapping[str, Any]) -> list[str]:
    """Return the names, without their numbers, of classes of which a program generates ever more: `Script` of Groovy's."""
    names = {class_name(row[3]) for row in _ROW.finditer(prose(document.get("histogram", "")))}
    stacks = [
        sample.get("frames", []) for sample in map(mapping, items(document.get("objects", [])))
    ]
    stacks += [
        calls for sample in items(document.get("allocated", [])) for calls in items(sample)[1:2]
    ]
    for call in (call for stack in stacks for call in items(stack)):
        names.add(text(_pair(call)[0]).rpartition(".")[0])
    stems = Counter(found[1] for name in names if (found := _NUMBERED.fullmatch(name)))
    return [
        stem for stem, many in stems.items() if many >= (_GENERATED if "." in stem else _UNNAMED)
    ]


def _as_one(document: Mapping[str, Any], stems: Sequence[str]) -> dict[str, Any]:
    """Return a snapshot with `Script…` for each class generated under such a name: no source has any of them."""
    spelled = [re.escape(stem).replace(r"\.", "[./]") for stem in stems]
    name = re.compile(rf"(?<![\w$./])({'|'.join(spelled)})\d+(?!\w)")
    written = name.sub(rf"\1{_ANY}", json.dumps(document, ensure_ascii=False))
    return dict(json.loads(written))


def _allocated(
    samples: list[Any], libraries: tuple[str, ...]
) -> Iterator[tuple[tuple[Frame, ...], float]]:
    """Yield the bytes allocated since the recording began by each sampled stack, which starts with the class if it is own."""
    for sample in samples:
        match items(sample):
            case [size, calls]:
                yield _calls(calls, libraries), amount(size)
            case [size, calls, name]:
                made = class_frame(text(name))
                own = is_own_class(made) and not made.function.startswith(libraries)
                yield (*((made,) if own else ()), *_calls(calls, libraries)), amount(size)
            case _:
                raise ValueError("an allocation that is not a size and a stack")


def _histogram(value: object) -> Histogram:
    """Return instances and bytes by class; raise ValueError if there are none."""
    histogram: Histogram = {}
    for row in _ROW.finditer(prose(value)):
        name = class_name(row[3])
        instances, size = histogram.get(name, (0.0, 0.0))
        histogram[name] = instances + float(row[1]), size + float(row[2])
        if len(histogram) >= _MOST_CLASSES:
            break
    if not histogram:
        raise ValueError("no class in it")
    return histogram


def _allocators(
    objects: list[Any], libraries: tuple[str, ...]
) -> dict[str, Counter[tuple[Frame, ...]]]:
    """Return how many sampled objects of each class each stack allocated.

    What grows has objects of every age. What a service set up as it began has old ones only, and a list
    of the last hundred young ones only. So of each stack the fewer count, of those that are younger than
    half of the oldest object and of the others; all, where hardly any stack has both.
    """
    samples = list(map(mapping, objects))
    half = max((amount(sample.get("age", 0.0)) for sample in samples), default=0.0) / 2
    allocators: dict[str, Counter[tuple[Frame, ...]]] = {}
    young: dict[str, Counter[tuple[Frame, ...]]] = {}
    for sample in samples:
        stack = _calls(sample.get("frames"), libraries)
        if not stack:
            continue
        name = class_name(text(sample.get("class")))
        allocators.setdefault(name, Counter())[stack] += 1
        if "age" in sample and amount(sample["age"]) < half:
            young.setdefault(name, Counter())[stack] += 1
    return {name: _of_every_age(stacks, young.get(name)) for name, stacks in allocators.items()}


def _of_every_age(
    stacks: Counter[tuple[Frame, ...]], young: Counter[tuple[Frame, ...]] | None
) -> Counter[tuple[Frame, ...]]:
    if young is None:
        return stacks
    fewer = {stack: min(young[stack], many - young[stack]) for stack, many in stacks.items()}
    both = Counter({stack: many for stack, many in fewer.items() if many})
    return both if both.total() >= _SEVERAL else stacks


def _calls(calls: object, libraries: tuple[str, ...]) -> tuple[Frame, ...]:
    pairs = map(_pair, items(calls))
    return tuple(method_frame(name, number, libraries=libraries) for name, number in pairs)


def _pair(call: object) -> tuple[object, object]:
    match items(call):
        case [name, number]:
            return name, number
    raise ValueError("a call that is not a method and a line")


def _shared(
    held: Histogram, baseline: Histogram, allocators: Mapping[str, Counter[tuple[Frame, ...]]]
) -> Iterator[Stack]:
    for name, (instances, size) in held.items():
        stacks = allocators.get(name, Counter())
        before = baseline.get(name, (0.0, 0.0)) if stacks else (instances, size)
        kept = min(before[0], instances), min(before[1], size)
        yield (class_frame(name),), kept
        for stack, sampled in stacks.items():
            share = sampled / stacks.total()
            yield (
                (class_frame(name), *stack),
                (share * (instances - kept[0]), share * (size - kept[1])),
            )
