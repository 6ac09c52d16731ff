"""Derive suspects from evidence: class, place, endpoint, amount, remedy."""
