"""Load generation: Locust in its own process. Nothing outside this package imports locust or gevent."""
