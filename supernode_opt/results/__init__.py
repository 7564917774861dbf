"""Results on disk: written whole, published at once, checked when read."""
