"""Attribute growth to endpoints and to places in the code."""
