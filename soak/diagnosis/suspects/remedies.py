"""Remedies for each class of leak, in the terms of the target's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from soak.diagnosis.attribution.allocation_sites import calls
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.library_remedies import RUN, THINGS, WAITS

#: Remedies by class, then by language; the empty language is used if the language is unknown or has
#: no remedy of its own.
REMEDIES: Mapping[str, Mapping[str, str]] = {
    "unbounded-cache": {
        "": (
            "Bound it: a maximum size with eviction (LRU), or a time to live; clear it on a schedule; or keep "
            "it local to the request."
        ),
        "Go": (
            "Bound it: an LRU with a maximum (hashicorp/golang-lru), or delete what is old from a time.Ticker; "
            "or keep it local to the request."
        ),
        "Java": (
            "Bound it: Caffeine with maximumSize or expireAfterWrite, or a LinkedHashMap with "
            "removeEldestEntry; remove listeners that you add."
        ),
        "JavaScript": (
            "Bound it: lru-cache with max (a ttl alone drops nothing by itself), or a WeakMap keyed by the object; "
            "call removeListener for every on()."
        ),
        "Python": (
            "Bound it: functools.lru_cache with a maxsize and not on methods, cachetools.TTLCache, or a deque "
            "with maxlen."
        ),
    },
    "request-context": {
        "": (
            "Release what the request registered when it ends, whatever way it ends; count what is registered "
            "and alert on it."
        ),
        "Go": (
            "Call `defer cancel()` right after context.WithCancel or WithTimeout, Stop timers and tickers; "
            "derive from r.Context() and not from the service's own."
        ),
        "Java": (
            "Call ThreadLocal.remove() in a finally block, cancel scheduled tasks; prefer try-with-resources "
            "for what is scoped to a request."
        ),
        "JavaScript": (
            "Take the request out of maps and lists on its 'close', call clearTimeout and clearInterval, and "
            "settle or race every promise with a timeout."
        ),
        "Python": (
            "Clear thread-locals and context variables in a finally block or teardown handler; do not keep "
            "exceptions, whose tracebacks hold every frame."
        ),
    },
    "goroutine-leak": {
        "": (
            "Bound the life of what is started: give every wait a timeout or a way to be cancelled, and use a "
            "pool of fixed size."
        ),
        "Go": (
            "Let it end: close the channel or buffer it by one, select on ctx.Done() beside every send and "
            "receive, and cancel that context when the request ends."
        ),
        "Java": (
            "Use one executor for the service and shut others down; give every wait a timeout, and interrupt "
            "what waits when the request ends."
        ),
        "JavaScript": (
            "End what was started for a request (worker.terminate(), child.stdin.end() or child.kill()), whatever way it "
            "ends, or use a pool with a maximum."
        ),
        "Python": (
            "Use one ThreadPoolExecutor for the service; give Queue.get, Event.wait and join a timeout, and set "
            "the event when the request ends."
        ),
    },
    "closure-retention": {
        "": "Capture less: copy the few fields that are needed, and drop the reference after use.",
        "Go": (
            "Let the closure capture the few values that it needs and not the buffer or the request; do not "
            "append callbacks for each request."
        ),
        "Java": (
            "Let the lambda capture values and not the request; remove it from the list of callbacks when the "
            "request ends."
        ),
        "JavaScript": (
            "Move the closure out of the scope that holds the large object, or set that variable to null after use."
        ),
        "Python": (
            "Bind the few values as default arguments instead of closing over the request; drop the callback "
            "when the request ends."
        ),
    },
    "pool-misuse": {
        "": (
            "Return every connection in a finally block; 20 to 50 at most, to match the database; an idle "
            "timeout of 5 min; leak detection on."
        ),
        "Go": (
            "`defer rows.Close()`, `defer tx.Rollback()`; one sql.Open for the service; SetMaxOpenConns(20 to "
            "50), SetMaxIdleConns alike, SetConnMaxIdleTime(5 * time.Minute)."
        ),
        "Java": (
            "try-with-resources for Connection, Statement and ResultSet; HikariCP with maximumPoolSize 20 to "
            "50, idleTimeout 300000, leakDetectionThreshold 60000."
        ),
        "JavaScript": (
            "client.release() in finally, or pool.query(); max 20 to 50 and idleTimeoutMillis 300000; one Pool "
            "for the service."
        ),
        "Python": (
            "`with Session() as session:` or engine.begin(); pool_size 20 to 50, max_overflow small, "
            "pool_recycle 300; one engine for the service."
        ),
    },
    "descriptor-leak": {
        "": "Close files, sockets and response bodies where they are opened, whatever way the function ends.",
        "Go": (
            "`defer file.Close()` and `defer response.Body.Close()` right after the error check, and read "
            "bodies to their end so that connections are used again."
        ),
        "Java": (
            "try-with-resources for streams, sockets and Files.lines or list; close response bodies of HTTP clients."
        ),
        "JavaScript": (
            "await handle.close() in finally; destroy() sockets and streams on error; consume or cancel "
            "response bodies."
        ),
        "Python": (
            "`with open(…)` and `with socket`; close responses, or use them as context managers; one client "
            "session for the service."
        ),
    },
    "gc-pressure": {
        "": (
            "Allocate less per request: reuse buffers, encoders and contexts; stream instead of building the "
            "whole answer."
        ),
        "Go": (
            "sync.Pool for buffers and encoders, slices made with their capacity, fewer escapes to the heap (go "
            "build -gcflags=-m); raise GOGC or set GOMEMLIMIT if memory allows."
        ),
        "Java": (
            "Reuse buffers, avoid boxing and intermediate collections; raise the young generation if memory allows."
        ),
        "JavaScript": (
            "Reuse Buffers, avoid copies by spread and JSON round trips; raise --max-semi-space-size if memory allows."
        ),
        "Python": (
            "Use generators and memoryview instead of copies; gc.freeze() after start, and a higher gc.set_threshold."
        ),
    },
    "buffered-response": {
        "": "Stream: encode or copy straight to the response, page the query, and limit how large an answer may get.",
        "Go": (
            "Stream: json.NewEncoder(w), io.Copy(w, reader) or rows written as they come, with no bytes.Buffer "
            "between; page the query."
        ),
        "Java": (
            "Stream: StreamingResponseBody or a Jackson JsonGenerator on the output stream, a fetch size on the "
            "statement; page the query."
        ),
        "JavaScript": "Stream: pipeline(source, response) from node:stream/promises, a cursor for the query; page it.",
        "Python": (
            "Stream: a generator as the response (StreamingResponse, Flask's stream_with_context), yield_per "
            "for the query; page it."
        ),
    },
    "unknown": {
        "": (
            "Open the runtime for snapshots (Go, JVM, Node, Python) and run again: they tell what is kept, and where it is made. "
            "For a native program, heaptrack or the heap profiler of jemalloc or tcmalloc tell."
        ),
        "Go": "Serve net/http/pprof and run again with `--diagnose`: heap profiles tell what is kept, and where it is made.",
        "Java": "Run again with `--diagnose` beside the JVM: its classes and their allocators tell what is kept.",
        "JavaScript": (
            "Start it with `node --inspect=127.0.0.1:9229` and run again with `--diagnose`: "
            "sampled allocations tell what is kept."
        ),
        "Python": (
            "Start it with `SOAK_HOOK=127.0.0.1:9230 python -m soak.hook service.py` and run again with `--diagnose`: "
            "tracebacks tell what is kept."
        ),
    },
    "native-growth": {
        "": (
            "Look outside of the managed heap: memory maps, C libraries, buffers; try another allocator, or "
            "fewer arenas."
        ),
        "Go": (
            "Look for mmap without munmap and for C.malloc without C.free, which cgo code has to call itself; "
            "Go's own memory is steady."
        ),
        "Java": (
            "Look at direct and mapped buffers (jcmd VM.native_memory with -XX:NativeMemoryTracking=summary), "
            "set MaxDirectMemorySize; try MALLOC_ARENA_MAX=2."
        ),
        "JavaScript": (
            "Look at Buffers and ArrayBuffers that are kept (process.memoryUsage().external) and at native "
            "add-ons; try jemalloc."
        ),
        "Python": (
            "Look at C extensions, mmap and buffers that are never closed; try MALLOC_ARENA_MAX=2 or jemalloc "
            "to tell fragmentation from a leak."
        ),
    },
}


#: Classes of what is opened and never closed: places of memory beside them do not show what to close.
_OPENED = ("descriptor-leak", "pool-misuse")

#: Where code stands, by language, that runs however a request ends.
_ENDS = {
    "Java": ", in a finally block",
    "JavaScript": ", on the 'close' of its response",
    "Python": ", in a finally block or a teardown handler",
}


#: The remedy where a library's own function waits: its lock or channel is none of the service's.
_STARTED = (
    "End what the library started for the request when that ends (Unsubscribe, Close, Stop), whatever way it ends, "
    "or start it once for the service."
)


def remedy(
    leak_class: str,
    language: str,
    frames: Sequence[Frame] = (),
    variable: str = "",
    *,
    own: bool = True,
) -> str:
    """Return the remedy for a class of leak in a language, preceded by one for what the growing stacks show.

    If the `variable` that keeps requests is known, its remedy is returned instead. `own` is false if what
    waits for ever is a library's.
    """
    if leak_class == "goroutine-leak" and language == "Go" and not own:
        return _STARTED
    emitter, listens, event = variable.rpartition("._events.")
    if listens:
        on = "the module's emitter" if emitter == "exports" else emitter
        return (
            f"Call off('{event}', …) on {on} for each listener that a request adds, whatever way it ends, "
            "or add it with once or an AbortSignal."
        )
    if variable:
        when = _ENDS.get(language, "")
        return f"Take each request out of {variable} when it ends{when}, or keep only the values that are needed of it."
    if leak_class == "goroutine-leak" and language == "Go":
        waits = (words for functions, words in WAITS if calls(frames, functions))
        if found := next(waits, ""):
            return found
    known = REMEDIES[leak_class]
    general = known.get(language, known[""])
    named = (
        words
        for spoken, functions, words in THINGS
        if spoken == language
        and leak_class not in _OPENED
        and (leak_class, language) != ("goroutine-leak", "JavaScript")
        and (leak_class == "goroutine-leak" or not set(functions) & set(RUN))
        and calls(frames, functions)
    )
    return " ".join(filter(None, (next(named, ""), general)))
