"""A world that a stack is in: what providers made is in files, and may differ from what a state says."""
