"""Several machines on several models, and what would have to be true of a constant."""
