"""Results on disk, in one format: written, read, checked and shown as tables."""
