"""Counts, latencies, exemplars and the load generator's own health."""
