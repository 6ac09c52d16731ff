"""Remedies for what the growing stacks show: functions of runtimes and libraries that keep what they are given."""

from __future__ import annotations

#: Language, prefixes of functions and files in the growing stacks (`/folder/` anywhere in a file),
#: and how to release what these functions keep. The first matching row of the language is put
#: before the remedy of the class.
THINGS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "Go",
        ("github.com/gorilla/context",),
        "Wrap the router in context.ClearHandler, or call context.Clear(r) when it ends.",
    ),
    (
        "Go",
        ("time.NewTicker", "time.Tick"),
        "Call ticker.Stop() when its user ends; time.Tick never stops.",
    ),
    (
        "Go",
        ("time.AfterFunc", "time.NewTimer", "time.After"),
        "Stop the timer where what it waits for came first.",
    ),
    ("Go", ("os/signal.Notify",), "Call signal.Stop for each Notify."),
    (
        "Java",
        ("java.io.DeleteOnExitHook", "java.io.File.deleteOnExit"),
        "deleteOnExit keeps each path until the JVM ends: delete the file in a finally block (Files.deleteIfExists).",
    ),
    (
        "Java",
        ("java.lang.ApplicationShutdownHooks", "java.lang.Runtime.addShutdownHook"),
        "Add one shutdown hook for the service, or call removeShutdownHook.",
    ),
    (
        "Java",
        (
            "org.springframework.cglib.",
            "net.sf.cglib.",
            "net.bytebuddy.",
            "javassist.",
            "org.objectweb.asm.",
        ),
        (
            "Generate each class once and keep it (CGLIB's setUseCache(true), Byte Buddy's TypeCache): "
            "a generated class stays as long as its class loader."
        ),
    ),
    (
        "Java",
        (
            "groovy.lang.GroovyShell",
            "groovy.lang.GroovyClassLoader",
            "groovy.util.Eval",
            "javax.script.",
            "jdk.jshell.",
            "org.codehaus.janino.",
            "javax.tools.",
        ),
        "Compile each script once, and keep its class: what is compiled stays as long as its class loader.",
    ),
    (
        "Java",
        ("java.net.URLClassLoader.<init>", "java.lang.ClassLoader.<init>"),
        "Close class loaders and keep one: threads, thread-locals and static fields of its classes hold a loader.",
    ),
    (
        "Java",
        ("java.util.Timer", "java.util.concurrent.ScheduledThreadPoolExecutor"),
        "Cancel timer tasks, and setRemoveOnCancelPolicy(true) on scheduled executors.",
    ),
    (
        "JavaScript",
        ("/winston/",),
        "Close each logger that is made for a request (winston.loggers.close(id)), or take logger.child() of one.",
    ),
    (
        "JavaScript",
        ("_addListener", "addListener", "addEventListener"),
        "Call removeListener (off) for each listener that a request adds, or add it with once or an AbortSignal.",
    ),
    (
        "JavaScript",
        ("/express-session/", "/memorystore/"),
        (
            "The session MemoryStore never expires: use a store with a time to "
            "live (connect-redis), and saveUninitialized: false."
        ),
    ),
    (
        "JavaScript",
        ("setInterval", "node:internal/timers", "node:timers"),
        "Call clearInterval and clearTimeout when the request ends.",
    ),
    (
        "JavaScript",
        ("compile", "Function", "node:vm"),
        "Compile once and keep the function: each compilation stays.",
    ),
    (
        "Python",
        ("/logging/", "logging.Logger.manager", "logging.getLogger"),
        "Call removeHandler for each addHandler, and do not make loggers named after requests: logging keeps them all.",
    ),
    (
        "Python",
        ("weakref.finalize",),
        "Keep the finalizer and call or detach it when its request ends: what it is given stays until the watched object goes.",
    ),
    (
        "Python",
        ("atexit",),
        "Register one function for the service, or call atexit.unregister when the request ends.",
    ),
    (
        "Python",
        ("/asyncio/",),
        "Await or cancel each task that a request makes, and give every wait a timeout (asyncio.timeout, TaskGroup).",
    ),
    (
        "Python",
        ("/functools.py", "functools."),
        "Give lru_cache a maxsize, and do not put it on methods: it keeps every self.",
    ),
    (
        "Python",
        ("/concurrent/futures/", "/threading.py"),
        "Use one executor for the service, or shut each down (`with ThreadPoolExecutor()`).",
    ),
)


#: Files of Python's own that run whatever a service does: their rows hold for what waits in them alone.
RUN = ("/asyncio/", "/concurrent/futures/", "/threading.py")

#: Functions in which goroutines wait, and what ends such a wait: a channel is not in question there.
WAITS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("sync.(*Mutex)", "sync.(*RWMutex)", "internal/sync.(*Mutex)"),
        (
            "Find who holds this lock for ever: a return or a panic before Unlock (`defer mu.Unlock()` right after Lock), "
            "a lock that is taken twice, or two that are taken in different orders."
        ),
    ),
    (
        ("sync.(*WaitGroup).Wait",),
        "Call wg.Done on every path (`defer wg.Done()`), and wg.Add before the goroutine starts; wait beside ctx.Done().",
    ),
    (
        ("sync.(*Cond).Wait",),
        "Call Signal or Broadcast wherever the condition may have changed, also when the request ends; test it in a loop.",
    ),
)
