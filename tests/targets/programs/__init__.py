"""Libraries that nobody here wrote, at a release (or in a use) with a publicly known leak and at the fixed one."""
