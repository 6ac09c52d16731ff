"""How much of a growth belongs to which endpoint and to which place in the code."""
