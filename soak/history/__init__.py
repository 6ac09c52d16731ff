"""Many runs of one profile, night by night: what each said, what changed, and what consecutive nights say together."""
