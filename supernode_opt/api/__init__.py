"""The program as a Python library: one noun, `Study`, whose verbs give results."""
