"""What the classes are of which requests surely leave objects on a JVM's heap: their names tell what was not released."""

from __future__ import annotations

import re
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from soak.diagnosis.attribution.allocation_sites import own_frames
from soak.diagnosis.attribution.exact_counts import WHOLE
from soak.diagnosis.attribution.growing_classes import LAMBDA
from soak.diagnosis.attribution.signals import PLACE
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext
from soak.units import show_number

#: The JVM keeps the stack of a virtual thread that waits in an object of this class.
_CHUNK = "jdk.internal.vm.StackChunk"


@dataclass(frozen=True, slots=True)
class ClassKind:
    """Classes whose names match `pattern` show a leak of a class: what their objects are, in words, and its remedy."""

    leak_class: str
    pattern: re.Pattern[str]
    words: str
    remedy: str


#: The first row of a class of leak that matches a growing class counts.
KINDS = (
    ClassKind(
        "pool-misuse",
        re.compile(
            r"(?:.*\.)?(?:jdbc\w*|sqlite|postgresql|hsqldb)\..*(?:Statement|ResultSet)\w*$"
            r"|.*\.(?:Hikari)?Proxy\w*Statement$"
        ),
        "statements or results that are not closed",
        "Close every Statement and ResultSet (try-with-resources): a connection that lives long keeps all that are open.",
    ),
    ClassKind(
        "pool-misuse",
        re.compile(r"org\.hibernate\..*SessionImpl$"),
        "sessions of Hibernate that are not closed",
        "Close every Session or EntityManager (try-with-resources), or let the framework do so: one for each request.",
    ),
    ClassKind(
        "request-context",
        re.compile(r".*\b(?:ScheduledFutureTask|TimerTask)$"),
        "tasks that are never cancelled",
        "Cancel each scheduled task when its request ends, and setRemoveOnCancelPolicy(true) on the executor.",
    ),
    ClassKind(
        "request-context",
        re.compile(r".*AsyncContext(?:Impl|State)?$"),
        "requests that are never completed",
        "Call complete() on every AsyncContext, whatever way its work ends, and set its timeout.",
    ),
    ClassKind(
        "request-context",
        re.compile(
            r".*(?:Listener|Subscription|Subscriber|Observer|MessageConsumerImpl|HandlerRegistration)$"
        ),
        "listeners that are never removed",
        "Remove each listener or subscription that a request adds when it ends, whatever way it ends.",
    ),
    ClassKind(
        "request-context",
        re.compile(r"java\.util\.concurrent\.CompletableFuture$"),
        "futures that never complete",
        "Complete every future, also when its work fails, and bound each wait (orTimeout, completeOnTimeout).",
    ),
    ClassKind(
        "goroutine-leak",
        re.compile(r"java\.lang\.VirtualThread$|.*\$BoundVirtualThread$"),
        "virtual threads that never end",
        "Give every wait of a virtual thread a timeout, and interrupt it when the request ends.",
    ),
    ClassKind(
        "native-growth",
        re.compile(r"io\.netty\.buffer\..*(?:PoolSubpage|DirectByteBuf)$"),
        "pages and buffers outside of the heap that are not released",
        "Release each ByteBuf in a finally block; -Dio.netty.leakDetection.level=paranoid logs where it was taken.",
    ),
    ClassKind(
        "native-growth",
        re.compile(r"java\.util\.zip\.(?:Inflater|Deflater)$"),
        "compressors that are not ended",
        "Call end() on each Inflater and Deflater, or close the stream that has it, in a finally block.",
    ),
    ClassKind(
        "unbounded-cache",
        re.compile(
            r"org\.eclipse\.jetty\..*\.Session|.*\.StandardSession|.*SessionManager\$SessionImpl|.*\.MapSession"
        ),
        "sessions that do not expire",
        "Let sessions expire (setMaxInactiveInterval), and make none for callers that keep no cookie.",
    ),
    ClassKind(
        "unbounded-cache",
        re.compile(r"org\.hibernate\.engine\..*EntityEntry\w*$"),
        "entities of a persistence context that is not cleared",
        "Use one EntityManager for each request, and clear() it within long work: it keeps every entity that it read.",
    ),
)


class _Left(NamedTuple):
    """A growing class, how many of its objects each request leaves, and what they are."""

    name: str
    each: float
    kind: ClassKind


def class_words(leak_class: str, context: RunContext) -> str:
    """Say what each request leaves that shows this class of leak; empty if nothing is seen to."""
    kept = _kept(leak_class, context)
    return _more(context, kept.name, kept.each, kept.kind.words) if kept is not None else ""


def class_remedy(leak_class: str, context: RunContext) -> str:
    """Return the remedy for what each request leaves that shows this class of leak; empty if nothing is seen to."""
    kept = _kept(leak_class, context)
    return kept.kind.remedy if kept is not None else ""


def class_count(leak_class: str, context: RunContext) -> float:
    """Return how many objects that show this class of leak each request leaves; 0 if none is seen to."""
    kept = _kept(leak_class, context)
    return _rounded(kept.each) if kept is not None else 0.0


def waits_of_virtual_threads(case: Case) -> Frame | None:
    """Return the own place that most stacks of waiting virtual threads were made at: where they wait; None if there is none."""
    made = [
        (signal.site.share_of((_CHUNK,)), signal.site.place)
        for signal in case.of(PLACE)
        if signal.site is not None and own_frames((signal.site.place,))
    ]
    share, place = max(made, key=itemgetter(0), default=(0.0, None))
    return place if share > 0 else None


def own_class(context: RunContext) -> Frame | None:
    """Return the target's own class of which requests surely leave objects, the one that takes most memory; else None.

    Of the lambda expressions, the one that takes most is the class that they are written in.
    """
    own = context.classes.own if context.classes is not None else ()
    return Frame(own[0].partition(LAMBDA)[0]) if own else None


def own_objects(context: RunContext) -> str:
    """Say how many objects of an own class each request leaves; empty if none is seen to."""
    if context.classes is None or not context.classes.own:
        return ""
    name = context.classes.own[0]
    outer, written, _ = name.partition(LAMBDA)
    shown = f"a lambda expression of {outer}" if written else name
    return _more(context, shown, context.classes.each[name])


def surely_grows(context: RunContext, name: str) -> bool:
    """Return True if requests surely leave objects of a class of this name, and if no classes are known to grow.

    The name is one without its package, or the last words of it.
    """
    return context.classes is None or any(each.endswith(name) for each in context.classes.each)


def _kept(leak_class: str, context: RunContext) -> _Left | None:
    each = context.classes.each if context.classes is not None else {}
    return next(
        (
            _Left(name, many, kind)
            for kind in KINDS
            if kind.leak_class == leak_class
            for name, many in each.items()
            if kind.pattern.match(name)
        ),
        None,
    )


def _rounded(each: float) -> float:
    """Return a number of objects as a whole one if it nearly is: at a snapshot the last requests are under way."""
    return float(round(each)) if abs(each - round(each)) <= WHOLE * each else each


def _more(context: RunContext, name: str, each: float, words: str = "") -> str:
    assert context.classes is not None
    many = show_number(_rounded(each))
    what = f": {words}" if words else ""
    left = f"one more of {name} stays" if many == "1" else f"{many} more of {name} stay"
    return f"For each request to {context.classes.endpoint} {left} alive{what}."
