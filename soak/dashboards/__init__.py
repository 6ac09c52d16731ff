"""Dashboards of what `soak run --metrics` serves."""
