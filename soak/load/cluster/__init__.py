"""Locust's master and workers: which workers join, which are lost, and how their windows are merged."""
