"""How a locustfile's users end with the load: in the middle of a task, as in Locust, but not in the middle of a request."""

from __future__ import annotations

import sys

import gevent
from gevent import GreenletExit
from locust.exception import InterruptTaskSet, StopTest, StopUser
from locust.runners import Runner
from locust.user.task import LOCUST_STATE_STOPPING

#: What Locust handles while it calls a user's or a task set's `on_stop`.
_ENDING = (GreenletExit, StopUser, StopTest, InterruptTaskSet)


def end_after_request(runner: Runner) -> None:
    """End the user whose greenlet has just made a request, if it was told to stop; requests of an `on_stop` are all made.

    Locust kills users while they wait for an answer: the server then counts a request that nobody
    else does. Waiting for whole tasks instead would go on with a task that loops for ever.
    """
    greenlet = gevent.getcurrent()
    if greenlet not in runner.user_greenlets or not greenlet.args:
        return  # of a user's helper, such as a pool: the user itself ends after its own next request
    if greenlet.args[0]._state != LOCUST_STATE_STOPPING:  # noqa: SLF001 - Locust has no other name for it
        return
    handled = sys.exception()
    while handled is not None:
        if isinstance(handled, _ENDING):
            return
        handled = handled.__context__
    raise GreenletExit
