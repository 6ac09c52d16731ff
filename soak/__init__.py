"""soak: will this service survive a month of this traffic without a restart, and if not, what leaks?"""

__version__ = "0.1.0"
