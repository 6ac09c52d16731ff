"""Limits beyond which the load generator is overloaded, for the generator rule and for a capacity search's steps."""

from __future__ import annotations

#: Share of one core from which a load process is busy: at 90%, a request queues for nine times its
#: CPU time.
BUSY = 0.9
#: Seconds of event-loop lag from which a load process lags: the interval of its own probe.
LAGGING = 0.05
