"""A master that is stuck takes its workers with it."""

import subprocess
import sys

from soak.load.cluster.local_workers import LocalWorkers

#: Its event loop is stuck; only the native threads of its lifeline run on.
STUCK = """
import gevent, gevent.monkey
gevent.monkey.patch_all()
from soak.load import lifeline
lifeline.LAST_EXIT = 0.05
gevent.get_hub().threadpool.spawn(lifeline.end_of_input, lambda: print("ended", flush=True))
gevent.sleep(0.01)
gevent.monkey.get_original("time", "sleep")(600)
"""


def test_all_that_still_run_are_killed() -> None:
    workers = LocalWorkers()
    ended, running = (
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
        for code in ("", "import sys; sys.stdin.read()")
    )
    with ended, running:
        ended.wait()
        workers._processes += [ended, running]
        workers.kill_all()
        assert running.wait() == -9
        workers.kill_all()
    assert ended.returncode == 0


def test_a_stuck_process_ends_what_would_outlive_it_when_its_lifeline_ends() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STUCK], input=b"", stdout=subprocess.PIPE, check=False, timeout=600
    )
    assert (done.returncode, done.stdout) == (0, b"ended\n")
