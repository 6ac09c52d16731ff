"""Functions and files of runtimes and libraries that show what a stack does."""

from __future__ import annotations

from collections.abc import Sequence

from soak.diagnosis.attribution.allocation_sites import Stack, to_own
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.thresholds import PROMISES

#: What V8 calls the maker of a promise.
_PROMISE = "Promise"
#: Prefixes of functions or files by signature; `file#function` is a function of that file,
#: `/folder/` any file in it.
STACK_SIGNATURES: dict[str, tuple[str, ...]] = {
    "context": (
        "context.",
        "time.AfterFunc",
        "time.NewTimer",
        "time.newTimer",
        "time.NewTicker",
        "time.After",
        "java.lang.ThreadLocal",
        "java.util.Timer",
        "node:internal/timers",
        "setInterval",
        "setTimeout",
        "threading.local",
        "contextvars",
        "Promise",
    ),
    "container": (
        "runtime.mapassign",
        "internal/runtime/maps.",
        "runtime.growslice",
        "sync.(*Map).",
        "internal/sync.(*HashTrieMap",
        "container/list.",
        "java.util.HashMap",
        "java.util.ArrayList",
        "java.util.concurrent.ConcurrentHashMap",
        "java.util.LinkedHashMap",
        "java.util.concurrent.CopyOnWriteArrayList",
    ),
    "database": ("database/sql.", "com.zaxxer.hikari.", "/sqlalchemy/", "/psycopg/", "/psycopg2/"),
    "pools": (
        "database/sql.(*DB).connectionOpener",
        "database/sql.OpenDB",
        "/sqlalchemy/engine/create.py",
    ),
    "pool waits": (
        "database/sql.(*DB).conn",
        "com.zaxxer.hikari.pool.HikariPool.getConnection",
        "org.apache.commons.pool2.impl.GenericObjectPool.borrowObject",
        "org.apache.tomcat.jdbc.pool.ConnectionPool.borrowConnection",
        "com.mchange.v2.resourcepool.BasicResourcePool.prelimCheckoutResource",
        "io.agroal.pool.ConnectionPool.getConnection",
        "QueuePool._do_get",
        "AsyncAdaptedQueuePool._do_get",
        "ConnectionPool.getconn",
        "AsyncConnectionPool.getconn",
    ),
    # What is held below these belongs to a connection that was opened because none was idle.
    "new connections": ("database/sql.(*DB).conn", "database/sql.(*DB).openNewConnection"),
    # Go's database/sql starts one for each transaction or result until it is ended.
    "never ended": ("database/sql.(*Tx).awaitDone", "database/sql.(*Rows).awaitDone"),
    "connections": (
        "net/http.(*persistConn)",
        "net/http.(*Transport)",
        "net/http.(*Client)",
        "net.(*Dialer)",
        "net.Dial",
        "java.net.Socket",
        "sun.nio.ch.",
        # Only opening: answers are written through node:net as well, on connections that others
        # opened.
        "node:net#connect",
        "node:net#Socket.connect",
        "node:_http_client",
    ),
    "files": (
        "os.Open",
        "os.Create",
        "os.newFile",
        "os.NewFile",
        # Only opening: paths are resolved and written by whoever reads a name.
        "java.io.FileInputStream",
        "java.io.FileOutputStream",
        "java.io.FileReader",
        "java.io.FileWriter",
        "java.io.RandomAccessFile",
        "java.nio.channels.FileChannel.open",
        "java.nio.file.Files.find",
        "java.nio.file.Files.lines",
        "java.nio.file.Files.list",
        "java.nio.file.Files.new",
        "java.nio.file.Files.walk",
        "java.util.jar.JarFile",
        "java.util.zip.ZipFile",
        # readFileSync and similar functions are left out: they close what they open.
        "node:fs#open",
        "node:fs#createReadStream",
        "node:fs#createWriteStream",
        "node:fs#watch",
        "node:internal/fs/promises#open",
    ),
    # What starts a thread or a process in Node.
    "starting": (
        "node:internal/worker#",
        "node:child_process#",
        "node:internal/child_process#",
        "node:cluster#",
    ),
    "building": ("node:buffer", "stringify"),
    "native": (
        "syscall.(*mmapper)",
        "syscall.Mmap",
        "golang.org/x/sys/unix.Mmap",
        "runtime.cgocall",
        "_cgo_",
        "_Cfunc_",
        "java.nio.DirectByteBuffer",
        "java.nio.ByteBuffer.allocateDirect",
        "io.netty.buffer.AbstractByteBufAllocator.directBuffer",
        "io.netty.buffer.AbstractByteBufAllocator.ioBuffer",
        "io.netty.buffer.PooledByteBufAllocator.newDirectBuffer",
        "node:buffer",
    ),
}


def is_by_the_way(frame: Frame, stacks: Sequence[Stack]) -> bool:
    """Return True for a promise that has little of what grows: every asynchronous function makes one, whatever it keeps."""
    if frame.function != _PROMISE:
        return False
    gains = [max(float(stack.levels[-1] - stack.levels[0]), 0.0) for stack in stacks]
    made = sum(
        gain
        for gain, stack in zip(gains, stacks, strict=True)
        if any(each.function == _PROMISE for each in to_own(stack.frames))
    )
    return made < PROMISES * sum(gains)
