"""Traffic: Locust in a process of its own. Nothing outside this package imports locust or gevent."""
