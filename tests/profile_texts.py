"""A profile that is right, for tests to make wrong."""

GOOD = """\
name: orders
target: {url: "http://127.0.0.1:8080"}
load:
  rate: 50/s
  duration: 10m
endpoints:
  - GET /a
"""
