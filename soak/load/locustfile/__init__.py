"""Users of a locustfile, driven as Locust drives them, with its events, options, tags, shape and exceptions."""
