"""Software that nobody here wrote, healthy and leaking, and how its recordings are made."""
