"""What the words of an unknown series' name say: whether it can be a resource that a leak uses up, and of which kind.

The one table for files (`soak/formats`) and for metrics pages (`likely.py`); what the catalog knows
comes before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from soak.catalog.row_types import ResourceKind, Unit

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Meaning(Enum):
    """Whether a series can be a resource, by its name alone."""

    RESOURCE = "a resource"
    UNKNOWN = "unknown"
    NO_RESOURCE = "no resource"
    IDENTITY = "an identity"
    INDEX = "an index"
    CLOCK = "a clock"


@dataclass(frozen=True, slots=True)
class Words:
    """Words that speak for one kind of resource, its unit where the name says none, and a growth limit to begin with."""

    kind: ResourceKind
    unit: Unit
    limit: str
    words: frozenset[str]


def word_set(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


def _words(kind: ResourceKind, unit: Unit, limit: str, text: str) -> Words:
    return Words(kind, unit, limit, word_set(text))


#: What a leak uses up, in the order in which a name's words are asked.
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
#: What is left of a resource: a leak lets it fall, and a rise of it is no harm.
LEFT = word_set("free freeable available avail remaining left headroom")
#: What makes `free` memory say little: the system's caches take it and give it back, and what is available counts them in.
_CACHES = word_set("available avail cached cache buff buffers inactive inact")
#: The system's own caches: told by both of them beside free memory, for an application has a cache as well.
_CACHED, _BUFFERED = word_set("cache cached"), word_set("buffers buffer buff buffered")
_PAGE_CACHE = _CACHED | _BUFFERED
_OF_THE_MACHINE = word_set(
    "mem memory ram system sys machine host os page bytes kb mb gb kib mib gib average"
)
_NO_MEMORY = word_set("disk filesystem inode inodes files swap fd fds")
_IDENTITIES = word_set("id pid ppid tid uid gid tgid uuid port version build seed")
_INDICES = word_set("index idx i n no nr row rownum sample seq sequence number num iteration step")
_CLOCKS = word_set("time timestamp elapsed uptime epoch clock date datetime ts unixtime duration")
#: Clocks whatever else the name says: `process_uptime` counts no processes.
_ALWAYS_CLOCKS = word_set("uptime elapsed epoch unixtime timestamp")
#: What has happened is counted from the start on, whatever it happened to: `connections_accepted`, `cache_hits`.
_EVENTS = word_set(
    "created accepted opened closed hits hit misses miss evictions evicted freed released started finished expired "
    "rejected dropped handled completed served processed acquired returned borrowed joined terminated io uploaded "
    "downloaded transferred transmitted"
)
#: What no leak uses up, whatever else the name says: shares of a processor, flows, latencies, prices, limits.
_NEVER = word_set(
    "cpu cpus load loadavg latency lag price cost temp temperature celsius fahrenheit humidity voltage "
    "volts amps watts power energy rpm fan speed velocity score sent received rcvd recv rx tx read reads "
    "written write writes in out packets iops rate rps qps tps persec second ratio p50 p75 p90 p95 p99 "
    "p999 quantile limit limits max maximum min minimum capacity quota goal hard soft threshold idle wait "
    "iowait steal user usr system guest irq softirq iodelay nice vsz vms virt virtual vmsize faults switches "
    "minflt majflt cs lat lon latitude longitude volume revenue sales close high low status code bool up delay response peak"
)
#: Before a resource no share of a processor: `system.mem.used` as Datadog and OpenTelemetry name a machine's own.
_NAMESPACE = "system"
#: What is rather a flow than a stock, unless a word of a resource stands beside it.
_RARELY = word_set(
    "request requests reqs error errors failed failures users vus hits misses seconds ms us ns done "
    "served completed processed events total hour day month year ps gc"
)


def words_of(name: str) -> list[str]:
    """The words of a name in lower case: `heapUsed` and `heap_used` are two."""
    return [word.lower() for word in re.split(r"[\W_]+", _CAMEL.sub("_", name)) if word]


@lru_cache(4096)
def meaning_of_words(name: str, unit: str = "") -> Meaning:
    """What a name says of its series, by its words; `unit` is `bytes` where the values are known to be."""
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
    """Whether `system` begins a name, or stands before a word of a resource: `netdata_system_ram`, and not `cpu_system`."""
    if words[0] == _NAMESPACE:
        return True
    following = words[words.index(_NAMESPACE) + 1 :] if _NAMESPACE in words else []
    return bool(following) and resource_of(following[0]) is not None


def resource_of(name: str) -> Words | None:
    """The first kind of resource that a name's words speak for; None where none does."""
    words = frozenset(words_of(name))
    return next((resource for resource in RESOURCES if words & resource.words), None)


def is_left(name: str) -> bool:
    """Whether a series tells what is left of a resource, so that its fall is the leak."""
    return not LEFT.isdisjoint(words_of(name))


def lent_to_caches(name: str, others: frozenset[str]) -> bool:
    """Whether a series is a machine's free memory beside what counts the system's caches, or one of these caches.

    `others` are the words of all names together. Free memory falls on every healthy machine, as the
    system caches files in it, and takes it back where it is needed.
    """
    words = frozenset(words_of(name))
    if "free" in words and not words & _NO_MEMORY:
        return bool(_CACHES & others)
    cache = words & _PAGE_CACHE and words <= _PAGE_CACHE | _OF_THE_MACHINE
    return bool(cache) and "free" in others and all(part & others for part in (_CACHED, _BUFFERED))
