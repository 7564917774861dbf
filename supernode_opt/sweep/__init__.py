"""Many designs of one study: grids and samples, in bounded memory, on many workers."""
