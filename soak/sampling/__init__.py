"""Polling the target: sources, and the schedule that polls them."""
