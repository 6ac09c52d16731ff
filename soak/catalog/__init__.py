"""The catalog of known metrics and their meaning."""
