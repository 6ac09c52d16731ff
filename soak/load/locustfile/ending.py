"""End a locustfile's users with the load: possibly in the middle of a task, as in Locust, but not of a request."""

from __future__ import annotations

import sys

import gevent
from gevent import GreenletExit
from locust.exception import InterruptTaskSet, StopTest, StopUser
from locust.runners import Runner
from locust.user.task import LOCUST_STATE_STOPPING

#: Exceptions that Locust handles while it calls a user's or a task set's `on_stop`.
_ENDING = (GreenletExit, StopUser, StopTest, InterruptTaskSet)


def end_after_request(runner: Runner) -> None:
    """End the current user after its request if it was told to stop. Requests made in `on_stop` are all completed.

    Locust kills users while they wait for a response: then the server counts a request that the
    client does not. Waiting for whole tasks instead would never end a task that loops for ever.
    """
    greenlet = gevent.getcurrent()
    if greenlet not in runner.user_greenlets or not greenlet.args:
        return  # a greenlet of a user's helper, such as a pool: the user ends after its own next request
    if greenlet.args[0]._state != LOCUST_STATE_STOPPING:  # noqa: SLF001 - Locust has no other name for it
        return
    handled = sys.exception()
    while handled is not None:
        if isinstance(handled, _ENDING):
            return
        handled = handled.__context__
    raise GreenletExit
