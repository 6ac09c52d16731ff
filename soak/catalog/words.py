"""Decide by the words of an unknown series' name whether it can be a resource that a leak uses up, and of which kind.

Files (`soak/formats`) and metrics pages (`likely.py`) share this table. The catalog's rows take
precedence over it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from soak.catalog.row_types import ResourceKind, Unit

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Meaning(Enum):
    """What a series can be, by its name alone."""

    RESOURCE = "a resource"
    UNKNOWN = "unknown"
    NO_RESOURCE = "no resource"
    IDENTITY = "an identity"
    INDEX = "an index"
    CLOCK = "a clock"


@dataclass(frozen=True, slots=True)
class Words:
    """Words that indicate one kind of resource, its unit if the name has none, and a growth limit to start with."""

    kind: ResourceKind
    unit: Unit
    limit: str
    words: frozenset[str]


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())


def _words(kind: ResourceKind, unit: Unit, limit: str, text: str) -> Words:
    return Words(kind, unit, limit, word_set(text))


#: Resources that a leak uses up, in the order in which they are looked up.
RESOURCES: tuple[Words, ...] = (
    _words(
        ResourceKind.MEMORY,
        Unit.BYTES,
        "1MiB/h",
        "memory mem ram rss heap pss uss resident arena working workingset swap swpd alloc allocated slab pages",
    ),
    _words(
        ResourceKind.THREADS,
        Unit.THREADS,
        "0/h",
        "thread threads goroutine goroutines fibers coroutines task tasks workers process processes",
    ),
    _words(
        ResourceKind.DESCRIPTORS,
        Unit.DESCRIPTORS,
        "0/h",
        "fd fds handle handles descriptor descriptors socket sockets file files connection connections conn conns inode inodes",
    ),
    _words(
        ResourceKind.POOL,
        Unit.OBJECTS,
        "0/h",
        "pool queue queued backlog pending inflight session sessions subscriptions cache cached",
    ),
    _words(
        ResourceKind.OTHER,
        Unit.NONE,
        "0/h",
        "used inuse bytes object objects entries size depth length disk tmp usage open active live leak buffers buffer "
        "listeners timers watchers locks",
    ),
)
#: Words for the free part of a resource: a leak makes it fall, and a rise is harmless.
LEFT = word_set("free freeable available avail remaining left headroom")
#: Words whose presence makes `free` memory uninformative: the system's caches take and return free
#: memory, and available memory includes them.
_CACHES = word_set("available avail cached cache buff buffers inactive inact")
#: The system's own caches: both must stand next to free memory, since an application may have a
#: cache as well.
_CACHED, _BUFFERED = word_set("cache cached"), word_set("buffers buffer buff buffered")
_PAGE_CACHE = _CACHED | _BUFFERED
_OF_THE_MACHINE = word_set(
    "mem memory ram system sys machine host os page bytes kb mb gb kib mib gib average"
)
_NO_MEMORY = word_set("disk filesystem inode inodes files swap fd fds")
_IDENTITIES = word_set("id pid ppid tid uid gid tgid uuid port version build seed")
_INDICES = word_set("index idx i n no nr row rownum sample seq sequence number num iteration step")
_CLOCKS = word_set("time timestamp elapsed uptime epoch clock date datetime ts unixtime duration")
#: Words that mark a clock whatever else the name says: `process_uptime` does not count processes.
_ALWAYS_CLOCKS = word_set("uptime elapsed epoch unixtime timestamp")
#: Words for events, which are counted from the start, whatever they concern:
#: `connections_accepted`, `cache_hits`.
_EVENTS = word_set(
    "created accepted opened closed hits hit misses miss evictions evicted freed released started finished expired "
    "rejected dropped handled completed served processed acquired returned borrowed joined terminated io uploaded "
    "downloaded transferred transmitted"
)
#: Words for what a leak never uses up, whatever else the name says: shares of a processor, flows,
#: latencies, prices, limits.
_NEVER = word_set(
    "cpu cpus load loadavg latency lag price cost temp temperature celsius fahrenheit humidity voltage "
    "volts amps watts power energy rpm fan speed velocity score sent received rcvd recv rx tx read reads "
    "written write writes in out packets iops rate rps qps tps persec second ratio p50 p75 p90 p95 p99 "
    "p999 quantile limit limits max maximum min minimum capacity quota goal hard soft threshold idle wait "
    "iowait steal user usr system guest irq softirq iodelay nice vsz vms virt virtual vmsize faults switches "
    "minflt majflt cs lat lon latitude longitude volume revenue sales close high low status code bool up delay response peak"
)
#: Before the word of a resource this is a namespace and not a share of a processor: Datadog and
#: OpenTelemetry write `system.mem.used` for a machine's memory.
_NAMESPACE = "system"
#: Words for a flow rather than a stock, unless the name also has the word of a resource.
_RARELY = word_set(
    "request requests reqs error errors failed failures users vus hits misses seconds ms us ns done "
    "served completed processed events total hour day month year ps gc"
)


def words_of(name: str) -> list[str]:
    """Split a name into its words in lower case: `heapUsed` and `heap_used` both have two."""
    return [word.lower() for word in re.split(r"[\W_]+", _CAMEL.sub("_", name)) if word]


@lru_cache(4096)
def meaning_of_words(name: str, unit: str = "") -> Meaning:
    """Return what a series can be, by the words of its name; `unit` is `bytes` if its values are known to be bytes."""
    words = frozenset(words_of(name))
    if words <= _INDICES or name.lower().startswith("unnamed:"):
        return Meaning.INDEX
    if words & _IDENTITIES:
        return Meaning.IDENTITY
    resource = resource_of(name) is not None
    if resource and _is_namespace(words_of(name)):
        words -= {_NAMESPACE}
    if words & _ALWAYS_CLOCKS or (words & _CLOCKS and not resource):
        return Meaning.CLOCK
    flow = name.rstrip().endswith(("/s", "/sec")) or {"per", "s"} <= words
    if flow or words & _NEVER or words & _EVENTS:
        return Meaning.NO_RESOURCE
    if resource or unit == "bytes" or words & LEFT:
        return Meaning.RESOURCE
    return Meaning.NO_RESOURCE if words & _RARELY else Meaning.UNKNOWN


def _is_namespace(words: list[str]) -> bool:
    """Return True if `system` begins a name or precedes the word of a resource: `netdata_system_ram`, not `cpu_system`."""
    if words[0] == _NAMESPACE:
        return True
    following = words[words.index(_NAMESPACE) + 1 :] if _NAMESPACE in words else []
    return bool(following) and resource_of(following[0]) is not None


def resource_of(name: str) -> Words | None:
    """Return the first kind of resource that a name's words indicate; None if there is none."""
    words = frozenset(words_of(name))
    return next((resource for resource in RESOURCES if words & resource.words), None)


def is_left(name: str) -> bool:
    """Return True if a series measures the free part of a resource, so that a fall is the leak."""
    return not LEFT.isdisjoint(words_of(name))


def lent_to_caches(name: str, others: frozenset[str]) -> bool:
    """Return True if a series is a machine's free memory with the system's caches counted next to it, or such a cache.

    `others` are the words of all names together. Free memory falls on every healthy machine: the
    system caches files in it, and gives it back when a program needs it.
    """
    words = frozenset(words_of(name))
    if "free" in words and not words & _NO_MEMORY:
        return bool(_CACHES & others)
    cache = words & _PAGE_CACHE and words <= _PAGE_CACHE | _OF_THE_MACHINE
    return bool(cache) and "free" in others and all(part & others for part in (_CACHED, _BUFFERED))
