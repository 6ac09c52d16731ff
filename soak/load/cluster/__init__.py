"""Locust's master and workers: who joins, who is lost, how their windows are merged."""
