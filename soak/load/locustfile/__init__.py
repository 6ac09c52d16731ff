"""Locust users of a locustfile, driven as Locust drives them: its events, options, tags, shape and exceptions."""
